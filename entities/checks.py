"""What `manage.py check` says of the settings. Ids are stable, and never used again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from entities import keys
from entities.codec import PREFIX_PATTERN
from entities.conf import SETTING_NAMES, app_settings
from entities.memory import PROCESS

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_SIGNING_KEY_CHARS = 32
_DURATIONS = ("REFRESH_GRACE", "LAST_USED_FLUSH", "VERIFICATION_CACHE_TTL")
_SWITCHES = ("RATE_LIMITS", "TOKEN_READBACK")
_RATES = ("RATE_LIMIT_API_KEY", "RATE_LIMIT_CALLER", "RATE_LIMIT_FAILURES")


@register()
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Judge `settings.ENTITIES`."""
    given = getattr(settings, "ENTITIES", {})
    if not isinstance(given, dict):
        return [Error("ENTITIES is not a dict.", id="entities.E001")]
    return [
        *_check_names(given),
        *_check_types(),
        *_check_rates(),
        *_check_prefixes(),
        *_check_signing_keys(),
        *_check_authenticators(),
        *_check_verification_cache(),
    ]


@register(Tags.security, deploy=True)
def check_deployment(**kwargs: Any) -> list[CheckMessage]:
    """Judge what is fine to begin with, and not in production."""
    return [*_check_own_keys(), *_check_proxies()]


def _check_own_keys() -> Iterator[CheckMessage]:
    if not app_settings.SIGNING_KEYS:
        yield Error(
            "ENTITIES['SIGNING_KEYS'] is not set, so that SECRET_KEY signs credentials.",
            hint=(
                "Give credentials keys of their own: whoever learns SECRET_KEY forges tokens, and "
                "to replace it is to issue all of them anew. `python -c 'import secrets; "
                "print(secrets.token_urlsafe(48))'` makes one."
            ),
            id="entities.E006",
        )


def _check_proxies() -> Iterator[CheckMessage]:
    # Otherwise whoever guesses makes everybody wait.
    if settings.SECURE_PROXY_SSL_HEADER and app_settings.TRUSTED_PROXIES == 0:
        yield checks.Warning(
            "SECURE_PROXY_SSL_HEADER tells of a proxy, and ENTITIES['TRUSTED_PROXIES'] of none, so "
            "that all clients have one address, and one limit of wrong credentials.",
            hint="Set TRUSTED_PROXIES to how many proxies add to X-Forwarded-For.",
            id="entities.W002",
        )


def _check_names(given: dict[str, Any]) -> Iterator[CheckMessage]:
    for name in sorted(set(given).difference(SETTING_NAMES), key=str):
        yield checks.Warning(
            f"ENTITIES has no setting {name!r}.",
            hint=f"Known are: {', '.join(SETTING_NAMES)}.",
            id="entities.W001",
        )


def _check_types() -> Iterator[CheckMessage]:
    # Whatever a host wrote into the dict: the types of the properties are what is judged here.
    for name in _DURATIONS:
        value: object = getattr(app_settings, name)
        if name == "LAST_USED_FLUSH" and value is None:
            continue
        if not isinstance(value, timedelta) or value < timedelta(0):
            yield Error(
                f"ENTITIES[{name!r}] is not a timedelta of zero or more.", id="entities.E002"
            )
    limit: object = app_settings.MAX_BODY_BYTES
    if not isinstance(limit, int) or limit < 1:
        yield Error("ENTITIES['MAX_BODY_BYTES'] is not a number above zero.", id="entities.E002")
    proxies: object = app_settings.TRUSTED_PROXIES
    if not isinstance(proxies, int) or isinstance(proxies, bool) or proxies < 0:
        yield Error(
            "ENTITIES['TRUSTED_PROXIES'] is not a number of zero or more.", id="entities.E002"
        )
    for name in _SWITCHES:
        switch: object = getattr(app_settings, name)
        if not isinstance(switch, bool):
            yield Error(f"ENTITIES[{name!r}] is neither True nor False.", id="entities.E002")


def _check_rates() -> Iterator[CheckMessage]:
    for name in _RATES:
        try:
            getattr(app_settings, name)
        except (TypeError, ValueError):
            yield Error(
                f"ENTITIES[{name!r}] is neither a rate nor None.",
                hint="A rate is a number above zero, a slash, and second, minute, hour or day.",
                id="entities.E007",
            )


def _check_prefixes() -> Iterator[CheckMessage]:
    names = ("API_KEY_PREFIX", "USER_TOKEN_PREFIX", "AUTH_TOKEN_PREFIX")
    values = [getattr(app_settings, name) for name in names]
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, str) or PREFIX_PATTERN.fullmatch(value) is None:
            yield Error(
                f"ENTITIES[{name!r}] is not 1 to 16 letters, digits and underscores, the first "
                "one a letter.",
                id="entities.E003",
            )
    if len(set(map(str, values))) < len(values):
        yield Error(
            "Two kinds of credentials have the same prefix.",
            hint="Give API keys, user tokens and authentication tokens one each.",
            id="entities.E003",
        )


def _check_signing_keys() -> Iterator[CheckMessage]:
    given: object = app_settings.SIGNING_KEYS
    if isinstance(given, (str, bytes)) or not all(isinstance(key, str) for key in given):  # type: ignore[attr-defined]
        yield Error("ENTITIES['SIGNING_KEYS'] is not a list of strings.", id="entities.E004")
        return
    if any(len(key) < MIN_SIGNING_KEY_CHARS for key in app_settings.SIGNING_KEYS):
        yield Error(
            f"A key of ENTITIES['SIGNING_KEYS'] is shorter than {MIN_SIGNING_KEY_CHARS} "
            "characters.",
            hint="`python -c 'import secrets; print(secrets.token_urlsafe(48))'` makes a good one.",
            id="entities.E004",
        )
    try:
        keys.keyring()
    except ImproperlyConfigured as error:
        yield Error(str(error), id="entities.E004")


def _check_verification_cache() -> Iterator[CheckMessage]:
    where = app_settings.VERIFICATION_CACHE
    if where is not None and where != PROCESS and where not in settings.CACHES:
        yield Error(
            f"ENTITIES['VERIFICATION_CACHE'] names {where!r}, which is no cache of CACHES.",
            hint=f"Name one of them, or {PROCESS!r} for the memory of each process alone.",
            id="entities.E008",
        )


def _check_authenticators() -> Iterator[CheckMessage]:
    for path in app_settings.USER_AUTHENTICATORS:
        try:
            authenticator = import_string(path)()
        except (ImportError, TypeError) as error:
            yield Error(
                f"ENTITIES['USER_AUTHENTICATORS'] names {path!r}, which cannot be made: {error}",
                id="entities.E005",
            )
            continue
        if not callable(getattr(authenticator, "prove", None)):
            yield Error(
                f"ENTITIES['USER_AUTHENTICATORS'] names {path!r}, which has no method prove().",
                hint="See entities.verification.UserAuthenticator.",
                id="entities.E005",
            )
