"""Querysets whose SQL is written once, and executed with other values each time.

To write it costs the ORM more than the database takes to answer. The rule still stands in the
queryset alone: its SQL, the places of its values and the converters of its columns are taken from
it at the first use, once for each database.
"""

from __future__ import annotations

from datetime import UTC
from functools import cached_property, partial
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import connections, router
from django.db.models import Expression, F, Func, UUIDField

from entities.models.moments import MomentField
from entities.models.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Field, QuerySet


class Slot(Expression):
    """A place in a queryset whose value comes with each execution."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]


class _AsItLies(Func):
    """A column whose declared type is hidden from SQLite's driver.

    That looks each of them up at each execution, and parses moments that nobody may ask for. What
    it leaves, the field converts.
    """

    arity = 1
    template = "%(expressions)s"

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="+%(expressions)s")


class CompiledQuery:
    """At most one row: the columns of a queryset whose conditions hold slots.

    The queryset is the whole rule, so it must match one row at most. The database is that of
    writes: a replica may not know of a revocation yet.
    """

    def __init__(
        self, rows: Callable[[], QuerySet[Any]], columns: Mapping[str, str | Expression]
    ) -> None:
        """Take what makes the queryset, and each column, or its path, by the name it is read by."""
        self._make = rows  # called late, when all models are there
        self._columns = {
            name: F(column) if isinstance(column, str) else column
            for name, column in columns.items()
        }
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


class Row(tuple[Any, ...]):
    """A row. Each column is an attribute, converted when somebody looks at it."""

    __slots__ = ()
    database: ClassVar[str]
    """Alias of where it was read."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class _Plan:
    """What one database is sent."""

    def __init__(self, rows: QuerySet[Any], columns: Mapping[str, Any], alias: str) -> None:
        # A connection of its own, never opened: converters are bound to that which made them, and
        # that of a thread would be kept after the thread's end.
        connection = connections.create_connection(alias)
        compiler = (
            rows.order_by()
            .values_list(*[_AsItLies(column) for column in columns.values()])
            .query.get_compiler(connection=connection)
        )
        sql, params = compiler.as_sql()
        names = [
            param.name if isinstance(param, Slot) else f"_{place}"
            for place, param in enumerate(params)
        ]
        self.statement = Statement(sql, names, connection)
        slots = {param.name: param.output_field for param in params if isinstance(param, Slot)}
        self.prepare = {name: preparer(field, connection) for name, field in slots.items()}
        self.constants = {
            name: param for name, param in zip(names, params, strict=True) if name not in slots
        }
        converters = compiler.get_converters([column for column, _, _ in compiler.select])
        readers = {
            name: property(_reader(place, converters.get(place, ((), None)), connection))
            for place, name in enumerate(columns)
        }
        self.row = type("Row", (Row,), {"__slots__": (), "database": alias, **readers})

    def execute(self, values: dict[str, Any], connection: BaseDatabaseWrapper) -> Row | None:
        """Execute it with `values`, which become the parameters."""
        for name, prepare in self.prepare.items():
            values[name] = prepare(values[name])
        values.update(self.constants)
        found = self.statement.fetch_one(values, connection)
        return None if found is None else self.row(found)


def _reader(
    place: int, converted: tuple[Sequence[Any], Any], connection: BaseDatabaseWrapper
) -> Callable[[Any], Any]:
    converters, expression = converted
    if not converters:
        return itemgetter(place)

    def read(row: Sequence[Any]) -> Any:
        value = row[place]
        if value is not None:
            for convert in converters:
                value = convert(value, expression, connection)
        return value

    return read


def preparer(field: Field[Any, Any], connection: BaseDatabaseWrapper) -> Callable[[Any], Any]:
    """Return what makes a parameter of a value of `field`.

    For the two kinds on the hot path, what `get_db_prep_value` comes to in a fraction of its time.
    """
    if isinstance(field, UUIDField):
        return _as_it_is if connection.features.has_native_uuid_field else attrgetter("hex")
    writes_utc = connection.vendor == "sqlite" and connection.timezone in (None, UTC)
    if isinstance(field, MomentField) and writes_utc:
        return _in_utc
    return partial(field.get_db_prep_value, connection=connection, prepared=True)


def _as_it_is(value: Any) -> Any:
    return value


def _in_utc(value: datetime) -> str:
    return str(value.astimezone(UTC))[: -len("+00:00")]
