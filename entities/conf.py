"""The settings of the app: one dict, `ENTITIES`, typed, with defaults, read live.

A read costs a dictionary look-up, and an override in a test or a host counts at once.
`entities.checks` judges the values.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Made = TypeVar("_Made")
_Value = TypeVar("_Value")
_RATE = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour|day)", re.ASCII)
_PREFIXES = {"API_KEY_PREFIX": "ek", "USER_TOKEN_PREFIX": "ut", "AUTH_TOKEN_PREFIX": "eat"}
# Django keeps each setting in here that was asked for, and takes it out when it changes: a look
# spares the way through `settings`, which each request would go several times.
_KNOWN = vars(settings)
_SECONDS = {"second": 1, "minute": 60, "hour": 60 * 60, "day": 24 * 60 * 60}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds."""

    quota: int
    window: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read `600/minute`; the other periods are second, hour and day.

        Raises:
            ValueError: it has another form.
        """
        match = _RATE.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a rate like 600/minute.")
        return cls(int(match[1]), _SECONDS[match[2]])


class AppSettings:
    """Each public property is a key of `settings.ENTITIES`."""

    @property
    def SIGNING_KEYS(self) -> Sequence[str]:  # noqa: N802
        """Secrets that sign credentials: the first one signs, all verify.

        Empty: sub-keys of SECRET_KEY and SECRET_KEY_FALLBACKS serve, fine to begin with.
        """
        return self._get("SIGNING_KEYS", ())

    @property
    def API_KEY_PREFIX(self) -> str:  # noqa: N802
        """What the text of an API key begins with, before its underscore."""
        return self.prefixes()[0]

    @property
    def USER_TOKEN_PREFIX(self) -> str:  # noqa: N802
        """What the text of a user token begins with."""
        return self.prefixes()[1]

    @property
    def AUTH_TOKEN_PREFIX(self) -> str:  # noqa: N802
        """What the text of an authentication token begins with."""
        return self.prefixes()[2]

    @property
    def TOKEN_READBACK(self) -> bool:  # noqa: N802
        """Whether a GET shows the text of a token again. Issue and refresh always do."""
        return self._get("TOKEN_READBACK", True)

    @property
    def REFRESH_GRACE(self) -> timedelta:  # noqa: N802
        """How long the text before a refresh still verifies. Zero: it ends at once."""
        return self._get("REFRESH_GRACE", timedelta(seconds=30))

    @property
    def USER_AUTHENTICATORS(self) -> Sequence[str]:  # noqa: N802
        """Dotted paths of what proves the performing user, asked in order.

        Each names a class without arguments that fits `entities.verification.UserAuthenticator`.
        """
        return self._get(
            "USER_AUTHENTICATORS",
            (
                "entities.verification.UserTokenAuthenticator",
                "entities.verification.AuthTokenAuthenticator",
            ),
        )

    @property
    def VERIFICATION_CACHE(self) -> str | None:  # noqa: N802
        """Where it is remembered for seconds who was verified: the alias of a cache, or `process`.

        The latter is the memory of each process alone. None: nothing is remembered.
        """
        return self._get("VERIFICATION_CACHE", None)

    @property
    def VERIFICATION_CACHE_TTL(self) -> timedelta:  # noqa: N802
        """How long an answer of verification is remembered at most: the harm of a lost message."""
        return self._get("VERIFICATION_CACHE_TTL", timedelta(seconds=5))

    @property
    def LAST_USED_FLUSH(self) -> timedelta | None:  # noqa: N802
        """How long a noted use waits in memory before it is written with others.

        None: nothing is written until `entities.services.usage.write_noted_uses` is called.
        """
        return self._get("LAST_USED_FLUSH", timedelta(seconds=5))

    @property
    def TRUSTED_PROXIES(self) -> int:  # noqa: N802
        """How many proxies stand in front, each of which adds to `X-Forwarded-For`.

        Zero: the header is ignored, and the address of a client is that of its connection.
        """
        return self._get("TRUSTED_PROXIES", 0)

    @property
    def MAX_BODY_BYTES(self) -> int:  # noqa: N802
        """The largest request body that the API reads; a larger one is a 413."""
        return self._get("MAX_BODY_BYTES", 64 * 1024)

    @property
    def RATE_LIMITS(self) -> bool:  # noqa: N802
        """Whether calls are limited at all. Off, for load tests: nothing is counted."""
        return self._get("RATE_LIMITS", True)

    @property
    def RATE_LIMIT_API_KEY(self) -> Rate | None:  # noqa: N802
        """How often one application calls, with all of its users together. None: no limit."""
        return self._rate("RATE_LIMIT_API_KEY", "6000/minute")

    @property
    def RATE_LIMIT_CALLER(self) -> Rate | None:  # noqa: N802
        """How often one user calls in one entity. None: no limit."""
        return self._rate("RATE_LIMIT_CALLER", "600/minute")

    @property
    def RATE_LIMIT_FAILURES(self) -> Rate | None:  # noqa: N802
        """How many wrong credentials one client address brings before it waits. None: no limit."""
        return self._rate("RATE_LIMIT_FAILURES", "600/minute")

    def prefixes(self) -> tuple[str, ...]:
        """Return the prefixes of API keys, user tokens and authentication tokens, by one look."""
        given = setting("ENTITIES", {})
        return tuple([given.get(name, default) for name, default in _PREFIXES.items()])

    @property
    def JWT_ISSUER(self) -> str:  # noqa: N802
        """The identity provider whose JWTs are taken, as their claim `iss` names it.

        This and the next ones are for `entities.identity.JwtAuthenticator`.
        """
        return self._get("JWT_ISSUER", "")

    @property
    def JWT_AUDIENCE(self) -> Sequence[str]:  # noqa: N802
        """What the provider calls this service: a JWT has to be for one of them (`aud`)."""
        return self._get("JWT_AUDIENCE", ())

    @property
    def JWT_JWKS_URL(self) -> str:  # noqa: N802
        """Where the provider's public keys are."""
        return self._get("JWT_JWKS_URL", "")

    @property
    def JWT_ALGORITHMS(self) -> Sequence[str]:  # noqa: N802
        """By which JWTs may be signed, whatever they themselves say. Asymmetric ones only."""
        return self._get("JWT_ALGORITHMS", ("RS256", "ES256"))

    @property
    def JWT_USER_CLAIM(self) -> str:  # noqa: N802
        """The claim that holds the user's id."""
        return self._get("JWT_USER_CLAIM", "sub")

    @property
    def JWT_ENTITY_CLAIM(self) -> str | None:  # noqa: N802
        """The claim that names the entity, or a list of them, a JWT is good in. None: in any."""
        return self._get("JWT_ENTITY_CLAIM", None)

    @property
    def JWT_LEEWAY(self) -> timedelta:  # noqa: N802
        """How far the provider's clock and ours may be apart."""
        return self._get("JWT_LEEWAY", timedelta(seconds=30))

    @property
    def JWT_CREATE_USERS(self) -> bool:  # noqa: N802
        """Whether a user whom only the provider knows becomes a member at the first call.

        Of the API key's entity.
        """
        return self._get("JWT_CREATE_USERS", False)

    def _rate(self, name: str, default: str) -> Rate | None:
        given: str | None = self._get(name, default)
        return None if given is None else _parsed_rate(given)

    def _get(self, name: str, default: _Value) -> _Value:
        value: _Value = setting("ENTITIES", {}).get(name, default)
        return value


_parsed_rate = lru_cache(maxsize=16)(Rate.parse)


class _Derived:
    """What was made of the settings as they stood."""

    def __init__(self, seen: object) -> None:
        self.seen = deepcopy(seen)  # a list in it may be changed in place
        self.made: dict[Callable[[], Any], Any] = {}


_lock = RLock()  # what is made may need something else that is
_derived = _Derived(None)


def derived(make: Callable[[], _Made]) -> _Made:
    """Return what `make` makes of these settings: the same object for as long as they stay equal.

    For what is dear to make or holds a state; a look costs one comparison of the settings.
    """
    known = _derived
    made: _Made
    if known.seen == _seen():
        try:
            made = known.made[make]
            return made
        except KeyError:
            pass
    return _newly_derived(make)


def _newly_derived(make: Callable[[], _Made]) -> _Made:
    global _derived
    with _lock:
        if not app_settings.SIGNING_KEYS:
            secret_keys()  # asked for, so that they are seen
        if _derived.seen != _seen():
            _derived = _Derived(_seen())
        if make not in _derived.made:
            _derived.made[make] = make()
        made: _Made = _derived.made[make]
    return made


def _seen() -> tuple[Any, Any, Any]:
    return _KNOWN.get("ENTITIES"), _KNOWN.get("SECRET_KEY"), _KNOWN.get("SECRET_KEY_FALLBACKS")


def secret_keys() -> tuple[str | bytes, ...]:
    """Return SECRET_KEY and its fallbacks, which sign where SIGNING_KEYS are not set."""
    return (setting("SECRET_KEY"), *setting("SECRET_KEY_FALLBACKS"))


def setting(name: str, *default: Any) -> Any:
    """Return a setting of the project as it is now, as `getattr(settings, name, …)` does."""
    known = _KNOWN.get(name)
    return getattr(settings, name, *default) if known is None else known


app_settings = AppSettings()

SETTING_NAMES = tuple(
    sorted(name for name, value in vars(AppSettings).items() if isinstance(value, property))
)
