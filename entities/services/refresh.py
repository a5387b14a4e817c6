"""Refresh an authentication token: compare-and-swap, grace, reuse."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from django.db.models import F

from entities import keys, moments
from entities.codec import Kind, new_nonce
from entities.conf import app_settings
from entities.exceptions import (
    CredentialTextError,
    TokenChangedError,
    TokenMismatchError,
    TokenReusedError,
)
from entities.models import Action, AuthToken, Membership, RevocationReason, TextAge
from entities.services.record import record_and_tell
from entities.services.rules import (
    check_alive,
    check_ceiling,
    check_expiry,
    check_version,
    current_token,
    locked_token,
)
from entities.services.tokens import mark_revoked
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from entities.actors import Actor
    from entities.codec import Parsed


def refresh_token(
    *,
    membership: Membership,
    by: Actor,
    text: str | None = None,
    proof: Parsed | None = None,
    seen: AuthToken | None = None,
    expires_at: datetime | None = None,
    if_match: Collection[str] | None = None,
) -> AuthToken:
    """Give the token of `membership` a new text and a new expiry; the old text stops being good.

    One compare-and-swap on the generation decides between refreshes that come at once: one wins,
    and the others answer with what it made. The same holds for `REFRESH_GRACE` after a refresh for
    the one text before it, so that a lost answer locks nobody out. Any other older text of the
    token means that two hold it: the token is revoked. That is committed before the error is
    raised, which is why this function refuses to run inside a transaction of the caller's.

    An expired token can be refreshed; a revoked one cannot.

    Args:
        text: the text to refresh; `None` refreshes the current one, whatever it is.
        proof: the text by which the actor proved himself, parsed: stands in where there is no
            `text`.
        seen: the token as the actor saw it, for one who has no text: whatever it has become since
            is not refreshed.
        expires_at: moment the new text ends, aware; `None` puts it as far off as the last one was,
            within the entity's longest lifetime.
        if_match: versions of the token one of which it has to have to be refreshed; `None`: any.
            Costs a query. A repeated refresh, which changes nothing, and reuse do not ask for it.

    Raises:
        TokenNotFoundError, TokenRevokedError, TokenSuspendedError: nothing to refresh.
        FlagCeilingError: the token has flags that the actor's own authentication token lacks.
        TokenChangedError: the token is another than `seen`, or was refreshed since.
        PreconditionFailedError: its version is none of `if_match`.
        TokenMismatchError: `text` is forged, another user's, or of another token.
        TokenReusedError: `text` is an older one of this token, which is now revoked.
        LifetimeError: `expires_at` is past, or beyond the entity's longest lifetime.
        RuntimeError: called inside a transaction.

    Spec: RFC 9700 section 4.14.2.
    """
    presented = proof if text is None else _parse(text)
    now = moments.now()
    with atomic(durable=True):
        token = current_token(membership)
        if if_match is not None:
            token = locked_token(token)
        while True:
            check_alive(token, at=now, expired_too=True)
            check_ceiling(token.flags, by=by)
            if seen and (token.pk, token.generation) != (seen.pk, seen.generation):
                raise TokenChangedError
            verdict = _judge(token, presented, at=now)
            if verdict is _Verdict.REPEAT:
                return token
            if verdict is _Verdict.REUSE:
                record_and_tell(Action.TOKEN_REUSED, token, by=by, at=now)
                mark_revoked(token, by=by, reason=RevocationReason.REUSED)
                break
            check_version(token.version, if_match)
            if _swap(token, by=by, expires_at=expires_at, at=now):
                return token
            # Somebody else's refresh came between: what the row holds now decides.
            token = current_token(Membership(pk=membership.pk))
            if presented is None and seen is None:
                return token
    raise TokenReusedError


class _Verdict(Enum):
    SWAP = "swap"
    REPEAT = "repeat"  # a lost answer, asked for again
    REUSE = "reuse"  # two hold the token


def _judge(token: AuthToken, presented: Parsed | None, *, at: datetime) -> _Verdict:
    if presented is None:
        return _Verdict.SWAP
    if presented.id != token.id:
        raise TokenMismatchError("another token")
    age = token.age_of(presented)
    if age is TextAge.UNKNOWN:
        raise TokenMismatchError("another history")
    if age is TextAge.CURRENT:
        return _Verdict.SWAP
    # The grace is counted from the refresh: repeating does not slide it.
    grace_ends_at = min(token.issued_at + app_settings.REFRESH_GRACE, token.expires_at)
    return _Verdict.REPEAT if age is TextAge.PREVIOUS and at < grace_ends_at else _Verdict.REUSE


def _swap(token: AuthToken, *, by: Actor, expires_at: datetime | None, at: datetime) -> bool:
    """Refresh the row if it still is of the generation that was read. False: it is not."""
    entity = token.membership.entity
    if expires_at is None:
        lifetime = min(token.lifetime, entity.max_lifetime)
        expires_at = at + lifetime
    else:
        lifetime = check_expiry(expires_at, entity=entity, at=at)
    fresh = {
        "nonce": new_nonce(),
        "signing_key": keys.current_key().id,
        "lifetime": lifetime,
        "issued_at": at,
        "issued_through": by.application.api_key_id if by.application else None,
        "expires_at": expires_at,
    }
    won = (
        AuthToken.objects.unrevoked()
        .filter(pk=token.pk, generation=token.generation)
        .update(
            generation=F("generation") + 1,
            previous_nonce=F("nonce"),
            previous_expires_at=F("expires_at"),
            **fresh,
        )
    )
    if not won:
        return False
    token.generation += 1
    token.previous_nonce, token.previous_expires_at = token.nonce, token.expires_at
    for name, value in fresh.items():
        setattr(token, name, value)
    details = {"generation": token.generation, "expires_at": moments.written(token.expires_at)}
    record_and_tell(Action.TOKEN_REFRESHED, token, by=by, at=at, details=details)
    return True


def _parse(text: str) -> Parsed:
    try:
        parsed = keys.parse(text)
    except CredentialTextError:
        raise TokenMismatchError("text") from None
    if parsed.kind is not Kind.AUTH_TOKEN:
        raise TokenMismatchError("kind")
    return parsed
