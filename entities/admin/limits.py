"""Which entities a staff account sees: all, or those that its limit names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entities.models import Membership, StaffLimit

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet
    from django.http import HttpRequest

MAX_FEW = 5000
_ATTRIBUTE = "_entities_limit"
_FEW = "_entities_limit_few"


def limited_to(request: HttpRequest) -> frozenset[str] | None:
    """Return the ids of the entities that the staff member sees; None: all. One query a request."""
    if not hasattr(request, _ATTRIBUTE):
        setattr(request, _ATTRIBUTE, _limit_of(request))
    limit: frozenset[str] | None = getattr(request, _ATTRIBUTE)
    return limit


def few_memberships(
    request: HttpRequest, entity_ids: Collection[str]
) -> QuerySet[Membership] | None:
    """Return the memberships of the limit where they are few; None where they are many.

    Whose rows are few are best gathered and sorted, those of many are met soon in the order of the
    list: the planner cannot tell, and gets told. The slice keeps it from mixing both. One query a
    request.
    """
    few = Membership.objects.filter(entity__in=entity_ids).order_by()[: MAX_FEW + 1]
    if not hasattr(request, _FEW):
        setattr(request, _FEW, few.count() <= MAX_FEW)
    return few if getattr(request, _FEW) else None


def _limit_of(request: HttpRequest) -> frozenset[str] | None:
    account = request.user
    if account.is_superuser:  # who could lift the limit
        return None
    # A left join: a limit without entities is a row without an entity, and no limit is no row.
    found = StaffLimit.objects.filter(account=account.pk).values_list("entities", flat=True)
    rows = list(found)
    return frozenset(filter(None, rows)) if rows else None
