"""The ways to prove oneself: three credentials together, or one of them alone."""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING

from django.utils import timezone

from entities import keys
from entities.codec import Kind, Parsed
from entities.conf import app_settings
from entities.exceptions import CredentialTextError, NotAuthenticatedError
from entities.models import KeyAccess, Membership, TextAge, User
from entities.models.tokens import previous_text_verifies, text_age
from entities.verification.authenticators import UserProof, prove
from entities.verification.principals import (
    USE_RESOLUTION,
    Presented,
    Principal,
    Use,
    VerifiedApiKey,
    VerifiedToken,
)
from entities.verification.queries import (
    API_KEY,
    AUTH_TOKEN,
    KEY_AND_AUTH_TOKEN,
    KEY_AND_USER,
    KEY_AND_USER_TOKEN,
    USER_COLUMNS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any


def verify_request(presented: Presented, *, at: datetime | None = None) -> Principal:
    """Verify API key, user and token together, in one query.

    Raises:
        NotAuthenticatedError: any of them is wrong, dead, or of another entity or user.
    """
    at = at or timezone.now()
    api_key = _parse(presented.api_key, Kind.API_KEY)
    proof = prove(presented)
    if isinstance(proof, UserProof):
        return _verify_user(presented, api_key, proof, at)
    token = proof.parsed
    if token.kind is Kind.USER_TOKEN:
        row = KEY_AND_USER_TOKEN.one(api_key=api_key.id, token=token.id, at=at)
        if row is not None and not compare_digest(bytes(row["token_nonce"]), token.nonce):
            raise NotAuthenticatedError("user token: nonce")
        return _principal(row, presented, api_key, at=at, token=token)
    row = KEY_AND_AUTH_TOKEN.one(api_key=api_key.id, token=token.id, at=at)
    flags = None if row is None else _flags_of_current(row, token, at=at)
    return _principal(row, presented, api_key, at=at, token=token, flags=flags)


def verify_token(text: str, *, at: datetime | None = None) -> VerifiedToken:
    """Verify an authentication token that comes alone, in one query; it names its entity and user.

    Raises:
        NotAuthenticatedError: it is wrong or dead.
    """
    at = at or timezone.now()
    token = _parse(text, Kind.AUTH_TOKEN)
    row = AUTH_TOKEN.one(token=token.id, at=at)
    if row is None:
        raise NotAuthenticatedError("no live row of this token")
    principal = Principal(
        entity_id=row["in_entity"],
        user=_user(row),
        membership_id=row["membership_pk"],
        role=row["in_role"],
        api_key_id=None,
        api_key_name="",
        access=KeyAccess.STANDARD,
        token_id=token.id,
        flags=_flags_of_current(row, token, at=at),
        proof=token,
        uses=_uses((token, row["token_used_at"]), at=at),
    )
    return VerifiedToken(
        principal, row["token_issued_at"], row["token_expires_at"], row["token_issued_through"]
    )


def verify_api_key(text: str, *, at: datetime | None = None) -> VerifiedApiKey:
    """Verify an API key that comes alone, in one query.

    Raises:
        NotAuthenticatedError: it is wrong or dead, or its entity is off.
    """
    at = at or timezone.now()
    api_key = _parse(text, Kind.API_KEY)
    row = API_KEY.one(api_key=api_key.id, at=at)
    if row is None or not compare_digest(bytes(row["key_nonce"]), api_key.nonce):
        raise NotAuthenticatedError("API key: no live row, or its nonce")
    return VerifiedApiKey(
        row["in_entity"],
        api_key.id,
        row["key_name"],
        row["key_access"],
        _uses((api_key, row["key_used_at"]), at=at),
    )


def _parse(text: str, kind: Kind) -> Parsed:
    try:
        parsed = keys.parse(text)
    except CredentialTextError:
        raise NotAuthenticatedError(f"{kind.name}: text") from None
    if parsed.kind is not kind:
        raise NotAuthenticatedError(f"{kind.name}: kind")
    return parsed


def _verify_user(
    presented: Presented, api_key: Parsed, proof: UserProof, at: datetime
) -> Principal:
    row = KEY_AND_USER.one(api_key=api_key.id, user=proof.user_id, at=at)
    if row is None and proof.admit is not None:
        _admit(presented, proof, at)
        row = KEY_AND_USER.one(api_key=api_key.id, user=proof.user_id, at=at)
    return _principal(row, presented, api_key, at=at, flags=proof.flags)


def _admit(presented: Presented, proof: UserProof, at: datetime) -> None:
    """Put a user whom somebody else proved into the API key's entity, if he was never there.

    Raises:
        NotAuthenticatedError: the API key is wrong, of another entity or a reader's; the header
            names another user; or the user, or his membership, is switched off.
    """
    application = verify_api_key(presented.api_key, at=at)
    if (
        presented.entity_id not in (None, application.entity_id)
        or application.access == KeyAccess.READ_ONLY
        or not presented.names(proof.user_id)
    ):
        raise NotAuthenticatedError("an unknown user: not admitted here")
    known = Membership.objects.filter(entity=application.entity_id, user=proof.user_id)
    if known.exists() or User.objects.filter(pk=proof.user_id, is_active=False).exists():
        raise NotAuthenticatedError("a known user: switched off")
    assert proof.admit is not None  # noqa: S101  for mypy
    proof.admit(application.entity_id)


def _flags_of_current(row: Mapping[str, Any], token: Parsed, *, at: datetime) -> frozenset[str]:
    """Return the flags of a token whose text is its current one, or the one before in its grace.

    Raises:
        NotAuthenticatedError: it is neither.
    """
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
    return frozenset(row["token_flags"])


def _principal(
    row: Mapping[str, Any] | None,
    presented: Presented,
    api_key: Parsed,
    *,
    at: datetime,
    token: Parsed | None = None,
    flags: frozenset[str] | None = None,
) -> Principal:
    if row is None:
        raise NotAuthenticatedError("no live row joins API key, user and token")
    if not compare_digest(bytes(row["key_nonce"]), api_key.nonce):
        raise NotAuthenticatedError("API key: nonce")
    user = _user(row)
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
        uses=_uses(*uses, at=at),
    )
    if principal.entity_id != row["in_entity"] and not principal.is_superuser:
        raise NotAuthenticatedError("API key: another entity's")
    return principal


def _user(row: Mapping[str, Any]) -> User:
    return User.from_db(None, USER_COLUMNS, [row[f"of_user_{name}"] for name in USER_COLUMNS])


def _uses(*used: tuple[Parsed, datetime | None], at: datetime) -> tuple[Use, ...]:
    return tuple(
        Use(parsed.kind, parsed.id, at)
        for parsed, used_at in used
        if used_at is None or at - used_at >= USE_RESOLUTION
    )
