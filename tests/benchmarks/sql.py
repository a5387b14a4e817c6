"""SQL that both databases read, for rows whose values follow from their number `i`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PRIME = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Dialect:
    """What PostgreSQL and SQLite write differently."""

    series: str
    moment: str
    duration: str
    json: str
    uuid: str
    blob: str
    address: str

    def numbers(self, count: int) -> str:
        """A table `numbers` of the whole numbers `i` from 0 to below `count`."""
        return self.series.format(count=count)


# The types are those of Django's columns.
DIALECTS = {
    "postgresql": Dialect(
        series="generate_series(CAST(0 AS bigint), {count} - 1) AS numbers(i)",
        moment="to_timestamp({})",
        duration="make_interval(secs => {})",
        json="jsonb",
        uuid="uuid",
        blob="bytea",
        address="inet",
    ),
    "sqlite": Dialect(
        series="(WITH RECURSIVE series(i) AS"
        " (SELECT 0 UNION ALL SELECT i + 1 FROM series WHERE i < {count} - 1)"
        " SELECT i FROM series) AS numbers",
        moment="strftime('%Y-%m-%d %H:%M:%f', {}, 'unixepoch')",
        duration="CAST(1000000 * ({}) AS integer)",
        json="text",
        uuid="text",
        blob="blob",
        address="text",
    ),
}


def _spread(name: str, i: str) -> str:
    # Multiples of a constant modulo a prime: even over any stretch of numbers, and under another
    # name another constant, so that no two properties go together. CRC32 only makes the constant.
    return f"(({i} + 1) * {crc32(name.encode()) % _PRIME} % {_PRIME})"


def fraction(name: str, i: str = "i") -> str:
    """A number in [0, 1), evenly spread, and independent of those of other names."""
    return f"(CAST({_spread(name, i)} AS double precision) / {_PRIME})"


def pick(name: str, count: int, i: str = "i") -> str:
    """A whole number in [0, count), spread as `fraction` is."""
    return f"({_spread(name, i)} * {count} / {_PRIME})"


def one_of(name: str, values: Sequence[str], i: str = "i") -> str:
    """One of `values`, spread as `fraction` is."""
    cases = " ".join(f"WHEN {number} THEN '{value}'" for number, value in enumerate(values))
    return f"(CASE {pick(name, len(values), i)} {cases} END)"


def insert(table: str, columns: Mapping[str, str], source: str) -> str:
    """Insert a row of `columns`, name to expression, for each row of `source`."""
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())}"
        f" FROM {source}"
    )


def drop_indexes(cursor: Any, vendor: str) -> list[str]:
    """Drop the indexes that no constraint needs, and return what makes them again.

    To make them of all rows at once takes a third of the time of adding to them row by row.
    """
    if vendor == "postgresql":
        # Or else millions of checks of foreign keys would be kept for the end.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT index.indexrelid::regclass, pg_get_indexdef(index.indexrelid)"
            " FROM pg_index AS index JOIN pg_class AS relation ON relation.oid = index.indrelid"
            " WHERE relation.relname LIKE 'entities\\_%' AND NOT index.indisunique"
            " AND relation.relnamespace = current_schema()::regnamespace"
        )
    else:
        cursor.execute(
            "SELECT '\"' || name || '\"', sql FROM sqlite_master WHERE type = 'index'"
            " AND tbl_name LIKE 'entities\\_%' ESCAPE '\\' AND sql LIKE 'CREATE INDEX %'"
        )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    return [definition for _, definition in found]
