"""A project that has this app and its peers, and no middleware: what all of them need is none.

The database is that of DATABASE_URL, as the service configures it. On PostgreSQL the connection is
kept in place of a pool, is not probed at each request, and its statements are prepared unless
`BENCH_PREPARED` is off: for all sides alike.
"""

from __future__ import annotations

import os
from datetime import timedelta

from tokenservice import environment as env

SECRET_KEY = env.text("SECRET_KEY")
ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
INSTALLED_APPS = [
    "entities",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rest_framework.authtoken",
    "knox",
    "oauth2_provider",
]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "tests.benchmarks.peers.urls"
WSGI_APPLICATION = "tests.benchmarks.peers.wsgi.application"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING = {"version": 1, "loggers": {"django": {"level": "CRITICAL"}}}
# Peers limit nothing by default.
ENTITIES: dict[str, object] = {"RATE_LIMITS": False}
_serves = env.flag("BENCH_SERVES", default=False)
if not _serves:
    # What was noted of uses is written between what is measured; a server writes it beside.
    ENTITIES["LAST_USED_FLUSH"] = None
if env.flag("BENCH_CACHED", default=False):
    ENTITIES["VERIFICATION_CACHE"] = "process"
    if not _serves:
        # It takes longer than the five seconds of the default until it is a token's turn again.
        ENTITIES["VERIFICATION_CACHE_TTL"] = timedelta(hours=1)

DATABASES = {"default": env.database() | {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}}
if "postgresql" in DATABASES["default"]["ENGINE"]:
    _options = DATABASES["default"]["OPTIONS"]
    for _name in ("pool", "server_side_binding", "prepare_threshold"):
        _options.pop(_name, None)
    if env.flag("BENCH_PREPARED", default=True):
        _options |= {"server_side_binding": True, "prepare_threshold": 0}
if LARGE := os.environ.get("BENCH_LARGE"):
    DATABASES["large"] = DATABASES["default"] | {"NAME": LARGE}
    DATABASE_ROUTERS = ["tests.benchmarks.peers.aim.Router"]
