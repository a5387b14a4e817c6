"""Which entities a staff account sees: all, or those that its limit names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entities.models import StaffLimit

if TYPE_CHECKING:
    from django.http import HttpRequest

_ATTRIBUTE = "_entities_limit"


def limited_to(request: HttpRequest) -> frozenset[str] | None:
    """Return the ids of the entities that the staff member sees; None: all. One query a request."""
    if not hasattr(request, _ATTRIBUTE):
        setattr(request, _ATTRIBUTE, _limit_of(request))
    limit: frozenset[str] | None = getattr(request, _ATTRIBUTE)
    return limit


def _limit_of(request: HttpRequest) -> frozenset[str] | None:
    account = request.user
    if account.is_superuser:  # who could lift the limit
        return None
    # A left join: a limit without entities is a row without an entity, and no limit is no row.
    found = StaffLimit.objects.filter(account=account.pk).values_list("entities", flat=True)
    rows = list(found)
    return frozenset(filter(None, rows)) if rows else None
