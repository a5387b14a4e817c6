"""Calls sides in turn, in this process, and counts their time and their queries.

Django's handler is called as a server calls it, from the environ of PEP 3333 to the closed
response: the URL, the signals around a request and the connection's upkeep are in the time, and no
client or server is.
"""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from random import Random
from statistics import median
from time import monotonic, perf_counter_ns
from typing import TYPE_CHECKING, Any

from django.db import connections

from entities.services.usage import write_noted_uses
from tests.benchmarks.peers.aim import aimed_at
from tests.benchmarks.peers.handlers import handler_of
from tests.benchmarks.peers.rows import Measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyinstrument.frame import Frame

    from tests.benchmarks.peers.sides import Side

BLOCK = 20
"""Calls of one side before it is the turn of another."""


class _Player:
    """A side with its requests, and the times it took."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.times: list[int] = []
        self.next = 0
        self.handler = handler_of(side.pattern)
        with self.in_place():
            self.environs = [ask.environ() for ask in side.asks()]

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Aim at the side's database, and write what it noted outside of what is timed."""
        with aimed_at(self.side.alias):
            yield
            write_noted_uses()

    def call(self, environ: Mapping[str, Any]) -> int:
        """Make one call; return its nanoseconds."""
        fresh = {**environ, "wsgi.input": BytesIO()}
        started = perf_counter_ns()
        response = self.handler(fresh, _start_response)
        b"".join(response)
        response.close()
        took = perf_counter_ns() - started
        if response.status_code != self.side.status:
            raise AssertionError(f"{self.side.name} answers {response.status_code}")
        return took

    def play(self) -> None:
        with self.in_place():
            for _ in range(BLOCK):
                self.times.append(self.call(self.environs[self.next % len(self.environs)]))
                self.next += 1

    def warm_up(self) -> int:
        """Call everything twice; return the most queries of a call, once everything is warm."""
        most = 0
        with self.in_place():
            for environ in self.environs:
                self.call(environ)
            for environ in self.environs:
                with counted(self.side.alias) as queries:
                    self.call(environ)
                most = max(most, len(queries))
        return most


@contextmanager
def counted(alias: str = "default") -> Iterator[list[str]]:
    """Yield the queries that are made; what begins and ends a transaction is none."""
    queries: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.split()[0] not in {"BEGIN", "SAVEPOINT", "RELEASE"}:
            queries.append(sql)
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(note):
        yield queries


def measure(sides: Sequence[Side], *, seconds: float, least: int = 1) -> dict[str, Measured]:
    """Let all sides take turns for about `seconds`, at least `least` rounds, in an order by lot.

    What else the machine does falls on all of them alike.
    """
    players = [_Player(side) for side in sides]
    queries = {player.side.name: player.warm_up() for player in players}
    lot, started, rounds = Random(0), monotonic(), 0  # noqa: S311
    while rounds < least or monotonic() - started < seconds:
        for player in lot.sample(players, len(players)):
            player.play()
        rounds += 1
    return {
        player.side.name: Measured(
            microseconds=median(player.times) / 1000, queries=queries[player.side.name]
        )
        for player in players
    }


def profile(side: Side, *, calls: int, lines: int) -> str:
    """Say where the time of a side goes: the functions that spend most of it themselves."""
    from pyinstrument import Profiler

    player = _Player(side)
    player.warm_up()
    profiler = Profiler(interval=0.0001)
    with player.in_place(), profiler:
        for number in range(calls):
            player.call(player.environs[number % len(player.environs)])
    assert profiler.last_session is not None
    root = profiler.last_session.root_frame()
    assert root is not None
    shares: dict[str, list[float]] = {}
    _add_up(root, frozenset(), shares)
    found = sorted(shares.items(), key=lambda item: -item[1][1])[:lines]
    rows = [
        f"{itself / root.time:7.1%} {within / root.time:7.1%}  {name}"
        for name, (within, itself) in found
    ]
    return "\n".join([f"{'itself':>7} {'within':>7}  function", *rows])


def _add_up(frame: Frame, above: frozenset[str], shares: dict[str, list[float]]) -> None:
    """Add the seconds of `frame` and of all under it to those of their functions."""
    if frame.is_synthetic:  # the time that the frame above spent itself
        return
    name = f"{frame.function} {frame.file_path_short}:{frame.line_no}"
    its = shares.setdefault(name, [0.0, 0.0])
    if name not in above:  # one that calls itself is counted once
        its[0] += frame.time
    its[1] += frame.total_self_time
    for child in frame.children:
        _add_up(child, above | {name}, shares)


def _start_response(status: str, headers: Any, exc_info: Any = None) -> None:
    return None
