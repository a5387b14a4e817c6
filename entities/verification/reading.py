"""What the database says of good texts. One query each."""

from __future__ import annotations

import json
from functools import lru_cache
from hmac import compare_digest
from typing import TYPE_CHECKING

from entities.codec import Kind, Parsed
from entities.conf import app_settings
from entities.exceptions import NotAuthenticatedError
from entities.models import KeyAccess, TextAge
from entities.models.texts import previous_text_ends_at, text_age
from entities.verification.principals import Principal
from entities.verification.queries import (
    AUTH_TOKEN,
    KEY_AND_AUTH_TOKEN,
    KEY_AND_USER,
    KEY_AND_USER_TOKEN,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from entities.models.compiled import Row


def read_pair(api_key: Parsed, token: Parsed, *, at: datetime) -> tuple[Principal, Row]:
    """Read an API key with a user token or an authentication token, in the entity of the key.

    Raises:
        NotAuthenticatedError: either is dead, or they do not belong together.
    """
    query = KEY_AND_USER_TOKEN if token.kind is Kind.USER_TOKEN else KEY_AND_AUTH_TOKEN
    row = query.one(api_key=api_key.id, token=token.id, at=at)
    if row is None:
        raise NotAuthenticatedError("no live row joins API key, user and token")
    check_nonce(row.key_nonce, api_key)
    return _principal(row, api_key, token, flags=_flags(row, token, at=at), at=at), row


def read_token(token: Parsed, *, at: datetime) -> tuple[Principal, Row]:
    """Read an authentication token that came alone.

    Raises:
        NotAuthenticatedError: it is dead.
    """
    row = AUTH_TOKEN.one(token=token.id, at=at)
    if row is None:
        raise NotAuthenticatedError("no live row of this token")
    return _principal(row, None, token, flags=_flags(row, token, at=at), at=at), row


def read_user(
    api_key: Parsed, user_id: str, *, flags: frozenset[str] | None, at: datetime
) -> Principal | None:
    """Read an API key, and a user of its entity whom somebody else proved. None: no such user.

    Raises:
        NotAuthenticatedError: the nonce of the API key is not its row's.
    """
    row = KEY_AND_USER.one(api_key=api_key.id, user=user_id, at=at)
    if row is None:
        return None
    check_nonce(row.key_nonce, api_key)
    return _principal(row, api_key, None, flags=flags, at=at)


def ends(row: Row, principal: Principal, *, at: datetime) -> Iterator[datetime]:
    """Yield the moments at which what was read of `principal` at `at` ends by itself."""
    yield at + app_settings.VERIFICATION_CACHE_TTL
    if principal.api_key_id is not None and (key_ends_at := row.key_expires_at) is not None:
        yield key_ends_at
    if (token_ends_at := text_ends_at(row, principal.proof)) is not None:
        yield token_ends_at


def text_ends_at(row: Row, proof: Parsed | None) -> datetime | None:
    """Return the moment at which the text of a token ends by itself; None: it does not.

    Args:
        proof: the authentication token, whose text may be the one before a refresh.
    """
    if proof is not None and proof.generation != row.token_generation:
        return _previous_text_ends_at(row)
    ends_at: datetime | None = row.token_expires_at
    return ends_at


def check_nonce(nonce: bytes | memoryview, parsed: Parsed) -> None:
    """Compare the nonce of a row, in constant time, with that of a text.

    Raises:
        NotAuthenticatedError: it is another.
    """
    if not compare_digest(bytes(nonce), parsed.nonce):
        raise NotAuthenticatedError(f"{parsed.kind.name}: nonce")


def _principal(
    row: Row,
    api_key: Parsed | None,
    token: Parsed | None,
    *,
    flags: frozenset[str] | None,
    at: datetime,
) -> Principal:
    return Principal.of(
        {
            "entity_id": row.in_entity,
            "user_id": row.of_user_id,
            "user_name": row.of_user_name,
            "account_id": row.of_user_account_id,
            "membership_id": row.membership_pk,
            "role": row.in_role,
            "api_key_id": None if api_key is None else api_key.id,
            "api_key_name": "" if api_key is None else row.key_name,
            "access": KeyAccess.STANDARD.value if api_key is None else row.key_access,
            "token_id": None if token is None else token.id,
            "flags": flags,
            "proof": token if token is not None and token.kind is Kind.AUTH_TOKEN else None,
            "used": tuple(filter(None, (api_key, token))),
            "verified_at": at,
            "is_shared": False,
        }
    )


def _flags(row: Row, token: Parsed, *, at: datetime) -> frozenset[str] | None:
    """Return the ceiling of a token whose text is current, or the one before in its grace.

    Raises:
        NotAuthenticatedError: it is neither.
    """
    if token.kind is Kind.USER_TOKEN:
        check_nonce(row.token_nonce, token)
        return None
    previous = row.token_previous_nonce
    age = text_age(
        token,
        generation=row.token_generation,
        nonce=bytes(row.token_nonce),
        previous_nonce=None if previous is None else bytes(previous),
    )
    in_grace = age is TextAge.PREVIOUS and at < _previous_text_ends_at(row)
    if age is not TextAge.CURRENT and not in_grace:
        raise NotAuthenticatedError(f"authentication token: {age.value} text")
    return _flags_of(row.token_flags)


@lru_cache(maxsize=1024)
def _flags_of(written: str) -> frozenset[str]:
    return frozenset(json.loads(written))


def _previous_text_ends_at(row: Row) -> datetime:
    return previous_text_ends_at(
        issued_at=row.token_issued_at,
        previous_expires_at=row.token_previous_expires_at,
    )
