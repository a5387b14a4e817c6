"""Querysets whose SQL is written once, and executed with other values each time.

To write it costs the ORM more than the database takes to answer. The rule still stands in the
queryset alone: its SQL, the places of its values and the converters of its columns are taken from
it at the first use, once for each database.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import connections, router
from django.db.models import Expression

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Field, QuerySet


class Slot(Expression):
    """A place in a queryset whose value comes with each execution."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]


class CompiledQuery:
    """At most one row of a queryset of `.values()` whose conditions hold slots.

    The queryset is the whole rule, so it must match one row at most. The database is that of
    writes: a replica may not know of a revocation yet.
    """

    def __init__(self, build: Callable[[], QuerySet[Any, dict[str, Any]]]) -> None:
        self._build = build  # called late, when all models are there
        self._plans: dict[str, _Plan] = {}

    def one(self, **values: object) -> dict[str, Any] | None:
        """Fetch the row, each column by its name; None where nothing matches. One query.

        Args:
            values: one for each slot, by its name.
        """
        alias = router.db_for_write(self._rows.model)
        plan = self._plans.get(alias)
        if plan is None:
            plan = self._plans[alias] = _Plan(self._rows, alias)
        return plan.execute(values, connections[alias])

    @cached_property
    def _rows(self) -> QuerySet[Any, dict[str, Any]]:
        return self._build()


class _Plan:
    """What one database is sent."""

    def __init__(self, rows: QuerySet[Any, Any], alias: str) -> None:
        # A connection of its own, never opened: converters are bound to that which made them, and
        # that of a thread would be kept after the thread's end.
        compiler = rows.order_by().query.get_compiler(
            connection=connections.create_connection(alias)
        )
        self.sql, params = compiler.as_sql()
        self.params: Sequence[Any] = params
        self.slots: Mapping[str, Field[Any, Any]] = {
            param.name: param.output_field for param in params if isinstance(param, Slot)
        }
        selected = [column for column, _, _ in compiler.select]
        self.names = [*compiler.query.values_select, *compiler.query.annotation_select]
        self.converters = [
            (self.names[place], convert, expression)
            for place, (converters, expression) in compiler.get_converters(selected).items()
            for convert in converters
        ]

    def execute(
        self, values: Mapping[str, object], connection: BaseDatabaseWrapper
    ) -> dict[str, Any] | None:
        prepared = {
            name: field.get_db_prep_value(values[name], connection)
            for name, field in self.slots.items()
        }
        params = [
            prepared[param.name] if isinstance(param, Slot) else param for param in self.params
        ]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, params)
            found = cursor.fetchone()
        if found is None:
            return None
        row = dict(zip(self.names, found, strict=True))
        for name, convert, expression in self.converters:
            row[name] = convert(row[name], expression, connection)
        return row
