"""What may prove the performing user: our own tokens, and whatever a host plugs in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from django.utils.module_loading import import_string

from entities import keys
from entities.codec import Kind, Parsed
from entities.conf import app_settings, derived
from entities.exceptions import NotAuthenticatedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from entities.verification.principals import Presented


@dataclass(frozen=True, slots=True)
class TokenProof:
    """A text of ours with the right MAC. The query finds whose it is, and whether it lives."""

    parsed: Parsed


@dataclass(frozen=True, slots=True)
class UserProof:
    """Somebody else proved this user: an identity provider, say.

    `flags` is a ceiling like that of an authentication token; None: there is none. `entities` are
    those in which the proof counts, by membership and API key; None: all. `admit` is called
    with the id of an entity that does not have the user yet, to put him there: once the API key is
    proved to be that entity's, may change things, and nobody has switched the user off. None: an
    unknown user is refused.
    """

    user_id: str
    flags: frozenset[str] | None = None
    entities: frozenset[str] | None = None
    admit: Callable[[str], None] | None = field(default=None, repr=False, compare=False)

    def counts_in(self, entity_id: str) -> bool:
        """Whether it proves anything in this entity."""
        return self.entities is None or entity_id in self.entities


class UserAuthenticator(Protocol):
    """What `ENTITIES["USER_AUTHENTICATORS"]` names: a class without arguments, made once."""

    def prove(self, presented: Presented) -> TokenProof | UserProof | None:
        """Say who `presented.token` proves. None: not mine, the next one may try.

        Raises:
            NotAuthenticatedError: mine, and wrong.
        """


class UserTokenAuthenticator:
    """Takes user tokens."""

    def prove(self, presented: Presented) -> TokenProof | None:
        return _prove_own(presented.token, Kind.USER_TOKEN)


class AuthTokenAuthenticator:
    """Takes authentication tokens of the entity in the path."""

    def prove(self, presented: Presented) -> TokenProof | None:
        return _prove_own(presented.token, Kind.AUTH_TOKEN)


def prove(presented: Presented) -> TokenProof | UserProof:
    """Ask the configured authenticators, in their order, whom the token proves.

    Raises:
        NotAuthenticatedError: it is nobody's, or one of them says that it is wrong.
    """
    for authenticator in authenticators():
        proof = authenticator.prove(presented)
        if proof is not None:
            return proof
    raise NotAuthenticatedError("token: nobody's")


def authenticators() -> tuple[UserAuthenticator, ...]:
    """Return the configured ones, made once."""
    return derived(_authenticators)


def _authenticators() -> tuple[UserAuthenticator, ...]:
    return tuple([import_string(path)() for path in app_settings.USER_AUTHENTICATORS])


def _prove_own(text: str, kind: Kind) -> TokenProof | None:
    rules = keys.rules()
    if not rules.begins_as(kind, text):
        return None
    parsed = rules.read(text)
    if parsed is None:
        raise NotAuthenticatedError("token: text")
    return TokenProof(parsed) if parsed.kind is kind else None
