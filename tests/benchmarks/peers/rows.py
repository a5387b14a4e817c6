"""The rows of the table: which side is held against which, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
UNPREPARED = "PostgreSQL, nothing prepared"
BOTH = (SQLITE, POSTGRESQL)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a side cost: the median of a call, and the most queries of one."""

    microseconds: float
    queries: int


@dataclass(frozen=True, slots=True)
class Row:
    """One side against another."""

    what: str
    ours: str
    theirs: str
    at_most: Mapping[str, float] = field(default_factory=dict)
    """The bound of the ratio, by database. Where there is none, the row is for information."""
    queries: int | None = None
    """How many ours may make, at most."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A row as it was measured on a database, in microseconds."""

    what: str
    against: str
    database: str = ""
    ours: float | None = None
    theirs: float | None = None
    at_most: float | None = None
    queries: int | None = None
    most_queries: int | None = None

    @property
    def ratio(self) -> float | None:
        return self.ours / self.theirs if self.ours and self.theirs else None

    @property
    def is_judged(self) -> bool:
        return self.at_most is not None or self.most_queries is not None

    def faults(self) -> list[str]:
        """Say where it falls short."""
        found = []
        if self.at_most is not None and (self.ratio is None or self.ratio > self.at_most):
            found.append("no figure" if self.ratio is None else "too slow")
        if self.most_queries is not None and (
            self.queries is None or self.queries > self.most_queries
        ):
            found.append("no figure" if self.queries is None else "too many queries")
        return list(dict.fromkeys(found))


def _both(at_most: float) -> dict[str, float]:
    return dict.fromkeys(BOTH, at_most)


def _rows() -> Iterator[Row]:
    against_authtoken = {SQLITE: 0.42, POSTGRESQL: 0.58}
    for kind in ("user token", "auth token"):
        yield Row(f"three headers, {kind}", kind, "authtoken", against_authtoken, queries=1)
        yield Row(f"three headers, {kind}", kind, "floor", {SQLITE: 1.5})
    for peer in ("knox", "oauth-toolkit", "simplejwt", "simplejwt stateless"):
        yield Row("three headers, user token", "user token", peer)
    for kind in ("forged", "mistyped", "wrong kind"):
        bounds = {SQLITE: 0.37, POSTGRESQL: 0.18}
        yield Row(f"{kind}, refused", kind, "authtoken refuses", bounds, queries=0)
    yield Row("REST framework's own refusal", "refusal", "authtoken refuses")
    yield Row("/verify", "verify", "bare", {SQLITE: 2.0}, queries=1)
    yield Row("GET of the own token", "own token", "authtoken row", {SQLITE: 0.6}, queries=2)


ROWS = tuple(_rows())
CACHED_ROWS = (
    Row("three headers, user token, cached", "user token", "floor", _both(1.10), queries=0),
    Row("three headers, auth token, cached", "auth token", "floor", _both(1.10), queries=0),
    Row("/verify, cached", "verify", "bare", _both(1.25), queries=0),
)
"""Of a process that has the verification cache on."""
UNPREPARED_ROWS = tuple(row for row in ROWS if row.theirs == "authtoken")
FLAT = tuple(
    Row(f"three headers, {kind}", f"{kind} of many", f"{kind} of few", _both(1.05), queries=1)
    for kind in ("user token", "auth token")
)
REVOKED = 1 / 100
"""What revoking all of an entity may take of an UPDATE of its rows."""
CHECKED = 1.3
MOST_OF_CALLS = 5


def figures(
    rows: Iterable[Row], measured: Mapping[str, Measured], database: str
) -> Iterator[Figure]:
    """Yield each row with what was measured. What is not there has no figures."""
    for row in rows:
        ours, theirs = measured.get(row.ours), measured.get(row.theirs)
        yield Figure(
            what=row.what,
            against=row.theirs,
            database=database,
            ours=ours.microseconds if ours else None,
            theirs=theirs.microseconds if theirs else None,
            at_most=row.at_most.get(database),
            queries=ours.queries if ours else None,
            most_queries=row.queries,
        )


_HEADS = ("what", "database", "ours, µs", "against", "theirs, µs", "ratio", "at most", "queries")
_WIDTHS = (36, 28, 11, 28, 12, 7, 8, 8)


def heading() -> str:
    """Write the head of the table."""
    return _aligned(_HEADS)


def line(figure: Figure) -> str:
    """Write a row of the table, with what came of it."""
    bound = figure.at_most
    cells = (
        figure.what,
        figure.database,
        _number(figure.ours),
        figure.against,
        _number(figure.theirs),
        _ratio(figure),
        "" if bound is None else f"{bound:.2f}",
        "/".join(f"{one}" for one in (figure.queries, figure.most_queries) if one is not None),
    )
    faults = figure.faults()
    verdict = f"FALLS SHORT: {', '.join(faults)}" if faults else "ok" if figure.is_judged else ""
    return f"{_aligned(cells)}  {verdict}".rstrip()


def markdown(figures: Iterable[Figure]) -> Iterator[str]:
    """Write the table as the README has it: a column for each database."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for figure in figures:
        rows.setdefault((figure.what, figure.against), {})[figure.database] = _cell(figure)
    columns = [name for name in (*BOTH, UNPREPARED) if any(name in row for row in rows.values())]
    yield f"| {' | '.join(('what', 'against', *columns))} |"
    yield f"|{' --- |' * (2 + len(columns))}"
    for names, cells in rows.items():
        # What concerns no database stands in the first column.
        shown = [cells.get(name, "") for name in columns]
        shown[0] = shown[0] or cells.get("", "")
        yield f"| {' | '.join((*names, *shown))} |"


def _cell(figure: Figure) -> str:
    """Write ratio, bound and medians, or the queries of what has no ratio."""
    if figure.ratio is None:
        said, bound = ("" if figure.queries is None else f"{figure.queries}"), figure.most_queries
    else:
        said, bound = _ratio(figure), figure.at_most
    limit = "" if bound is None or not said else f" (at most {bound})"
    times = f"{_number(figure.ours)} : {_number(figure.theirs)} µs" if figure.ratio else ""
    faults = figure.faults()
    verdict = f"FALLS SHORT: {', '.join(faults)}" if faults else ""
    return "; ".join(part for part in (f"{said}{limit}", times, verdict) if part)


def _ratio(figure: Figure) -> str:
    ratio = figure.ratio
    return "" if ratio is None else f"{ratio:.{2 if ratio > 0.05 else 4}f}"


def _number(microseconds: float | None) -> str:
    if microseconds is None:
        return ""
    return f"{microseconds:,.1f}" if microseconds < 1000 else f"{microseconds:,.0f}"


def _aligned(cells: Iterable[str]) -> str:
    texts = {0, 1, 3}  # the others are numbers, and stand at the right
    return " ".join(
        f"{cell:{width}}" if place in texts else f"{cell:>{width}}"
        for place, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    ).rstrip()
