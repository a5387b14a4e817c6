"""Which identity provider is believed, and what of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from entities.conf import app_settings
from entities.exceptions import NotAuthenticatedError
from entities.models.ids import is_id

if TYPE_CHECKING:
    from collections.abc import Mapping

# Asymmetric ones only. With HMAC, the provider's public keys would be secrets that anybody knows;
# `none` is no signature at all (RFC 8725 sections 2.1 and 3.1).
ALGORITHMS = frozenset(
    {"ES256", "ES256K", "ES384", "ES512", "EdDSA"}
    | {"PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An identity provider, and how its tokens are read.

    Raises:
        ImproperlyConfigured: in words for the operator.
    """

    issuer: str
    audience: tuple[str, ...]
    """Names of this service; a token has to be for one of them."""
    jwks_url: str
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    user_claim: str = "sub"
    entity_claim: str | None = None
    leeway: timedelta = timedelta(seconds=30)
    creates_users: bool = False

    def __post_init__(self) -> None:
        _check(_is_text(self.issuer), "ISSUER", "is not set")
        _check(_are_texts(self.audience), "AUDIENCE", "is not a list of names, one at least")
        _check(_is_http_url(self.jwks_url), "JWKS_URL", "is no http or https URL")
        sound = _are_texts(self.algorithms) and ALGORITHMS.issuperset(self.algorithms)
        known = ", ".join(sorted(ALGORITHMS))
        _check(sound, "ALGORITHMS", f"is not a list of some of {known}")
        _check(_is_text(self.user_claim), "USER_CLAIM", "names no claim")
        sound = self.entity_claim is None or _is_text(self.entity_claim)
        _check(sound, "ENTITY_CLAIM", "names no claim")
        _check(_is_duration(self.leeway), "LEEWAY", "is not a timedelta of zero or more")

    @classmethod
    def from_settings(cls) -> Provider:
        """Read the settings as they are now."""
        return cls(
            issuer=app_settings.JWT_ISSUER,
            audience=_listed(app_settings.JWT_AUDIENCE),
            jwks_url=app_settings.JWT_JWKS_URL,
            algorithms=_listed(app_settings.JWT_ALGORITHMS),
            user_claim=app_settings.JWT_USER_CLAIM,
            entity_claim=app_settings.JWT_ENTITY_CLAIM,
            leeway=app_settings.JWT_LEEWAY,
            creates_users=app_settings.JWT_CREATE_USERS,
        )

    def user_of(self, claims: Mapping[str, Any]) -> str:
        """Return the id of the user whom a verified token is about.

        Raises:
            NotAuthenticatedError: it names none, or one that cannot be.
        """
        user_id = claims.get(self.user_claim)
        if not isinstance(user_id, str) or not is_id(user_id):
            raise NotAuthenticatedError("JWT: no user id")
        # At many providers a user types in whatever address he likes.
        if self.user_claim == "email" and claims.get("email_verified") is not True:
            raise NotAuthenticatedError("JWT: email not verified")
        return user_id

    def entities_of(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        """Return the entities that a verified token is good in; None: any.

        Raises:
            NotAuthenticatedError: it has to name them, and does not.
        """
        if self.entity_claim is None:
            return None
        named = claims.get(self.entity_claim)
        entities = [named] if isinstance(named, str) else named
        if not isinstance(entities, list) or not all(isinstance(one, str) for one in entities):
            raise NotAuthenticatedError("JWT: no entity")
        return frozenset(entities)


def _check(sound: bool, name: str, fault: str) -> None:
    if not sound:
        raise ImproperlyConfigured(f"ENTITIES['JWT_{name}'] {fault}.")


def _listed(values: Any) -> Any:
    return tuple(values) if isinstance(values, list) else values


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _are_texts(values: object) -> bool:
    # A string would be a sequence of strings as well, of one character each.
    return isinstance(values, tuple) and bool(values) and all(map(_is_text, values))


def _is_duration(value: object) -> bool:
    return isinstance(value, timedelta) and value >= timedelta(0)


def _is_http_url(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
