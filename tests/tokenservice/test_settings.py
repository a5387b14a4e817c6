from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from entities.conf import SETTING_NAMES
from tests.tokenservice.conftest import PRODUCTION, clean_environment, manage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Load = Callable[..., dict[str, Any]]

KEY = {"SECRET_KEY": "k" * 50}


def test_without_a_key_it_does_not_start_and_says_why(tmp_path: Path) -> None:
    done = manage("seed_demo", env=clean_environment(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Not configured: SECRET_KEY is not set, and there is no key file at "
        f"{tmp_path}/secret-key. Set SECRET_KEY to a long random text (`python -c 'import secrets; "
        "print(secrets.token_urlsafe(48))'` makes one), or run `manage.py quickstart`, which makes "
        "the file.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_production_configuration_passes_the_deployment_checks(tmp_path: Path) -> None:
    env = clean_environment(tmp_path, **PRODUCTION)
    done = manage("check", "--deploy", "--fail-level", "WARNING", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "System check identified no issues (1 silenced).\n"


def test_collectstatic_works_and_is_not_needed(tmp_path: Path) -> None:
    done = manage("collectstatic", "--no-input", env=clean_environment(tmp_path, **PRODUCTION))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css").exists()


ENTITIES_VARIABLES = {
    "ENTITIES_API_KEY_PREFIX": ("key", "key"),
    "ENTITIES_AUTH_TOKEN_PREFIX": ("at", "at"),
    "ENTITIES_JWT_ALGORITHMS": ("ES256,PS256", ["ES256", "PS256"]),
    "ENTITIES_JWT_AUDIENCE": (
        "tokens, https://tokens.example",
        ["tokens", "https://tokens.example"],
    ),
    "ENTITIES_JWT_CREATE_USERS": ("on", True),
    "ENTITIES_JWT_ENTITY_CLAIM": ("org_id", "org_id"),
    "ENTITIES_JWT_ISSUER": ("https://idp.example/", "https://idp.example/"),
    "ENTITIES_JWT_JWKS_URL": ("https://idp.example/jwks", "https://idp.example/jwks"),
    "ENTITIES_JWT_LEEWAY": ("0", timedelta(0)),
    "ENTITIES_JWT_USER_CLAIM": ("uid", "uid"),
    "ENTITIES_LAST_USED_FLUSH": ("60", timedelta(minutes=1)),
    "ENTITIES_MAX_BODY_BYTES": ("1024", 1024),
    "ENTITIES_RATE_LIMITS": ("off", False),
    "ENTITIES_RATE_LIMIT_API_KEY": ("5/Second", "5/second"),
    "ENTITIES_RATE_LIMIT_CALLER": ("off", None),
    "ENTITIES_RATE_LIMIT_FAILURES": ("1000/day", "1000/day"),
    "ENTITIES_REFRESH_GRACE": ("0", timedelta(0)),
    "ENTITIES_SIGNING_KEYS": ("one, two,", ["one", "two"]),
    "ENTITIES_TOKEN_READBACK": ("off", False),
    "ENTITIES_TRUSTED_PROXIES": ("2", 2),
    "ENTITIES_USER_AUTHENTICATORS": ("a.B,c.D", ["a.B", "c.D"]),
    "ENTITIES_USER_TOKEN_PREFIX": ("user", "user"),
    "ENTITIES_VERIFICATION_CACHE": ("process", "process"),
    "ENTITIES_VERIFICATION_CACHE_TTL": ("2", timedelta(seconds=2)),
}


def test_every_setting_of_the_app_has_a_variable(settings_of: Load) -> None:
    variables = {name: text for name, (text, _) in ENTITIES_VARIABLES.items()}
    assert settings_of(**KEY, **variables)["ENTITIES"] == {
        name.removeprefix("ENTITIES_"): value for name, (_, value) in ENTITIES_VARIABLES.items()
    }
    assert tuple(name.removeprefix("ENTITIES_") for name in ENTITIES_VARIABLES) == SETTING_NAMES


def test_what_is_not_set_is_left_to_the_defaults_of_the_app(settings_of: Load) -> None:
    assert settings_of(**KEY)["ENTITIES"] == {}
    assert settings_of(**KEY, ENTITIES_REFRESH_GRACE="")["ENTITIES"] == {}


def test_the_defaults_are_those_of_production(settings_of: Load, tmp_path: Path) -> None:
    loaded = settings_of(**KEY)
    expected = {
        "DEBUG": False,
        "ALLOWED_HOSTS": [],
        "SECRET_KEY_FALLBACKS": [],
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31536000,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
        "SECURE_PROXY_SSL_HEADER": None,
        "FORCE_SCRIPT_NAME": "",
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_NAME": "__Host-sessionid",
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_NAME": "__Host-csrftoken",
        "X_FRAME_OPTIONS": "DENY",
        "STATIC_ROOT": tmp_path / "static",
    }
    assert {name: loaded[name] for name in expected} == expected
    assert loaded["DATABASES"]["default"]["NAME"] == tmp_path / "db.sqlite3"
    assert "USE_X_FORWARDED_HOST" not in loaded


def test_sessions_are_in_no_table(settings_of: Load) -> None:
    backends = "django.contrib.sessions.backends"
    engines = {
        url: settings_of(**KEY, CACHE_URL=url)["SESSION_ENGINE"]
        for url in ("", "locmemcache://", "redis://127.0.0.1:6379/1", "dbcache://cache")
    }
    assert engines == {
        "": f"{backends}.signed_cookies",
        "locmemcache://": f"{backends}.signed_cookies",
        "redis://127.0.0.1:6379/1": f"{backends}.cache",
        "dbcache://cache": f"{backends}.signed_cookies",
    }
    assert "django.contrib.sessions" not in settings_of(**KEY)["INSTALLED_APPS"]


def test_debug_turns_https_off_and_https_can_be_turned_on(settings_of: Load) -> None:
    loaded = settings_of(**KEY, DEBUG="on")
    assert (loaded["DEBUG"], loaded["SECURE_SSL_REDIRECT"], loaded["SECURE_HSTS_SECONDS"]) == (
        True,
        False,
        0,
    )
    assert "SESSION_COOKIE_NAME" not in loaded
    assert settings_of(**KEY, DEBUG="on", HTTPS="on")["SECURE_SSL_REDIRECT"] is True


def test_lists_durations_and_names_are_read(settings_of: Load) -> None:
    loaded = settings_of(
        **KEY,
        SECRET_KEY_FALLBACKS="old,older",
        ALLOWED_HOSTS="a.example, b.example",
        CSRF_TRUSTED_ORIGINS="https://a.example",
        PROXY_SSL_HEADER="X-Forwarded-Proto",
        FORCE_SCRIPT_NAME="auth/",
        HSTS_SECONDS="60",
        HSTS_INCLUDE_SUBDOMAINS="no",
        LOG_LEVEL="debug",
        LANGUAGE_CODE="de",
        TIME_ZONE="Europe/Berlin",
    )
    expected = {
        "SECRET_KEY_FALLBACKS": ["old", "older"],
        "ALLOWED_HOSTS": ["a.example", "b.example"],
        "CSRF_TRUSTED_ORIGINS": ["https://a.example"],
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
        "FORCE_SCRIPT_NAME": "/auth",
        "SECURE_HSTS_SECONDS": 60,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": False,
        "LANGUAGE_CODE": "de",
        "TIME_ZONE": "Europe/Berlin",
    }
    assert {name: loaded[name] for name in expected} == expected
    assert loaded["LOGGING"]["loggers"]["django"]["level"] == "DEBUG"


@pytest.mark.parametrize("mount", ["", "auth", "a.b"])
@pytest.mark.parametrize(
    ("path", "redirects"),
    [
        ("", True),
        ("admin", True),
        ("admin/login/", True),
        ("docs", True),
        ("static/x.css", True),
        ("entities/e/users/u/authentication-token", False),
        ("entities", False),
        ("schema", False),
        ("health", False),
        ("nothing", False),
        ("administrators", False),
        ("docs-of-others", False),
    ],
)
def test_only_pages_for_people_redirect_to_https(
    settings_of: Load, mount: str, path: str, redirects: bool
) -> None:
    [exempt] = settings_of(**KEY, FORCE_SCRIPT_NAME=mount)["SECURE_REDIRECT_EXEMPT"]
    whole = f"{mount}/{path}" if mount else path
    assert (re.search(exempt, whole) is None) is redirects


def test_sqlite_waits_for_its_turn(settings_of: Load) -> None:
    database = settings_of(**KEY, DATABASE_URL="sqlite:////data/my%20db.sqlite3")["DATABASES"]
    assert database["default"]["NAME"] == "/data/my db.sqlite3"
    assert database["default"]["OPTIONS"] == {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
            "PRAGMA cache_size=-16384; PRAGMA mmap_size=268435456;"
        ),
    }


def test_postgresql_has_a_pool(settings_of: Load) -> None:
    url = "postgres://me:p%40ss@db.example:5433/tokens?sslmode=require"
    database = settings_of(**KEY, DATABASE_URL=url, DATABASE_POOL_MAX_SIZE="3")["DATABASES"]
    assert database["default"] == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "tokens",
        "USER": "me",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": 5433,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "server_side_binding": True,
            "prepare_threshold": 5,
            "connect_timeout": 5,
            "pool": {"min_size": 1, "max_size": 3, "timeout": 10},
            "sslmode": "require",
        },
    }


def test_statements_are_not_prepared_for_a_pooler_that_cannot(settings_of: Load) -> None:
    url = "postgres://db.example/tokens"
    loaded = settings_of(**KEY, DATABASE_URL=url, DATABASE_PREPARED_STATEMENTS="off")
    options = loaded["DATABASES"]["default"]["OPTIONS"]
    assert (options["server_side_binding"], options["prepare_threshold"]) == (False, None)


def test_redis_is_djangos_own_and_does_not_hang(settings_of: Load) -> None:
    caches = settings_of(**KEY, CACHE_URL="rediss://:p@ss@cache.example:6380/2")["CACHES"]
    assert caches["default"] == {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "rediss://:p@ss@cache.example:6380/2",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }


def test_a_variable_can_be_given_as_a_file(settings_of: Load, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("from-a-file,second\n")
    loaded = settings_of(**KEY, ENTITIES_SIGNING_KEYS_FILE=str(tmp_path / "keys"))
    assert loaded["ENTITIES"] == {"SIGNING_KEYS": ["from-a-file", "second"]}


def test_a_secret_that_begins_with_a_dollar_is_taken_as_it_is(settings_of: Load) -> None:
    assert settings_of(SECRET_KEY="$HOME-" + "k" * 50)["SECRET_KEY"] == "$HOME-" + "k" * 50


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"DEBUG": "ture"}, "DEBUG is neither on nor off."),
        ({"HTTPS": "2"}, "HTTPS is neither on nor off."),
        ({"ENTITIES_TOKEN_READBACK": "flase"}, "ENTITIES_TOKEN_READBACK is neither on nor off."),
        (
            {"ENTITIES_REFRESH_GRACE": "30s"},
            "ENTITIES_REFRESH_GRACE is not a whole number of zero or more.",
        ),
        ({"ENTITIES_RATE_LIMITS": "of"}, "ENTITIES_RATE_LIMITS is neither on nor off."),
        (
            {"ENTITIES_RATE_LIMIT_CALLER": "0/minute"},
            "ENTITIES_RATE_LIMIT_CALLER is neither off nor a rate: a number above zero,",
        ),
        ({"HSTS_SECONDS": "-1"}, "HSTS_SECONDS is not a whole number of zero or more."),
        ({"LANGUAGE_CODE": "xx"}, "LANGUAGE_CODE is no code of a language that is known here."),
        ({"TIME_ZONE": "Mars/Base"}, "TIME_ZONE is no time zone, like Europe/Berlin."),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is none of DEBUG, INFO, WARNING, ERROR, CRITICAL."),
        (
            {"DATABASE_URL": "mysql://me:secret@host/name"},
            "DATABASE_URL is neither postgres://user:password@host/name nor sqlite:///path.",
        ),
        (
            {"DATABASE_URL": "nothing://me:secret@host/name"},
            "DATABASE_URL is neither postgres://user:password@host/name nor sqlite:///path.",
        ),
        (
            {"DATABASE_URL": "postgres://me:secret@host:port/name"},
            "DATABASE_URL is no URL of a kind that is known here.",
        ),
        (
            {"CACHE_URL": "nothing://:secret@host"},
            "CACHE_URL is no URL of a kind that is known here.",
        ),
        ({"DATABASE_URL_FILE": "/nonexistent"}, "DATABASE_URL_FILE cannot be read: "),
        ({"SECRET_KEY": "", "SECRET_KEY_FILE": "/"}, "The key file at / cannot be read: "),
    ],
)
def test_a_value_that_cannot_be_meant_stops_the_start_and_is_named(
    settings_of: Load, variables: dict[str, str], says: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        settings_of(**KEY | variables)
    assert str(caught.value).startswith(says)
    assert "secret@" not in str(caught.value)
