"""Issue the tokens of many users at once: all of them, or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError

from entities import moments
from entities.exceptions import (
    BatchRefusedError,
    EntitiesError,
    MembershipNotFoundError,
    TokenExistsError,
)
from entities.models import Action, AuthToken, Membership, RevocationReason
from entities.services.record import append_events, event_of, tell
from entities.services.tokens import dead_at, issue_details, prepare_token
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from entities.actors import Actor
    from entities.models import Entity

MAX_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token to issue: for whom, and on which terms. See `issue_token` for them."""

    user_id: str
    expires_at: datetime | None = None
    flags: Sequence[str] = ()


@atomic()
def issue_tokens(*, entity: Entity, wanted: Sequence[Wanted], by: Actor) -> list[AuthToken]:
    """Create the authentication tokens of many users of `entity`, in the order of `wanted`.

    All or none, in as many statements for a thousand as for one. The rules are those of
    `issue_token`, asked of each.

    Args:
        wanted: 1 to 1,000, each user once.

    Raises:
        BatchRefusedError: with the error of each that could not be issued, by its place.
    """
    now = moments.now()
    memberships = _memberships(entity, wanted)
    tokens: list[AuthToken] = []
    causes: dict[int, EntitiesError] = {}
    for place, terms in enumerate(wanted):
        try:
            tokens.append(_prepare(memberships.get(terms.user_id), terms, by=by, at=now))
        except EntitiesError as error:
            causes[place] = error
    if causes:
        raise BatchRefusedError(causes)
    replaced = [
        membership.current_token
        for membership in (token.membership for token in tokens)
        if membership.current_token is not None
    ]
    _replace_and_insert(replaced, tokens, by=by, at=now)
    _record(replaced, tokens, by=by, at=now)
    return tokens


def _memberships(entity: Entity, wanted: Sequence[Wanted]) -> dict[str, Membership]:
    users = [terms.user_id for terms in wanted]
    rows = Membership.objects.with_token().filter(entity=entity, user__in=users)
    return {row.user_id: row for row in rows}


def _prepare(membership: Membership | None, terms: Wanted, *, by: Actor, at: datetime) -> AuthToken:
    if membership is None:
        raise MembershipNotFoundError
    token = prepare_token(membership, by=by, at=at, expires_at=terms.expires_at, flags=terms.flags)
    standing = membership.current_token
    if standing is not None and standing.dead_because(at=at) is None:
        raise TokenExistsError
    return token


def _replace_and_insert(
    replaced: list[AuthToken], tokens: list[AuthToken], *, by: Actor, at: datetime
) -> None:
    """Revoke the dead tokens in the way, and insert the new ones.

    The database decides between two that come at once, as in `issue_token`.
    """
    if replaced:
        entity = tokens[0].membership.entity
        dead = AuthToken.objects.unrevoked().filter(dead_at(at, entity=entity))
        dead = dead.filter(pk__in=[token.pk for token in replaced])
        list(dead.select_for_update().order_by("pk").values_list("pk"))  # see below
        reason = RevocationReason.REPLACED
        if dead.update(revoked_at=at, revocation_reason=reason) < len(replaced):
            raise _overtaken(tokens)
        for token in replaced:
            token.revoked_at, token.revocation_reason = at, reason
    try:
        with atomic():
            # In one order, so that two batches of the same users cannot wait for each other.
            AuthToken.objects.bulk_create(sorted(tokens, key=lambda token: token.membership_id))
    except IntegrityError:
        error = _overtaken(tokens)
        if not error.causes:
            raise
        raise error from None


def _overtaken(tokens: list[AuthToken]) -> BatchRefusedError:
    """Say for which users somebody else has issued a token meanwhile."""
    standing = set(
        AuthToken.objects.unrevoked()
        .filter(membership__in=[token.membership_id for token in tokens])
        .values_list("membership_id", flat=True)
    )
    return BatchRefusedError(
        {
            place: TokenExistsError()
            for place, token in enumerate(tokens)
            if token.membership_id in standing
        }
    )


def _record(replaced: list[AuthToken], tokens: list[AuthToken], *, by: Actor, at: datetime) -> None:
    reason = RevocationReason.REPLACED
    append_events(
        *(
            event_of(Action.TOKEN_REVOKED, token, by=by, at=at, details={"reason": reason.value})
            for token in replaced
        ),
        *(
            event_of(Action.TOKEN_ISSUED, token, by=by, at=at, details=issue_details(token))
            for token in tokens
        ),
    )
    for token in replaced:
        tell(Action.TOKEN_REVOKED, token, by=by, reason=reason)
    for token in tokens:
        tell(Action.TOKEN_ISSUED, token, by=by)
