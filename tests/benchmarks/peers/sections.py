"""The parts of a run, each of which yields figures as they come in."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.benchmarks import databases, service
from tests.benchmarks.databases import Filling
from tests.benchmarks.peers import rows, tables
from tests.benchmarks.peers.rows import Figure, Row, figures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.peers.measure import Measured

VARIABLES = {"DJANGO_SETTINGS_MODULE": "tests.benchmarks.peers.settings"}
# Migrations hold scripts of several commands, which PostgreSQL does not prepare.
FILLING = Filling(
    tables.fill, tables.PEERS_VERSION, "peers_", VARIABLES | {"BENCH_PREPARED": "off"}
)
_ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the databases of one kind are; `home` is a server's URL, or a folder."""

    database: str
    home: str | Path
    fresh: bool
    ready: dict[int, str] = field(default_factory=dict)
    """URLs of those that were prepared in this run, by their tokens."""

    def prepare(self, tokens: int) -> str:
        """Return the URL of the database with so many tokens."""
        if tokens not in self.ready:
            self.ready[tokens] = self._prepare(tokens)
        return self.ready[tokens]

    def _prepare(self, tokens: int) -> str:
        if isinstance(self.home, Path):
            path = databases.prepare_file(
                self.home, tokens=tokens, fresh=self.fresh, say=say, filling=FILLING
            )
            return f"sqlite:///{path}"
        return databases.prepare(
            self.home, tokens=tokens, fresh=self.fresh, say=say, filling=FILLING
        )

    @contextmanager
    def copied(self, tokens: int) -> Iterator[str]:
        """Copy the database with so many tokens, for changes; yield the copy's URL."""
        url = self.prepare(tokens)
        if isinstance(self.home, Path):
            with databases.copied_file(Path(url.removeprefix("sqlite:///"))) as path:
                yield f"sqlite:///{path}"
        else:
            with databases.copied(self.home, tokens=tokens, filling=FILLING) as copy:
                yield copy


def say(what: str) -> None:
    """Tell the person, not the table."""
    print(what, file=sys.stderr, flush=True)


def beside_peers(place: Place, *, tokens: int, seconds: float, only: str) -> Iterator[Figure]:
    """Hold our sides against those of the peers on one database."""
    yield from _beside(place, rows.ROWS, tokens=tokens, seconds=seconds, only=only)


def cached(place: Place, *, tokens: int, seconds: float, only: str) -> Iterator[Figure]:
    """Hold our sides with the verification cache against the floors."""
    yield from _beside(
        place, rows.CACHED_ROWS, tokens=tokens, seconds=seconds, only=only, BENCH_CACHED="on"
    )


def unprepared(place: Place, *, tokens: int, seconds: float, only: str) -> Iterator[Figure]:
    """Hold some of our sides against authtoken where PostgreSQL plans each statement anew."""
    found = _beside(
        place, rows.UNPREPARED_ROWS, tokens=tokens, seconds=seconds, only=only, BENCH_PREPARED="off"
    )
    for figure in found:
        yield replace(figure, database=rows.UNPREPARED, at_most=None)


def _beside(
    place: Place,
    among: Sequence[Row],
    *,
    tokens: int,
    seconds: float,
    only: str,
    **variables: str,
) -> Iterator[Figure]:
    wanted = matching(among, only)
    if wanted:
        with service.worker(place.prepare(tokens), **VARIABLES, **variables) as worker:
            measured = worker.submit(_measure, wanted, tokens, seconds).result()
        yield from figures(wanted, measured, place.database)


def flat(place: Place, few: int, many: int, *, seconds: float, only: str) -> Iterator[Figure]:
    """Hold many tokens against few."""
    wanted = matching(rows.FLAT, only)
    if wanted:
        small, large = place.prepare(few), place.prepare(many)
        name = large.removeprefix("sqlite:///")
        if name == large:
            name = urlsplit(large).path[1:]
        with service.worker(small, **VARIABLES, BENCH_LARGE=name) as worker:
            measured = worker.submit(_measure_two, wanted, few, many, seconds).result()
        yield from figures(wanted, measured, place.database)


def revoked(place: Place, tokens: int, *, times: int) -> Iterator[Figure]:
    """Hold the one row of an entity against an UPDATE of those of its tokens."""
    with (
        place.copied(tokens) as url,
        service.worker(url, **VARIABLES) as worker,
    ):
        ours, theirs = worker.submit(_revoke_all, times).result()
    what = f"revoke all {tokens:,} of an entity"
    yield Figure(what, "UPDATE of their rows", place.database, ours, theirs, rows.REVOKED)


def queries(place: Place, tokens: int) -> Iterator[Figure]:
    """Count the queries of the calls other than GET, which has a row with its time."""
    with service.worker(place.prepare(tokens), **VARIABLES) as worker:
        counts = worker.submit(_queries_of_calls).result()
    for name, count in counts.items():
        if name != "get":
            yield Figure(
                f"queries to {name} a token",
                "",
                place.database,
                queries=count,
                most_queries=rows.MOST_OF_CALLS,
            )


def checked(*, times: int) -> Iterator[Figure]:
    """Hold `manage.py check` against that of a bare project with the same packages."""
    variables = service.environment("sqlite://:memory:")
    commands = {
        "ours": (["manage.py", "check"], variables),
        "bare": (
            ["-m", "django", "check"],
            variables | {"DJANGO_SETTINGS_MODULE": "tests.benchmarks.peers.bare"},
        ),
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(times + 1):  # the first of each fills caches, and is not counted
        for name, (arguments, environment) in commands.items():
            started = perf_counter()
            subprocess.run(
                [sys.executable, *arguments],
                cwd=_ROOT,
                env=environment,
                check=True,
                capture_output=True,
            )
            took[name].append((perf_counter() - started) * 1e6)
    ours, bare = (median(took[name][1:]) for name in commands)
    yield Figure("manage.py check", "a bare project's", "", ours, bare, rows.CHECKED)


def hot_path(place: Place, *, tokens: int, calls: int) -> str:
    """Say where the time of the three headers goes."""
    with service.worker(place.prepare(tokens), **VARIABLES) as worker:
        return worker.submit(_profile, tokens, calls).result()


def matching(wanted: Sequence[Row], only: str) -> list[Row]:
    """Return the rows with `only` in their names, or in those of their sides."""
    return [row for row in wanted if only in f"{row.what} {row.ours} {row.theirs}"]


# What follows runs in a worker: Django is not set up here.


def _measure(wanted: Sequence[Row], tokens: int, seconds: float) -> dict[str, Measured]:
    from tests.benchmarks.peers.measure import measure
    from tests.benchmarks.peers.sides import sides

    names = {name for row in wanted for name in (row.ours, row.theirs)}
    found = [side for name, side in sides(tokens).items() if name in names]
    return measure(found, seconds=seconds)


def _measure_two(wanted: Sequence[Row], few: int, many: int, seconds: float) -> dict[str, Measured]:
    from tests.benchmarks.peers.measure import measure
    from tests.benchmarks.peers.sides import sides_of_two

    names = {name for row in wanted for name in (row.ours, row.theirs)}
    found = [side for name, side in sides_of_two(few, many).items() if name in names]
    return measure(found, seconds=seconds)


def _revoke_all(times: int) -> tuple[float, float]:
    from tests.benchmarks.peers.calls import revoke_all

    return revoke_all(times)


def _queries_of_calls() -> dict[str, int]:
    from tests.benchmarks.peers.calls import queries_of_calls

    return queries_of_calls()


def _profile(tokens: int, calls: int) -> str:
    from tests.benchmarks.peers.measure import profile
    from tests.benchmarks.peers.sides import sides

    return profile(sides(tokens)["user token"], calls=calls, lines=25)
