"""What hangs on an object, in small tables on its page: the first rows, and a link to all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils.formats import number_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django_stubs_ext import StrOrPromise

ROWS = 10
_MOST_COUNTED = 1000


class Link(NamedTuple):
    """Where one can go from the page of an object."""

    url: str
    label: StrOrPromise


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a column, and where it leads."""

    value: object
    url: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A small table. `more` leads to the whole list."""

    title: StrOrPromise
    headers: Sequence[StrOrPromise]
    rows: Sequence[Sequence[Cell]]
    empty: StrOrPromise
    more: Link | None = None
    links: Sequence[Link] = field(default_factory=tuple)


def counted(rows: QuerySet[Any]) -> str:
    """Count `rows`, as far as 1,000: what is beyond would cost as much as the table is long."""
    count = rows.order_by()[: _MOST_COUNTED + 1].count()
    if count > _MOST_COUNTED:
        return f"{number_format(_MOST_COUNTED, force_grouping=True)}+"
    return number_format(count, force_grouping=True)
