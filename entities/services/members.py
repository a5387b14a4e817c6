"""Change the role of a member, and remove one, without leaving an entity to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from entities.exceptions import LastAdminError, MembershipNotFoundError, UserSharedError
from entities.models import AuthToken, Membership, RevocationReason, Role
from entities.services.directory import delete_record, save_membership
from entities.services.rules import check_version
from entities.services.tokens import mark_revoked
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from collections.abc import Collection

    from entities.actors import Actor


@atomic()
def change_role(
    *, membership: Membership, role: str, by: Actor, if_match: Collection[str] | None = None
) -> Membership:
    """Give a member another role.

    Args:
        if_match: versions of the membership one of which it has to have; `None`: any.

    Raises:
        MembershipNotFoundError: somebody else removed it meanwhile.
        PreconditionFailedError: its version is none of `if_match`.
        LastAdminError: it is the last active admin, and `by` an admin of this entity only.
    """
    membership, others = _locked(membership)
    check_version(membership.version, if_match)
    if role != Role.ADMIN:
        _check_another_admin(membership, others, by=by)
    membership.role = role
    return save_membership(membership=membership, by=by)


@atomic()
def remove_member(
    *, membership: Membership, by: Actor, if_match: Collection[str] | None = None
) -> None:
    """Remove a user from an entity: the token is revoked, and its rows and the membership go.

    Events stay, for they name by ids; so do the user and the user's tokens for other entities.

    Args:
        if_match: versions of the membership one of which it has to have; `None`: any.

    Raises:
        MembershipNotFoundError: somebody else removed it meanwhile.
        PreconditionFailedError: its version is none of `if_match`.
        LastAdminError: it is the last active admin, and `by` an admin of this entity only.
    """
    membership, others = _locked(membership)
    check_version(membership.version, if_match)
    _check_another_admin(membership, others, by=by)
    tokens = AuthToken.objects.filter(membership=membership)
    for token in tokens.unrevoked():
        token.membership = membership
        mark_revoked(token, by=by, reason=RevocationReason.DELETED)
    tokens.delete()
    delete_record(record=membership, by=by)


def check_user_unshared(*, membership: Membership, by: Actor) -> None:
    """Refuse an entity's admin who touches user tokens of a member of other entities too.

    They prove the user there as well. Where else that is stays unsaid.

    Raises:
        UserSharedError: the user has another membership, active or not.
    """
    elsewhere = Membership.objects.filter(user=membership.user_id).exclude(pk=membership.pk)
    if by.is_bound and elsewhere.exists():
        raise UserSharedError


def _locked(membership: Membership) -> tuple[Membership, list[Membership]]:
    """Lock the row, and those of the entity's admins: return it, and the other active admins.

    Whoever issues a token for it meanwhile waits, and then finds it gone. Of two admins who remove
    each other at once, one waits, and is then the last; all lock in one order, so that none waits
    for ever.
    """
    admins = Q(entity=membership.entity_id, role=Role.ADMIN)
    rows = Membership.objects.select_related("entity", "user").order_by("pk")
    rows = rows.filter(Q(pk=membership.pk) | admins).select_for_update(of=("self",))
    by_pk = {row.pk: row for row in rows}
    locked = by_pk.pop(membership.pk, None)
    if locked is None:
        raise MembershipNotFoundError
    return locked, [row for row in by_pk.values() if row.is_live]


def _check_another_admin(membership: Membership, others: list[Membership], *, by: Actor) -> None:
    was_one = membership.role == Role.ADMIN and membership.is_live
    if by.is_bound and was_one and not others:
        raise LastAdminError
