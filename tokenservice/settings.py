"""Settings of the service. Everything that differs between installations is in the environment.

The README has a table of the variables.
"""

from __future__ import annotations

import re
import warnings
from importlib import metadata
from typing import TYPE_CHECKING, Any

from tokenservice import environment as env
from tokenservice.paths import ALL_BUT_PAGES
from tokenservice.secret_key import read_secret_key

if TYPE_CHECKING:
    from collections.abc import Callable

BASE_DIR = env.BASE_DIR
DATA_DIR = env.data_dir()

DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = read_secret_key()
SECRET_KEY_FALLBACKS = env.items("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS")

INSTALLED_APPS = [
    "tokenservice",
    "entities",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "tokenservice.middleware.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tokenservice.middleware.PageSessionMiddleware",
    "tokenservice.middleware.PageLocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "tokenservice.urls"
WSGI_APPLICATION = "tokenservice.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": env.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": env.cache()}

# The sessions app is not installed, so that there is no table of them: a dump of the database must
# not let anybody in. Only a cache that all processes share can hold them instead.
_SHARED_CACHES = ("RedisCache", "PyMemcacheCache", "PyLibMCCache")
SESSION_ENGINE = (
    "django.contrib.sessions.backends.cache"
    if CACHES["default"]["BACKEND"].endswith(_SHARED_CACHES)
    else "django.contrib.sessions.backends.signed_cookies"
)
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS")
# The fallback storage would put what is too long into the session, which may be a cookie itself.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Pinned, for a client may send a SCRIPT_NAME header.
_MOUNT = (env.text("FORCE_SCRIPT_NAME") or "").strip("/")
FORCE_SCRIPT_NAME = f"/{_MOUNT}" if _MOUNT else ""
HTTPS = env.flag("HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = HTTPS
# Whoever redirects an API call has had its credentials in clear, and hides that from the caller.
SECURE_REDIRECT_EXEMPT = [f"^{re.escape(f'{_MOUNT}/') if _MOUNT else ''}{ALL_BUT_PAGES}"]
SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", default=365 * 24 * 60 * 60) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("HSTS_INCLUDE_SUBDOMAINS", default=True)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
if HTTPS:
    # Browsers take a cookie of this name from this host only, and from no other of the domain.
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
# Unset, no header of a client makes a request one over TLS, or one to another host.
_PROXY_SSL_HEADER = env.text("PROXY_SSL_HEADER")
SECURE_PROXY_SSL_HEADER = (
    (f"HTTP_{_PROXY_SSL_HEADER.upper().replace('-', '_')}", "https") if _PROXY_SSL_HEADER else None
)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Preloading is the step of the domain's owner, and takes months to take back.
SILENCED_SYSTEM_CHECKS = ["security.W021"]

# Of forms in the admin. The API counts by itself, see ENTITIES_MAX_BODY_BYTES.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
# Straight from the packages, so that there is no collectstatic to forget.
WHITENOISE_USE_FINDERS = True
warnings.filterwarnings("ignore", message="No directory at: ", category=UserWarning)

LANGUAGE_CODE = env.language("LANGUAGE_CODE", default="en")
TIME_ZONE = env.time_zone("TIME_ZONE", default="UTC")
USE_TZ = True

_LOG_LEVEL = env.choice(
    "LOG_LEVEL", of=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), default="INFO"
)
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        # In place of Django's handlers, one of which mails the headers of requests to ADMINS.
        "django": {"handlers": [], "level": _LOG_LEVEL, "propagate": True},
        "entities": {"level": _LOG_LEVEL},
    },
}


def _version() -> str:
    try:
        return metadata.version("django-entities-tokenservice")
    except metadata.PackageNotFoundError:  # run from its source, not installed
        return "0"


REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Entity Authentication Token",
    "DESCRIPTION": "Issues, shows, updates, refreshes and revokes the authentication token of a "
    "user in an entity.",
    "VERSION": _version(),
    "OAS_VERSION": "3.1.1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "entities.api.gateway_schema.add_gateway",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": True},
}


_READERS: dict[str, Callable[[str], Any]] = {
    "API_KEY_PREFIX": env.text,
    "AUTH_TOKEN_PREFIX": env.text,
    "LAST_USED_FLUSH": env.seconds,
    "MAX_BODY_BYTES": lambda name: env.number(name, default=0),
    "RATE_LIMITS": lambda name: env.flag(name, default=True),
    "RATE_LIMIT_API_KEY": env.rate,
    "RATE_LIMIT_CALLER": env.rate,
    "RATE_LIMIT_FAILURES": env.rate,
    "REFRESH_GRACE": env.seconds,
    "SIGNING_KEYS": env.items,
    "TOKEN_READBACK": lambda name: env.flag(name, default=True),
    "TRUSTED_PROXIES": lambda name: env.number(name, default=0),
    "USER_AUTHENTICATORS": env.items,
    "USER_TOKEN_PREFIX": env.text,
    "VERIFICATION_CACHE": env.text,
    "VERIFICATION_CACHE_TTL": env.seconds,
}
# Only what is set: the defaults are those of `entities.conf`.
ENTITIES = {
    name: read(f"ENTITIES_{name}")
    for name, read in _READERS.items()
    if env.text(f"ENTITIES_{name}") is not None
}
