"""Credentials in, principal out: the only reader on the hot path.

Forged and mistyped texts are refused before any query. All else is one query, whatever proves the
user; it asks nothing of a replica. Every refusal is the same error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from hmac import compare_digest
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote
from uuid import UUID

from django.db.models import F, Q
from django.utils.module_loading import import_string

from entities import keys, moments
from entities.actors import Actor, Application
from entities.codec import Kind, Parsed
from entities.conf import app_settings
from entities.exceptions import CredentialTextError, NotAuthenticatedError
from entities.models import AuthToken, KeyAccess, Membership, Role, TextAge, User
from entities.models.credentials import live_credential
from entities.models.tokens import previous_text_verifies, text_age

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from django.db.models import QuerySet

USE_RESOLUTION = timedelta(minutes=1)
"""How coarse `last_used_at` is: a use within it of the last one is not noted."""

_USER_COLUMNS = ("id", "name", "is_active", "account_id", "created_at")


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request brought. Nothing of it is proved."""

    api_key: str = field(repr=False)
    user_id: str
    token: str = field(repr=False)
    entity_id: str | None = None
    """Entity of the path. None: the API key's own."""

    def names(self, user_id: str) -> bool:
        """Whether the header `userid` names this user, as it is or percent-encoded."""
        return user_id in (self.user_id, unquote(self.user_id, errors="replace"))


@dataclass(frozen=True, slots=True)
class TokenProof:
    """A text of ours with the right MAC. The query finds whose it is, and whether it lives."""

    parsed: Parsed


@dataclass(frozen=True, slots=True)
class UserProof:
    """Somebody else proved this user: an identity provider, say.

    `flags` is a ceiling like that of an authentication token; None: there is none.
    """

    user_id: str
    flags: frozenset[str] | None = None


class UserAuthenticator(Protocol):
    """What `ENTITIES["USER_AUTHENTICATORS"]` names: a class without arguments, made once."""

    def prove(self, presented: Presented) -> TokenProof | UserProof | None:
        """Say who `presented.token` proves. None: not mine, the next one may try.

        Raises:
            NotAuthenticatedError: mine, and wrong.
        """


@dataclass(frozen=True, slots=True)
class Use:
    """A credential that was just used, and whose row says so of a minute ago at best."""

    kind: Kind
    id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request: `request.auth` of an authenticated one."""

    entity_id: str
    """The entity he acts in: that of the path, or the API key's own. The one of a superuser may be
    any: that it exists is for the view to find out."""
    user: User
    membership_id: int
    role: str
    api_key_id: UUID
    api_key_name: str
    access: str
    """Of the API key, a `KeyAccess`."""
    token_id: UUID | None
    """Of the user token or authentication token; None where somebody else proved the user."""
    flags: frozenset[str] | None
    """Ceiling of an authentication token: what it lacks, the caller may not touch. None: no one."""
    proof: Parsed | None = field(repr=False)
    """The authentication token that proved the user, where one did."""
    uses: tuple[Use, ...] = field(repr=False, compare=False)

    @property
    def is_admin(self) -> bool:
        """Whether the caller manages every user of the entity."""
        return self.role == Role.ADMIN

    @property
    def is_superuser(self) -> bool:
        """Whether the caller is an admin of every entity.

        That takes a superuser API key, an admin of its entity, and a proof that is good beyond one
        entity: not an authentication token.
        """
        return self.access == KeyAccess.SUPERUSER and self.is_admin and self.flags is None

    @property
    def reads_only(self) -> bool:
        """Whether the API key changes nothing, and sees no text."""
        return self.access == KeyAccess.READ_ONLY

    @property
    def actor(self) -> Actor:
        """The caller as the services want to know him."""
        return Actor.user(
            self.user.id,
            is_admin=self.is_admin,
            flags=self.flags,
            name=self.user.name,
            application=Application(self.api_key_id, self.api_key_name),
            is_superuser=self.is_superuser,
            reads_only=self.reads_only,
        )


class UserTokenAuthenticator:
    """Takes user tokens."""

    def prove(self, presented: Presented) -> TokenProof | None:
        return _prove_own(presented.token, Kind.USER_TOKEN)


class AuthTokenAuthenticator:
    """Takes authentication tokens of the entity in the path."""

    def prove(self, presented: Presented) -> TokenProof | None:
        return _prove_own(presented.token, Kind.AUTH_TOKEN)


def verify_request(presented: Presented, *, at: datetime | None = None) -> Principal:
    """Verify API key, user and token together, in one query.

    Raises:
        NotAuthenticatedError: any of them is wrong, dead, or of another entity or user.
    """
    at = at or moments.now()
    try:
        api_key = keys.parse(presented.api_key)
    except CredentialTextError:
        raise NotAuthenticatedError("API key: text") from None
    if api_key.kind is not Kind.API_KEY:
        raise NotAuthenticatedError("API key: kind")
    proof = _prove(presented)
    if isinstance(proof, UserProof):
        return _verify_user(presented, api_key, proof, at)
    if proof.parsed.kind is Kind.USER_TOKEN:
        return _verify_user_token(presented, api_key, proof.parsed, at)
    return _verify_auth_token(presented, api_key, proof.parsed, at)


def _prove(presented: Presented) -> TokenProof | UserProof:
    for authenticator in _authenticators(tuple(app_settings.USER_AUTHENTICATORS)):
        proof = authenticator.prove(presented)
        if proof is not None:
            return proof
    raise NotAuthenticatedError("token: nobody's")


@lru_cache(maxsize=8)
def _authenticators(paths: tuple[str, ...]) -> tuple[UserAuthenticator, ...]:
    return tuple(import_string(path)() for path in paths)


def _prove_own(text: str, kind: Kind) -> TokenProof | None:
    if not text.startswith(f"{keys.prefix_of(kind)}_"):
        return None
    try:
        parsed = keys.parse(text)
    except CredentialTextError:
        raise NotAuthenticatedError("token: text") from None
    return TokenProof(parsed) if parsed.kind is kind else None


def _verify_user(
    presented: Presented, api_key: Parsed, proof: UserProof, at: datetime
) -> Principal:
    memberships = Membership.objects.live().filter(user_id=proof.user_id)
    row = _one(memberships, presented, api_key, at=at)
    return _principal(row, presented, api_key, at=at, flags=proof.flags)


def _verify_user_token(
    presented: Presented, api_key: Parsed, token: Parsed, at: datetime
) -> Principal:
    tokens = "user__user_tokens"
    row = _one(
        Membership.objects.live(),
        presented,
        api_key,
        Q((f"{tokens}__id", token.id)) & live_credential(at=at, of=tokens),
        at=at,
        columns={"token_nonce": f"{tokens}__nonce", "token_used_at": f"{tokens}__last_used_at"},
    )
    if not compare_digest(bytes(row["token_nonce"]), token.nonce):
        raise NotAuthenticatedError("user token: nonce")
    return _principal(row, presented, api_key, at=at, token=token)


def _verify_auth_token(
    presented: Presented, api_key: Parsed, token: Parsed, at: datetime
) -> Principal:
    row = _one(
        AuthToken.objects.live(at=at).filter(id=token.id),
        presented,
        api_key,
        at=at,
        membership="membership__",
        columns={
            "token_nonce": "nonce",
            "token_used_at": "last_used_at",
            "token_generation": "generation",
            "token_issued_at": "issued_at",
            "token_flags": "flags",
            "token_previous_nonce": "previous_nonce",
            "token_previous_expires_at": "previous_expires_at",
        },
    )
    previous = row["token_previous_nonce"]
    age = text_age(
        token,
        generation=row["token_generation"],
        nonce=bytes(row["token_nonce"]),
        previous_nonce=None if previous is None else bytes(previous),
    )
    in_grace = age is TextAge.PREVIOUS and previous_text_verifies(
        at=at,
        issued_at=row["token_issued_at"],
        previous_expires_at=row["token_previous_expires_at"],
        grace=app_settings.REFRESH_GRACE,
    )
    if age is not TextAge.CURRENT and not in_grace:
        raise NotAuthenticatedError(f"authentication token: {age.value} text")
    flags = frozenset(row["token_flags"])
    return _principal(row, presented, api_key, at=at, token=token, flags=flags)


def _one(
    rows: QuerySet[Any],
    presented: Presented,
    api_key: Parsed,
    *conditions: Q,
    at: datetime,
    membership: str = "",
    columns: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Fetch the one row that joins the caller's membership and the API key of its entity.

    `membership` is the path from the rows to it; `columns` are wanted beside the usual ones. That
    the entity is the one of the path is for `_principal` to see: it takes the role and the access.
    """
    api_keys = f"{membership}entity__api_keys"
    own_key = Q((f"{api_keys}__id", api_key.id)) & live_credential(at=at, of=api_keys)
    usual = {
        "membership_pk": f"{membership}id",
        "in_entity": f"{membership}entity_id",
        "in_role": f"{membership}role",
        "key_name": f"{api_keys}__name",
        "key_access": f"{api_keys}__access",
        "key_nonce": f"{api_keys}__nonce",
        "key_used_at": f"{api_keys}__last_used_at",
    } | {f"of_user_{name}": f"{membership}user__{name}" for name in _USER_COLUMNS}
    wanted = {alias: F(path) for alias, path in (usual | dict(columns or {})).items()}
    # Slots of one filter() call share their joins: the conditions speak of one row of each table.
    row: dict[str, Any] | None = rows.filter(own_key, *conditions).values(**wanted).first()
    if row is None:
        raise NotAuthenticatedError("no live row joins API key, user and token")
    if not compare_digest(bytes(row["key_nonce"]), api_key.nonce):
        raise NotAuthenticatedError("API key: nonce")
    return row


def _principal(
    row: dict[str, Any],
    presented: Presented,
    api_key: Parsed,
    *,
    at: datetime,
    token: Parsed | None = None,
    flags: frozenset[str] | None = None,
) -> Principal:
    user = User.from_db(None, _USER_COLUMNS, [row[f"of_user_{name}"] for name in _USER_COLUMNS])
    if not presented.names(user.id):
        raise NotAuthenticatedError("userid: another user's token")
    uses = [(api_key, row["key_used_at"])]
    if token is not None:
        uses.append((token, row["token_used_at"]))
    principal = Principal(
        entity_id=row["in_entity"] if presented.entity_id is None else presented.entity_id,
        user=user,
        membership_id=row["membership_pk"],
        role=row["in_role"],
        api_key_id=api_key.id,
        api_key_name=row["key_name"],
        access=row["key_access"],
        token_id=token.id if token else None,
        flags=flags,
        proof=token if token and token.kind is Kind.AUTH_TOKEN else None,
        uses=tuple(
            Use(parsed.kind, parsed.id, at)
            for parsed, used_at in uses
            if used_at is None or at - used_at >= USE_RESOLUTION
        ),
    )
    if principal.entity_id != row["in_entity"] and not principal.is_superuser:
        raise NotAuthenticatedError("API key: another entity's")
    return principal
