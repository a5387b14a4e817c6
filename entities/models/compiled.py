"""Querysets whose SQL is written once, and executed with other values each time.

To write it costs the ORM more than the database takes to answer. The rule still stands in the
queryset alone: its SQL, the places of its values and the converters of its columns are taken from
it at the first use, once for each database.
"""

from __future__ import annotations

from datetime import UTC
from functools import cached_property, partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.db import connections, router
from django.db.models import Expression, UUIDField

from entities.models.moments import MomentField

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Field, QuerySet

    _Preparer = Callable[[Any, BaseDatabaseWrapper], Any]


class Slot(Expression):
    """A place in a queryset whose value comes with each execution."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]


class CompiledQuery:
    """At most one row: the columns of a queryset whose conditions hold slots.

    The queryset is the whole rule, so it must match one row at most. The database is that of
    writes: a replica may not know of a revocation yet.
    """

    def __init__(self, rows: Callable[[], QuerySet[Any]], columns: Mapping[str, str]) -> None:
        """Take what makes the queryset, and the path of each column by the name it is read by."""
        self._make = rows  # called late, when all models are there
        self._columns = columns
        self._plans: dict[str, _Plan] = {}

    def one(self, **values: object) -> Row | None:
        """Fetch the row; None where nothing matches. One query.

        Args:
            values: one for each slot by its name, of the type of its field.
        """
        alias = router.db_for_write(self._rows.model)
        plan = self._plans.get(alias)
        if plan is None:
            plan = self._plans[alias] = _Plan(self._rows, self._columns, alias)
        return plan.execute(values, connections[alias])

    @cached_property
    def _rows(self) -> QuerySet[Any]:
        return self._make()


class Row(dict[str, Any]):
    """A row, whose columns that take a conversion are converted when somebody looks at them."""

    __slots__ = ("_connection", "_found", "_plan")

    def __init__(self, plan: _Plan, found: Sequence[Any], connection: BaseDatabaseWrapper) -> None:
        super().__init__(zip(plan.plain, plan.plain_of(found), strict=True))
        self._plan, self._found, self._connection = plan, found, connection

    @property
    def database(self) -> str:
        """Alias of where it was read."""
        return self._connection.alias

    def __missing__(self, name: str) -> Any:
        place, converters, expression = self._plan.converted[name]
        value = self._found[place]
        if value is not None:
            for convert in converters:
                value = convert(value, expression, self._connection)
        self[name] = value
        return value


class _Plan:
    """What one database is sent."""

    def __init__(self, rows: QuerySet[Any], columns: Mapping[str, str], alias: str) -> None:
        # A connection of its own, never opened: converters are bound to that which made them, and
        # that of a thread would be kept after the thread's end.
        compiler = (
            rows.order_by()
            .values_list(*columns.values())
            .query.get_compiler(connection=connections.create_connection(alias))
        )
        sql, params = compiler.as_sql()
        # By name: SQLite's backend rewrites a text with positions at each execution, by a pattern
        # that takes longer than SQLite does. A percent sign of the text's own stays doubled.
        names = [
            param.name if isinstance(param, Slot) else f"_{place}"
            for place, param in enumerate(params)
        ]
        self.sql = sql.replace("%%", "%%%%") % tuple(f"%({name})s" for name in names)
        slots = {param.name: param.output_field for param in params if isinstance(param, Slot)}
        self.prepare = {name: preparer(field, compiler.connection) for name, field in slots.items()}
        self.constants = {
            name: param for name, param in zip(names, params, strict=True) if name not in slots
        }
        converters = compiler.get_converters([column for column, _, _ in compiler.select])
        self.converted = {
            name: (place, *converters[place])
            for place, name in enumerate(columns)
            if place in converters
        }
        self.plain = tuple([name for name in columns if name not in self.converted])
        places = [place for place in range(len(columns)) if place not in converters]
        # Of one place, an itemgetter gives no tuple.
        self.plain_of: Callable[[Sequence[Any]], Any] = (
            itemgetter(*places) if len(places) > 1 else lambda found: [found[at] for at in places]
        )

    def execute(self, values: Mapping[str, object], connection: BaseDatabaseWrapper) -> Row | None:
        params = self.constants.copy()
        for name, prepare in self.prepare.items():
            params[name] = prepare(values[name], connection)
        with connection.cursor() as cursor:
            cursor.execute(self.sql, params)
            found = cursor.fetchone()
        return None if found is None else Row(self, found, connection)


def preparer(field: Field[Any, Any], connection: BaseDatabaseWrapper) -> _Preparer:
    """Return what makes a parameter of a value of `field`.

    For the two kinds on the hot path, what `get_db_prep_value` comes to in a fraction of its time.
    """
    if isinstance(field, UUIDField):
        return _as_it_is if connection.features.has_native_uuid_field else _in_hex
    writes_utc = connection.vendor == "sqlite" and connection.timezone in (None, UTC)
    if isinstance(field, MomentField) and writes_utc:
        return _in_utc
    return partial(_prepared, field)


def _as_it_is(value: Any, _connection: object) -> Any:
    return value


def _in_hex(value: UUID, _connection: object) -> str:
    return value.hex


def _in_utc(value: datetime, _connection: object) -> str:
    return str(value.astimezone(UTC).replace(tzinfo=None))


def _prepared(field: Field[Any, Any], value: Any, connection: BaseDatabaseWrapper) -> Any:
    return field.get_db_prep_value(value, connection, prepared=True)
