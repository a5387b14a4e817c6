"""Measures the service beside its peers, in one process, on SQLite and on PostgreSQL.

`python -m tests.benchmarks.peers --help` tells the options, the README what is printed.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from tests.benchmarks.admin import SERVER, machine
from tests.benchmarks.databases import ForeignDatabaseError
from tests.benchmarks.peers import rows, sections
from tests.benchmarks.peers.rows import POSTGRESQL, SQLITE
from tests.benchmarks.peers.sections import Place
from tokenservice.environment import data_dir

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.peers.rows import Figure

_REVOKE, _QUERIES, _CHECK = "revoke all of an entity", "queries of the calls", "manage.py check"
_PROFILE = "profile of the hot path"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare, measure, print. Returns the exit code: 1 where a row falls short, 2 for no run."""
    options = _parser().parse_args(arguments)
    server_url = os.environ.get("DATABASE_URL") or SERVER
    if POSTGRESQL in options.database and not server_url.startswith("postgres"):
        print("DATABASE_URL names no PostgreSQL server.", file=sys.stderr)
        return 2
    print(machine(server_url if POSTGRESQL in options.database else None), end="\n\n")
    print(rows.heading(), flush=True)
    homes = {SQLITE: data_dir(), POSTGRESQL: server_url}
    places = [Place(name, homes[name], options.fresh) for name in options.database]
    figures = []
    try:
        for figure in _figures(options, places):
            print(rows.line(figure), flush=True)
            figures.append(figure)
    except ForeignDatabaseError as error:
        print(error, file=sys.stderr)
        return 2
    short = sum(bool(figure.faults()) for figure in figures)
    print(f"\n{short} of {sum(figure.is_judged for figure in figures)} rows fall short.")
    if os.getloadavg()[0] > (os.cpu_count() or 1) + 1:
        print("The machine is busy: long calls are interrupted more often than short ones.")
    if options.markdown:
        print("", *rows.markdown(figures), sep="\n")
    if options.only in _PROFILE:
        print(f"\nThree headers on a view of REST framework, {places[0].database}:\n")
        print(sections.hot_path(places[0], tokens=options.tokens, calls=options.calls))
    return 1 if short else 0


def _figures(options: argparse.Namespace, places: Sequence[Place]) -> Iterator[Figure]:
    tokens, only, seconds = options.tokens, options.only, options.seconds
    for place in places:
        yield from sections.beside_peers(place, tokens=tokens, seconds=seconds, only=only)
        yield from sections.cached(place, tokens=tokens, seconds=seconds / 2, only=only)
        if place.database == POSTGRESQL:
            yield from sections.unprepared(place, tokens=tokens, seconds=seconds / 2, only=only)
        few, many = options.small, options.large
        yield from sections.flat(place, few, many, seconds=seconds, only=only)
        if only in _REVOKE:
            yield from sections.revoked(place, tokens, times=3)
            yield from sections.revoked(place, many, times=1)
        if only in _QUERIES:
            yield from sections.queries(place, tokens)
    if only in _CHECK:
        yield from sections.checked(times=options.checks)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--fresh", action="store_true", help="fill all databases anew")
    add("--tokens", type=int, default=100_000, help="tokens of each side")
    add("--small", type=int, default=10_000, help="tokens in the small database")
    add("--large", type=int, default=1_000_000, help="tokens in the large one")
    add("--seconds", type=float, default=30, help="for which the sides take turns")
    add("--calls", type=int, default=2000, help="of the profile")
    add("--checks", type=int, default=7, help="runs of manage.py check")
    add("--only", default="", metavar="TEXT", help="rows with TEXT in their name")
    add("--markdown", action="store_true", help="print the table as in the README, too")
    add(
        "--database",
        type=lambda name: [{"sqlite": SQLITE, "postgresql": POSTGRESQL}[name]],
        default=[SQLITE, POSTGRESQL],
        help="sqlite or postgresql; both, if not given",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
