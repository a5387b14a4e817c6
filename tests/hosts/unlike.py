"""A host that is unlike `tests.settings` in all that a host may choose.

Its clock is far from UTC and put back in autumn, and its moments are naive. Its accounts have
other names and keys, and another database than the app, which prepares no statements.
"""

from __future__ import annotations

from typing import Any

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS, _folder

USE_TZ = False
TIME_ZONE = "America/New_York"
AUTH_USER_MODEL = "accounts.Account"
INSTALLED_APPS = ["tests.hosts.accounts", *INSTALLED_APPS]
_STATEMENTS = {"server_side_binding", "prepare_threshold"}
_options = DATABASES["default"].get("OPTIONS", {})
DATABASES = {
    "tokens": DATABASES["default"]
    | {"OPTIONS": {name: _options[name] for name in _options if name not in _STATEMENTS}},
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"{_folder.name}/host.sqlite3",
        "TEST": {"NAME": f"{_folder.name}/test-host.sqlite3"},
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 60},
    },
}
DATABASE_ROUTERS = ["tests.hosts.unlike.TokensElsewhere"]


class TokensElsewhere:
    """Keeps the app's tables in a database of their own."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "tokens" if model._meta.app_label == "entities" else "default"

    db_for_write = db_for_read

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == ("tokens" if app_label == "entities" else "default")
