"""Read the environment strictly: a value that cannot be meant stops the start, and says why.

django-environ parses the URLs. Its other readers do not serve: they take `HTTPS=ture` for off, and
a secret that begins with `$` for the name of another variable.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import environ
from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured

from entities.conf import Rate

BASE_DIR: Path = Path(__file__).resolve().parent.parent

_ON = {"1", "on", "true", "yes"}
_OFF = {"0", "off", "false", "no"}


def text(name: str) -> str | None:
    """Return the variable; None where it is unset or empty, which is how compose files unset one.

    Unset, the file that `<name>_FILE` names stands in, as container secrets come.

    Raises:
        ImproperlyConfigured: that file cannot be read.

    """
    if value := os.environ.get(name, "").strip():
        return value
    if not (path := os.environ.get(f"{name}_FILE", "").strip()):
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}") from None


def flag(name: str, *, default: bool) -> bool:
    """Read `on` or `off`, and what else people write for them.

    Raises:
        ImproperlyConfigured: it is neither.

    """
    value = text(name)
    if value is None:
        return default
    if value.lower() in _ON | _OFF:
        return value.lower() in _ON
    raise ImproperlyConfigured(f"{name} is neither on nor off.")


def number(name: str, *, default: int) -> int:
    """Read a whole number of zero or more.

    Raises:
        ImproperlyConfigured: it is none.

    """
    value = text(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise ImproperlyConfigured(f"{name} is not a whole number of zero or more.")
    return int(value)


def choice(name: str, *, of: tuple[str, ...], default: str) -> str:
    """Read one of some words, in capitals or not.

    Raises:
        ImproperlyConfigured: it is none of them.

    """
    value = (text(name) or default).upper()
    if value not in of:
        raise ImproperlyConfigured(f"{name} is none of {', '.join(of)}.")
    return value


def language(name: str, *, default: str) -> str:
    """Read the code of a language that Django knows, like `de` or `pt-br`.

    Raises:
        ImproperlyConfigured: it knows no such language.

    """
    value = (text(name) or default).lower()
    if value not in dict(global_settings.LANGUAGES):
        raise ImproperlyConfigured(f"{name} is no code of a language that is known here.")
    return value


def time_zone(name: str, *, default: str) -> str:
    """Read the name of a time zone, like `Europe/Berlin`.

    Raises:
        ImproperlyConfigured: there is no such time zone.

    """
    value = text(name) or default
    if value not in available_timezones():
        raise ImproperlyConfigured(f"{name} is no time zone, like Europe/Berlin.")
    return value


def items(name: str) -> list[str]:
    """Read a list with commas between its items; unset, it is empty."""
    return [item.strip() for item in (text(name) or "").split(",") if item.strip()]


def seconds(name: str) -> timedelta:
    """Read a duration in whole seconds; unset, it is zero."""
    return timedelta(seconds=number(name, default=0))


def rate(name: str) -> str | None:
    """Read a rate like `600/minute`; `off` is None.

    Raises:
        ImproperlyConfigured: it is neither.

    """
    value = (text(name) or "").lower()
    if value in _OFF:
        return None
    try:
        Rate.parse(value)
    except ValueError:
        raise ImproperlyConfigured(
            f"{name} is neither off nor a rate: a number above zero, a slash, and second, minute, "
            "hour or day."
        ) from None
    return value


def data_dir() -> Path:
    """Return the directory of what the service keeps on disk: the key file, SQLite's database."""
    return Path(text("DATA_DIR") or BASE_DIR / "var").resolve()


def database() -> dict[str, Any]:
    """Read DATABASE_URL for Django, tuned for the two databases that every test runs on.

    Raises:
        ImproperlyConfigured: it is of another database, whose constraints nobody has tried.

    """
    url = text("DATABASE_URL")
    if url is None:
        directory = data_dir()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        config: dict[str, Any] = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": directory / "db.sqlite3",
        }
    else:
        config = _parsed("DATABASE_URL", environ.Env.db_url_config, url)
    tune = _TUNING.get(config.get("ENGINE", ""))
    if tune is None:
        raise ImproperlyConfigured(
            "DATABASE_URL is neither postgres://user:password@host/name nor sqlite:///path."
        )
    tuned = tune()
    config["OPTIONS"] = tuned.pop("OPTIONS") | config.get("OPTIONS", {})
    # A connection that the database closed (a restart, a failover) is seen before it is used.
    return {"CONN_HEALTH_CHECKS": True} | tuned | config


def cache() -> dict[str, Any]:
    """Read CACHE_URL for Django; unset, each process has a cache of its own."""
    url = text("CACHE_URL")
    if url is None:
        return {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            # Limits keep three counts a caller: of what is culled, they would begin anew.
            "OPTIONS": {"MAX_ENTRIES": 30_000},
        }
    config = _parsed("CACHE_URL", environ.Env.cache_url_config, url)
    if "redis" in url.partition(":")[0]:
        config["BACKEND"] = "django.core.cache.backends.redis.RedisCache"
        # A cache that hangs must not hang the service.
        patience = {"socket_connect_timeout": 2, "socket_timeout": 2}
        config["OPTIONS"] = patience | config.get("OPTIONS", {})
    return config


def _parsed(name: str, parse: Any, url: str) -> dict[str, Any]:
    try:
        config: dict[str, Any] = parse(url)
    except (ImproperlyConfigured, LookupError, ValueError):
        # The message of the parser may quote the URL, and with it a password.
        raise ImproperlyConfigured(f"{name} is no URL of a kind that is known here.") from None
    return config


def _sqlite() -> dict[str, Any]:
    return {
        # To open the file anew for each request costs a quarter of it.
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # Writers queue from BEGIN on, for as long as the timeout: a transaction that reads
            # first and writes later would fail at once where another has written meanwhile.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            # Django turns foreign keys on by itself. A page cache of 16 MiB a connection, and the
            # first 256 MiB of the file in the address space: a look-up reads ten pages.
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                "PRAGMA cache_size=-16384; PRAGMA mmap_size=268435456;"
            ),
        },
    }


def _postgresql() -> dict[str, Any]:
    prepares = flag("DATABASE_PREPARED_STATEMENTS", default=True)
    return {
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            # To plan the join of a verification takes longer than to run it. A statement is
            # prepared at its sixth use; one that takes no part in that is bound as before.
            "server_side_binding": prepares,
            "prepare_threshold": 5 if prepares else None,
            "connect_timeout": 5,
            "pool": {
                "min_size": number("DATABASE_POOL_MIN_SIZE", default=1),
                "max_size": number("DATABASE_POOL_MAX_SIZE", default=8),
                # Better an error than a request that waits on a dead database for 30 s.
                "timeout": 10,
            },
        },
    }


_TUNING = {
    "django.db.backends.postgresql": _postgresql,
    "django.db.backends.sqlite3": _sqlite,
}
