"""The form of flags, and how SQL changes a column of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.db.models import BooleanField, CharField, F, Func, IntegerField, JSONField, Value

from entities.exceptions import FlagsError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_FLAGS = 32
FLAG_PATTERN = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


def clean_flags(flags: Iterable[str], *, most: int | None = MAX_FLAGS) -> list[str]:
    """Return `flags` as a set that keeps its first order.

    Raises:
        FlagsError: one has the wrong form, or there are more than `most` of them.
    """
    unique = list(dict.fromkeys(flags))
    if most is not None and len(unique) > most:
        raise FlagsError
    if not all(FLAG_PATTERN.fullmatch(flag) for flag in unique):
        raise FlagsError
    return unique


class AddFlag(Func):
    """The JSON list of flags in a column, and one more behind them. Does not look for it first."""

    output_field = JSONField()

    def __init__(self, column: str, flag: str, **extra: Any) -> None:
        super().__init__(F(column), Value(flag, output_field=CharField()), **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="json_insert(%(expressions)s)", arg_joiner=", '$[#]', "
        )

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="(%(expressions)s::text))", arg_joiner=" || to_jsonb("
        )


class RemoveFlag(Func):
    """The JSON list of flags in a column without one of them."""

    output_field = JSONField()

    def __init__(self, column: str, flag: str, **extra: Any) -> None:
        super().__init__(F(column), Value(flag, output_field=CharField()), **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler,
            connection,
            template="(SELECT json_group_array(value) FROM json_each(%(expressions)s))",
            arg_joiner=") WHERE value <> (",
        )

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="(%(expressions)s::text)", arg_joiner=" - "
        )


class FlagCount(Func):
    """How many flags a column holds."""

    output_field = IntegerField()
    arity = 1
    function = "json_array_length"

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="jsonb_array_length")


class HasFlag(Func):
    """Whether the JSON list of flags in a column has one. By no index: for rows at hand.

    Where a query walks an index in order, this keeps it walking; a join may look cheaper to the
    planner, and is not.
    """

    output_field = BooleanField()

    def __init__(self, column: str, flag: str, **extra: Any) -> None:
        super().__init__(F(column), Value(flag, output_field=CharField()), **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler,
            connection,
            template="EXISTS (SELECT 1 FROM json_each(%(expressions)s))",
            arg_joiner=") WHERE value = (",
        )

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, function="jsonb_exists", template="%(function)s(%(expressions)s)"
        )
