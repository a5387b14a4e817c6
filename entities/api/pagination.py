"""Pages by the place of their last row, not by their number.

The thousandth page costs what the first one does, nothing is counted, and rows that come or go
meanwhile make nothing appear twice or be left out.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import BooleanField, F, Func, Value
from django.utils.timezone import is_naive
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.utils.urls import remove_query_param, replace_query_param

if TYPE_CHECKING:
    from django.db.models import Field, QuerySet
    from rest_framework.request import Request

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
PARAMETERS = ("limit", "cursor", "ordering")

_MAX_CURSOR_CHARS = 1000


@dataclass(frozen=True)
class Ordering:
    """An order that an index has: columns which together are unique.

    `columns` name fields of the row; `through` the expressions that stand for them in SQL, where
    these are not the same.
    """

    columns: tuple[str, ...]
    through: tuple[str, ...] = ()
    descending: bool = False

    @property
    def expressions(self) -> tuple[str, ...]:
        return self.through or self.columns

    def signed(self, names: tuple[str, ...]) -> list[str]:
        """Write `names` as `order_by` wants them."""
        return [f"-{name}" if self.descending else name for name in names]

    def reversed(self) -> Ordering:
        return replace(self, descending=not self.descending)


@dataclass(frozen=True)
class Place:
    """Where a page begins: behind the row with these values, or, `backwards`, before it."""

    values: tuple[Any, ...]
    backwards: bool = False


@dataclass(frozen=True)
class Page:
    """Rows, and the cursors of the pages beside them."""

    rows: list[Any]
    next: str | None
    previous: str | None


def read_page(
    rows: QuerySet[Any],
    *,
    ordering: Ordering,
    limit: int,
    cursor: str | None,
    related: tuple[str, ...] = (),
) -> Page:
    """Read one page, in one query, and one row more to see whether there is another page.

    What is `related` is joined to the rows of the page only, not to all that a filter finds.

    Raises:
        ValidationError: the cursor is none of this list in this order.
    """
    place = None if cursor is None else _decode(cursor, rows, ordering)
    backwards = place is not None and place.backwards
    direction = ordering.reversed() if backwards else ordering
    if place is not None:
        rows = rows.filter(_beyond(place, rows, direction))
    rows = rows.order_by(*direction.signed(direction.expressions))[: limit + 1]
    if related:
        keys = rows.values("pk")
        rows = rows.model._default_manager.filter(pk__in=keys).select_related(*related)
        rows = rows.order_by(*direction.signed(direction.columns))
    found = list(rows)
    more = len(found) > limit
    found = found[:limit]
    if backwards:
        found.reverse()
    has_next, has_previous = (True, more) if backwards else (more, place is not None)
    if not found:
        return Page([], None, None)
    return Page(
        found,
        _encode(found[-1], ordering, backwards=False) if has_next else None,
        _encode(found[0], ordering, backwards=True) if has_previous else None,
    )


def read_limit(sent: str | None) -> int:
    """Read the number of rows a page.

    Raises:
        ValidationError: it is not 1 to 200.
    """
    if sent is None:
        return DEFAULT_LIMIT
    if sent.isascii() and sent.isdigit() and len(sent) <= 4 and 1 <= int(sent) <= MAX_LIMIT:
        return int(sent)
    raise ValidationError({"limit": [_("Send a number from 1 to {most}.").format(most=MAX_LIMIT)]})


def link_to(request: Request, cursor: str | None) -> str | None:
    """Write the URL of the page at `cursor`, with all else as in the request."""
    if cursor is None:
        return None
    url = remove_query_param(request.build_absolute_uri(), "cursor")
    return str(replace_query_param(url, "cursor", cursor))


def _beyond(place: Place, rows: QuerySet[Any], ordering: Ordering) -> Func:
    """Compare whole rows, `(a, b) < (x, y)`, which both databases read from an index."""
    columns = Func(*map(F, ordering.expressions), template="(%(expressions)s)")
    fields = _fields(rows, ordering)
    values = (
        Value(value, output_field=field) for value, field in zip(place.values, fields, strict=True)
    )
    return Func(
        columns,
        Func(*values, template="(%(expressions)s)"),
        template="%(expressions)s",
        arg_joiner=" < " if ordering.descending else " > ",
        output_field=BooleanField(),
    )


def _fields(rows: QuerySet[Any], ordering: Ordering) -> list[Field[Any, Any]]:
    meta = rows.model._meta
    return [meta.pk if name == "pk" else meta.get_field(name) for name in ordering.columns]


def _encode(row: Any, ordering: Ordering, *, backwards: bool) -> str:
    values = [str(getattr(row, name)) for name in ordering.columns]
    body = json.dumps([ordering.columns[0], backwards, *values], separators=(",", ":"))
    return urlsafe_b64encode(body.encode()).decode().rstrip("=")


def _decode(cursor: str, rows: QuerySet[Any], ordering: Ordering) -> Place:
    """Read a cursor; it holds nothing that its reader was not shown."""
    try:
        if len(cursor) > _MAX_CURSOR_CHARS:
            raise ValueError(cursor)
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        column, backwards, *texts = json.loads(urlsafe_b64decode(padded))
        fields = _fields(rows, ordering)
        if column != ordering.columns[0] or not isinstance(backwards, bool):
            raise ValueError(cursor)
        values = [_value(text, field) for text, field in zip(texts, fields, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError, DjangoValidationError):
        raise ValidationError(
            {"cursor": [_("This cursor is of another list or order. Begin without one.")]}
        ) from None
    return Place(tuple(values), backwards)


def _value(text: object, field: Field[Any, Any]) -> Any:
    """Read a value of a column, which may be anything that somebody made up."""
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError(text)
    text.encode()  # a lone surrogate is a ValueError here, and one of the database's there
    value = field.clean(text, None)
    if isinstance(value, datetime) and is_naive(value):
        raise ValueError(text)
    return value
