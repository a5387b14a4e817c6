"""Issue, read, update and revoke an authentication token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError
from django.db.models import Q

from entities import keys, moments
from entities.actors import ActorKind
from entities.codec import new_id, new_nonce
from entities.conf import app_settings
from entities.exceptions import (
    MembershipInactiveError,
    NothingToChangeError,
    TokenExistsError,
    TokenKeyRetiredError,
    TokenRevokedError,
)
from entities.models import Action, AuthToken, RevocationReason
from entities.models.flags import clean_flags
from entities.services.record import append_events, event_of, record_and_tell, tell
from entities.services.rules import (
    check_alive,
    check_ceiling,
    check_expiry,
    check_restricted,
    check_version,
    current_token,
    locked_token,
)
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from entities.actors import Actor
    from entities.models import Entity, Event, Membership


@atomic()
def issue_token(
    *,
    membership: Membership,
    by: Actor,
    expires_at: datetime | None = None,
    flags: Sequence[str] = (),
    if_match: Collection[str] | None = None,
) -> AuthToken:
    """Create the authentication token of `membership`.

    The database decides between two that come at once: one unrevoked token fits. A dead one in the
    way (expired, or of an epoch before) is revoked as replaced.

    Args:
        expires_at: moment it ends, aware; `None` takes the entity's default lifetime.
        if_match: versions one of which the actor wants to find; where none is live, that is none.

    Raises:
        MembershipInactiveError: the user, the membership or the entity is off.
        TokenExistsError: a live one stands.
        PreconditionFailedError: `if_match` is given.
        LifetimeError: `expires_at` is past, or beyond the entity's longest lifetime.
        FlagsError: a flag has the wrong form, or there are over 32.
        FlagNotGrantedError: a restricted flag, and `by` is no admin.
        FlagCeilingError: a flag that the actor's own authentication token lacks.
    """
    now = moments.now()
    token = prepare_token(membership, by=by, at=now, expires_at=expires_at, flags=flags)
    events = _replace_dead(membership, by=by, at=now)
    check_version(None, if_match)
    try:
        with atomic():
            token.save(force_insert=True)
    except IntegrityError:
        if AuthToken.objects.unrevoked().filter(membership=membership).exists():
            raise TokenExistsError from None
        raise
    details = issue_details(token)
    append_events(*events, event_of(Action.TOKEN_ISSUED, token, by=by, at=now, details=details))
    tell(Action.TOKEN_ISSUED, token, by=by)
    return token


def prepare_token(
    membership: Membership,
    *,
    by: Actor,
    at: datetime,
    expires_at: datetime | None,
    flags: Sequence[str],
) -> AuthToken:
    """Build a token that is yet to be inserted, once the rules of `issue_token` allow it."""
    entity = membership.entity
    if not membership.is_live:
        raise MembershipInactiveError
    flags = clean_flags(flags)
    check_restricted(flags, entity=entity, by=by)
    check_ceiling(flags, by=by)
    if expires_at is None:
        expires_at = at + entity.default_lifetime
    return AuthToken(
        id=new_id(),
        nonce=new_nonce(),
        membership=membership,
        listed_in_id=membership.entity_id,
        epoch=entity.token_epoch,
        signing_key=keys.current_key().id,
        flags=flags,
        lifetime=check_expiry(expires_at, entity=entity, at=at),
        created_at=at,
        issued_at=at,
        issued_through=by.application.api_key_id if by.application else None,
        expires_at=expires_at,
    )


def issue_details(token: AuthToken) -> dict[str, Any]:
    """What the event of an issue says."""
    return {"expires_at": moments.written(token.expires_at), "flags": token.flags}


def dead_at(at: datetime, *, entity: Entity) -> Q:
    """Build the condition of a token that a new one may replace."""
    return Q(expires_at__lte=at) | Q(epoch__lt=entity.token_epoch)


def read_token(
    *,
    membership: Membership,
    by: Actor,
    if_match: Collection[str] | None = None,
    shows_text: bool = True,
) -> AuthToken:
    """Return the live token of `membership`, for `by` to see its text.

    Args:
        if_match: versions of the token one of which it has to have; `None`: any.
        shows_text: whether `by` gets to see the text, which may be an event.

    Raises:
        PreconditionFailedError: its version is none of `if_match`.
        TokenNotFoundError, TokenRevokedError, TokenExpiredError, TokenSuspendedError: none lives.
        TokenKeyRetiredError: its signing key is configured no more, so that it verifies no more.
        FlagCeilingError: it has flags that the actor's own authentication token lacks.
    """
    token = current_token(membership)
    now = moments.now()
    check_alive(token, at=now)
    check_ceiling(token.flags, by=by)
    _check_readable(token)
    if if_match is not None:
        check_version(token.version, if_match)
    if shows_text and _is_shown_to_another(token, by=by):
        record_and_tell(Action.TOKEN_TEXT_READ, token, by=by, at=now)
    return token


@atomic()
def update_token(
    *,
    membership: Membership,
    by: Actor,
    expires_at: datetime | None = None,
    flags: Sequence[str] | None = None,
    if_match: Collection[str] | None = None,
) -> AuthToken:
    """Change expiry, flags or both of the live token of `membership`; its text stays as it is.

    The row is locked while the rules look at it: flags that an admin takes away meanwhile do not
    come back. A member may keep or drop restricted flags, not add them.

    Args:
        expires_at: new moment it ends, aware; `None` leaves it.
        flags: all of the new flags; `None` leaves them.
        if_match: versions of the token one of which it has to have; `None`: any.

    Raises:
        PreconditionFailedError: its version is none of `if_match`.
        NothingToChangeError: neither is given.
        TokenNotFoundError, TokenRevokedError, TokenExpiredError, TokenSuspendedError: none lives.
        TokenKeyRetiredError: its signing key is configured no more.
        LifetimeError, FlagsError, FlagNotGrantedError: as at the issue.
        FlagCeilingError: it has, or would get, flags that the actor's own token lacks.
    """
    if expires_at is None and flags is None:
        raise NothingToChangeError
    now = moments.now()
    token = locked_token(current_token(membership))
    entity = token.membership.entity
    check_alive(token, at=now)
    check_ceiling(token.flags, by=by)
    _check_readable(token)
    check_version(token.version, if_match)
    before = {"expires_at": moments.written(token.expires_at), "flags": token.flags}
    if flags is not None:
        flags = clean_flags(flags)
        check_restricted(set(flags).difference(token.flags), entity=entity, by=by)
        check_ceiling(flags, by=by)
        token.flags = flags
    if expires_at is not None:
        token.lifetime = check_expiry(expires_at, entity=entity, at=now)
        token.expires_at = expires_at
    token.save(update_fields=["flags", "lifetime", "expires_at"])
    after = {"expires_at": moments.written(token.expires_at), "flags": token.flags}
    details = {"changes": {name: [before[name], after[name]] for name in after}}
    events = [event_of(Action.TOKEN_UPDATED, token, by=by, at=now, details=details)]
    tell(Action.TOKEN_UPDATED, token, by=by)
    # The answer of the API shows the text; the admin shows none.
    if by.kind is ActorKind.USER and _is_shown_to_another(token, by=by):
        events.append(event_of(Action.TOKEN_TEXT_READ, token, by=by, at=now, details={}))
        tell(Action.TOKEN_TEXT_READ, token, by=by)
    append_events(*events)
    return token


@atomic()
def revoke_token(
    *,
    membership: Membership,
    by: Actor,
    reason: RevocationReason = RevocationReason.DELETED,
    if_match: Collection[str] | None = None,
) -> AuthToken:
    """Revoke the token of `membership`, also an expired one: it could be refreshed otherwise.

    Args:
        if_match: versions of the token one of which it has to have; `None`: any. Costs a query.

    Raises:
        PreconditionFailedError: its version is none of `if_match`.
        TokenNotFoundError: there is none.
        TokenRevokedError: it was revoked before, or is being revoked by somebody else right now.
    """
    token = current_token(membership)
    if if_match is not None:
        token = locked_token(token)
    if token.revoked_at is not None or token.epoch != token.membership.entity.token_epoch:
        raise TokenRevokedError
    check_version(token.version, if_match)
    if not mark_revoked(token, by=by, reason=reason):
        raise TokenRevokedError
    return token


def mark_revoked(token: AuthToken, *, by: Actor, reason: RevocationReason) -> bool:
    """Revoke one row, inside the caller's transaction. False: somebody else was faster."""
    now = moments.now()
    won = (
        AuthToken.objects.unrevoked()
        .filter(pk=token.pk)
        .update(revoked_at=now, revocation_reason=reason)
    )
    if not won:
        return False
    token.revoked_at, token.revocation_reason = now, reason
    details = {"reason": reason.value}
    record_and_tell(Action.TOKEN_REVOKED, token, by=by, at=now, details=details, reason=reason)
    return True


def _replace_dead(membership: Membership, *, by: Actor, at: datetime) -> list[Event]:
    """Revoke the dead token in the way of a new one, if one is; return the event of it.

    No query where `with_token()` loaded the membership and there is none.

    Raises:
        TokenExistsError: a live one stands.
    """
    standing = (
        membership.current_token
        if "had_token" in vars(membership)
        else AuthToken.objects.unrevoked().filter(membership=membership).first()
    )
    if standing is None:
        return []
    standing.membership = membership
    dead = dead_at(at, entity=membership.entity)
    reason = RevocationReason.REPLACED
    replaced = AuthToken.objects.unrevoked().filter(dead, pk=standing.pk)
    if not replaced.update(revoked_at=at, revocation_reason=reason):
        raise TokenExistsError
    standing.revoked_at, standing.revocation_reason = at, reason
    tell(Action.TOKEN_REVOKED, standing, by=by, reason=reason)
    details = {"reason": reason.value}
    return [event_of(Action.TOKEN_REVOKED, standing, by=by, at=at, details=details)]


def _is_shown_to_another(token: AuthToken, *, by: Actor) -> bool:
    """Whether the text is shown to anybody but its user, which is an event."""
    is_its_user = by.kind is ActorKind.USER and by.id == token.membership.user_id
    return app_settings.TOKEN_READBACK and not is_its_user and not by.reads_only


def _check_readable(token: AuthToken) -> None:
    if token.signing_key not in keys.keyring():
        raise TokenKeyRetiredError
