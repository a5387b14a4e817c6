"""The ways to prove oneself: three credentials together, or one of them alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.db import connections, router

from entities import keys, moments
from entities.codec import Kind, Parsed
from entities.conf import derived
from entities.exceptions import NotAuthenticatedError
from entities.memory import memory, scopes_of
from entities.models import AuthToken, KeyAccess, Membership, User
from entities.verification.authenticators import (
    AuthTokenAuthenticator,
    UserProof,
    UserTokenAuthenticator,
    authenticators,
    prove,
)
from entities.verification.principals import (
    Presented,
    Principal,
    VerifiedApiKey,
    VerifiedToken,
)
from entities.verification.queries import API_KEY
from entities.verification.reading import (
    check_nonce,
    ends,
    read_pair,
    read_token,
    read_user,
    text_ends_at,
)

if TYPE_CHECKING:
    from datetime import datetime

    from entities.memory import Memory
    from entities.models.compiled import Row

_Parsed = TypeVar("_Parsed")

_BUILT_IN: dict[type, Kind] = {
    UserTokenAuthenticator: Kind.USER_TOKEN,
    AuthTokenAuthenticator: Kind.AUTH_TOKEN,
}
_MOST_PARSED = 10_000


def verify_request(presented: Presented, *, at: datetime | None = None) -> Principal:
    """Verify API key, user and token together, in one query.

    Raises:
        NotAuthenticatedError: any of them is wrong, dead, or of another entity or user.
    """
    return derived(_Verifier).request(presented, at)


def verify_bearer(text: str, *, at: datetime | None = None) -> Principal:
    """Verify an authentication token that comes alone, in one query; it names its entity and user.

    Raises:
        NotAuthenticatedError: it is wrong or dead.
    """
    return derived(_Verifier).bearer(text, at)


def verify_token(text: str, *, at: datetime | None = None) -> VerifiedToken:
    """Verify an authentication token that comes alone, and say what introspection tells of it.

    One query, also where others are remembered.

    Raises:
        NotAuthenticatedError: it is wrong or dead.
    """
    token = _parse(derived(_Verifier).auth_tokens, text)
    principal, row = read_token(token, at=at or moments.now())
    return VerifiedToken(
        principal,
        issued_at=row.token_issued_at,
        expires_at=text_ends_at(row, token) or row.token_expires_at,
        issued_through=row.token_issued_through,
    )


def verify_api_key(text: str, *, at: datetime | None = None) -> VerifiedApiKey:
    """Verify an API key that comes alone, in one query.

    Raises:
        NotAuthenticatedError: it is wrong or dead, or its entity is off.
    """
    at = at or moments.now()
    api_key = _parse(derived(_Verifier).api_keys, text)
    row = API_KEY.one(api_key=api_key.id, at=at)
    if row is None:
        raise NotAuthenticatedError("no live row of this API key")
    check_nonce(row.key_nonce, api_key)
    return VerifiedApiKey(
        row.in_entity, api_key.id, row.key_name, row.key_access, used=(api_key,), verified_at=at
    )


class _Verifier:
    """What verifies under one state of the settings."""

    def __init__(self) -> None:
        self.memory = memory()
        self.rules = keys.rules()
        self.api_keys = self.rules.only(Kind.API_KEY)
        self.auth_tokens = self.rules.only(Kind.AUTH_TOKEN)
        asked = authenticators()
        ours = [_BUILT_IN[type(one)] for one in asked if type(one) in _BUILT_IN]
        self.tokens = self.rules.only(*ours)
        # A host's own authenticator wants to see each request; ours see what they do not know yet.
        self.asks_others = len(ours) < len(asked)
        # Good texts, parsed: the MAC of each is right, no more. By digest, so that none is kept.
        self.parsed: dict[str, tuple[Parsed, Parsed]] = {}
        self.parsed_alone: dict[str, Parsed] = {}

    def request(self, presented: Presented, at: datetime | None) -> Principal:
        """Verify API key, user and token. See `verify_request`."""
        # No good text holds a line break, so that no other two have the digest of good ones.
        key = self.rules.fingerprint(f"{presented.api_key}\n{presented.token}")
        pair: tuple[Parsed, Parsed] | None = None
        if self.asks_others:
            api_key = _parse(self.api_keys, presented.api_key)
            proof = prove(presented)
            if isinstance(proof, UserProof):
                found = _by_proof(presented, api_key, proof, at or moments.now())
                return _fitting(found, presented)
            pair = (api_key, proof.parsed)
        known, stood = (None, None) if self.memory is None else self.memory.recall(key)
        if known is not None:
            return _fitting(known, presented)
        at = at or moments.now()
        pair = pair or self.parsed.get(key) or self._parse_pair(key, presented)
        principal, row = read_pair(*pair, at=at)
        if self.memory is not None:
            _remember(self.memory, key, principal, row, stood, at=at)
        return _fitting(principal, presented)

    def bearer(self, text: str, at: datetime | None) -> Principal:
        """Verify an authentication token alone. See `verify_bearer`."""
        key, stood = self.rules.fingerprint(text), None
        if self.memory is not None:
            known, stood = self.memory.recall(key)
            if known is not None:
                return cast("Principal", known)
        at = at or moments.now()
        token = self.parsed_alone.get(key)
        if token is None:
            token = _kept(self.parsed_alone, key, _parse(self.auth_tokens, text))
        principal, row = read_token(token, at=at)
        if self.memory is not None:
            _remember(self.memory, key, principal, row, stood, at=at)
        return principal

    def _parse_pair(self, key: str, presented: Presented) -> tuple[Parsed, Parsed]:
        token = _parse(self.tokens, presented.token)
        return _kept(self.parsed, key, (_parse(self.api_keys, presented.api_key), token))


def _remember(
    memory: Memory, key: str, principal: Principal, row: Row, stood: Any, *, at: datetime
) -> None:
    """Remember who was verified.

    Nothing that was read inside a transaction is: it may not see what others changed since it
    began, or see what is taken back.
    """
    if connections[router.db_for_write(AuthToken)].in_atomic_block:
        return
    memory.remember(
        key,
        principal.shared(),
        scopes=scopes_of(entity_id=principal.entity_id, user_id=principal.user_id),
        stood=stood,
        ends_at=min(ends(row, principal, at=at)).timestamp(),
    )


def _kept(parsed: dict[str, _Parsed], key: str, value: _Parsed) -> _Parsed:
    if len(parsed) >= _MOST_PARSED:
        parsed.clear()
    parsed[key] = value
    return value


def _parse(rules: keys.Rules, text: str) -> Parsed:
    parsed = rules.read(text)
    if parsed is None:
        raise NotAuthenticatedError("no text of ours, or of another kind")
    return parsed


def _fitting(principal: Principal, presented: Presented) -> Principal:
    """Return the principal in the entity of the path.

    Raises:
        NotAuthenticatedError: the header names another user, or the entity is another one, where
            only a superuser gets in.
    """
    if not presented.names(principal.user_id):
        raise NotAuthenticatedError("userid: another user's token")
    entity_id = presented.entity_id
    if entity_id is not None and entity_id != principal.entity_id:
        if not principal.is_superuser:
            raise NotAuthenticatedError("API key: another entity's")
        return replace(principal, entity_id=entity_id)
    return principal


def _by_proof(presented: Presented, api_key: Parsed, proof: UserProof, at: datetime) -> Principal:
    principal = read_user(api_key, proof.user_id, flags=proof.flags, at=at)
    if principal is None and proof.admit is not None:
        _admit(presented, proof, at)
        principal = read_user(api_key, proof.user_id, flags=proof.flags, at=at)
    if principal is None:
        raise NotAuthenticatedError("no live row joins API key and user")
    if not proof.counts_in(principal.entity_id):
        raise NotAuthenticatedError("user: proved for another entity")
    return principal


def _admit(presented: Presented, proof: UserProof, at: datetime) -> None:
    """Put a user whom somebody else proved into the API key's entity, if he was never there.

    Who is a member by now stays as he is: just put there by another first request, or switched off.

    Raises:
        NotAuthenticatedError: the API key is wrong, of another entity or a reader's; the proof
            counts elsewhere; the header names another user; or the user is switched off.
    """
    application = verify_api_key(presented.api_key, at=at)
    if (
        presented.entity_id not in (None, application.entity_id)
        or application.access == KeyAccess.READ_ONLY
        or not proof.counts_in(application.entity_id)
        or not presented.names(proof.user_id)
    ):
        raise NotAuthenticatedError("an unknown user: not admitted here")
    known = Membership.objects.filter(entity=application.entity_id, user=proof.user_id)
    if known.exists():
        return
    if User.objects.filter(pk=proof.user_id, is_active=False).exists():
        raise NotAuthenticatedError("a known user: switched off")
    assert proof.admit is not None  # noqa: S101  for mypy
    proof.admit(application.entity_id)
