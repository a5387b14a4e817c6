"""The rules that several services ask: lifetimes, flags, and which token is the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from entities.exceptions import (
    FlagCeilingError,
    FlagNotGrantedError,
    LifetimeError,
    PreconditionFailedError,
    TokenExpiredError,
    TokenNotFoundError,
    TokenRevokedError,
    TokenSuspendedError,
)
from entities.models import AuthToken, Death, Membership

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime, timedelta

    from entities.actors import Actor
    from entities.exceptions import EntitiesError
    from entities.models import Entity

_DEATHS: dict[Death, type[EntitiesError]] = {
    Death.REVOKED: TokenRevokedError,
    Death.ENTITY_REVOKED: TokenRevokedError,
    Death.SUSPENDED: TokenSuspendedError,
    Death.EXPIRED: TokenExpiredError,
}


def current_token(membership: Membership) -> AuthToken:
    """Return the unrevoked token of `membership`. No query where `with_token()` loaded it.

    Raises:
        TokenNotFoundError: there never was one, or its row is pruned.
        TokenRevokedError: the last one was revoked.
    """
    if "had_token" not in vars(membership):
        membership = Membership.objects.with_token().get(pk=membership.pk)
    token = membership.current_token
    if token is None:
        raise TokenRevokedError if membership.had_token else TokenNotFoundError
    return token


def locked_token(standing: AuthToken) -> AuthToken:
    """Read the row of `standing` again, and lock it until the transaction ends."""
    token = AuthToken.objects.select_for_update().get(pk=standing.pk)
    token.membership = standing.membership
    return token


def check_version(version: str | None, if_match: Collection[str] | None) -> None:
    """Refuse a row whose version is none of `if_match`; None wants none, `*` takes any.

    `version` is that of a locked row, or None where there is no row.

    Raises:
        PreconditionFailedError: it is none of them.
    """
    if if_match is None or (version is not None and not {version, "*"}.isdisjoint(if_match)):
        return
    raise PreconditionFailedError


def check_alive(token: AuthToken, *, at: datetime, expired_too: bool = False) -> None:
    """Refuse a dead token; one that has only expired passes where `expired_too`.

    Raises:
        TokenRevokedError: it, or all of its entity's, was revoked.
        TokenSuspendedError: its user, membership or entity is off.
        TokenExpiredError: it is past its expiry.
    """
    death = token.dead_because(at=at)
    if death is None or (expired_too and death is Death.EXPIRED):
        return
    raise _DEATHS[death]


def check_expiry(expires_at: datetime, *, entity: Entity, at: datetime) -> timedelta:
    """Return how far off `expires_at` is.

    Raises:
        LifetimeError: it is past, or beyond the entity's longest lifetime.
    """
    if expires_at <= at:
        raise LifetimeError("past")
    lifetime = expires_at - at
    if lifetime > entity.max_lifetime:
        latest = (at + entity.max_lifetime).isoformat(timespec="seconds")
        message = _("Choose an expiry within the longest lifetime of this entity: until {latest}.")
        raise LifetimeError("too far", message=message.format(latest=latest))
    return lifetime


def check_ceiling(flags: Iterable[str], *, by: Actor) -> None:
    """Refuse flags that the actor's own authentication token lacks.

    Raises:
        FlagCeilingError: it lacks one of them.
    """
    if by.flags is not None and not by.flags.issuperset(flags):
        raise FlagCeilingError


def check_restricted(added: Iterable[str], *, entity: Entity, by: Actor) -> None:
    """Refuse restricted flags from anybody but an admin.

    Raises:
        FlagNotGrantedError: `added` has one, and `by` is no admin.
    """
    if not by.is_admin and not set(entity.restricted_flags).isdisjoint(added):
        raise FlagNotGrantedError
