"""Measures the admin at 10,000 and at 1,000,000 tokens: does a page cost the same in both?

`python -m tests.benchmarks.admin --help` tells the options, the README what is printed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import sysconfig
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING

import django
import psycopg

from tests.benchmarks import bulk, service
from tests.benchmarks.databases import ForeignDatabaseError, prepare
from tests.benchmarks.urls import PAGES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import ProcessPoolExecutor

    from tests.benchmarks.service import Visit
    from tests.benchmarks.urls import Page

MOST_RATIO = 1.5
_ENOUGH = 10.0  # seconds for a page, after which it is not asked for again
SERVER = "postgres://postgres@127.0.0.1/postgres"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a page cost in the small and in the large database."""

    page: Page
    small: Sequence[Visit]
    large: Sequence[Visit]

    @property
    def milliseconds(self) -> tuple[float, float]:
        """The medians in both."""
        small, large = (median(each.seconds for each in on) for on in (self.small, self.large))
        return small * 1000, large * 1000

    @property
    def ratio(self) -> float:
        small, large = self.milliseconds
        return large / small

    @property
    def has_failed(self) -> bool:
        return any(visit.status != 200 for visit in (*self.small, *self.large))

    def faults(self) -> list[str]:
        """Say what is wrong; empty where it is flat.

        Where one has many more rows than the other, time is not judged: rows cost time to draw.
        """
        small, large = self.small[-1], self.large[-1]
        if self.has_failed:
            return [f"answers {small.status} and {large.status}"]
        found = []
        # Fewer are what the dashboard asks for: it keeps what took long to count.
        if large.queries > small.queries:
            found.append("more queries")
        fewer, more = sorted((small.rows, large.rows))
        if self.ratio > MOST_RATIO and fewer >= 0.9 * more:
            found.append(f"over {MOST_RATIO}")
        return found


def measure(
    page: Page, small: ProcessPoolExecutor, large: ProcessPoolExecutor, *, repeats: int
) -> Measured:
    """Get `page` from both in turn, so that what else the machine does falls on both alike.

    The first answer of each is not counted: it fills caches.
    """

    def visit_both() -> tuple[Visit, Visit]:
        at_small = small.submit(service.visit, page).result()
        return at_small, large.submit(service.visit, page).result()

    visit_both()
    started = monotonic()
    visits = [visit_both()]
    while len(visits) < repeats and monotonic() - started < _ENOUGH:
        visits.append(visit_both())
    at_small, at_large = zip(*visits, strict=True)
    return Measured(page, at_small, at_large)


def heading(sizes: tuple[int, int]) -> str:
    """Write the head of the table."""
    small, large = (f"ms at {size:,}" for size in sizes)
    return f"{'page':44} {small:>12} {large:>15} {'ratio':>7} {'queries':>8} {'rows':>8}"


def line(measured: Measured) -> str:
    """Write a row of the table, marked where it is not flat."""
    small, large = measured.small[-1], measured.large[-1]
    mark = "".join(f"  ! {fault}" for fault in measured.faults())
    if measured.has_failed:
        return f"{measured.page.name:44}{mark}"
    times = "{:12.1f} {:15.1f}".format(*measured.milliseconds)
    queries, rows = f"{small.queries}/{large.queries}", f"{small.rows}/{large.rows}"
    return f"{measured.page.name:44} {times} {measured.ratio:7.2f} {queries:>8} {rows:>8}{mark}"


def machine(server_url: str | None) -> str:
    """Say what it ran on. Python without PGO is slower, PostgreSQL is not: ratios bend."""
    pgo = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Python {platform.python_version()} {'with' if pgo else 'without'} PGO,"
        f" {platform.python_compiler()}; Django {django.__version__};"
        f" {os.cpu_count()} cores, {memory:.0f} GiB, load {os.getloadavg()[0]:.1f};"
        f" SQLite {sqlite3.sqlite_version}{_postgresql(server_url) if server_url else ''}"
    )


def _postgresql(server_url: str) -> str:
    with psycopg.connect(server_url) as server:
        buffers = server.execute("SHOW shared_buffers").fetchone()
        version = server.info.server_version // 10000
    return f"; PostgreSQL {version}, shared_buffers {buffers and buffers[0]}"


def main(
    arguments: Sequence[str] | None = None,
    *,
    pages: Sequence[Page] = PAGES,
    sizes: tuple[int, int] = (10_000, 1_000_000),
    changes: bool = True,
) -> int:
    """Prepare, measure, print. Returns the exit code: 1 where a page is not flat, 2 for no run.

    `changes` of many tokens are timed after the pages, unless the options say no.
    """
    options = _parser(sizes).parse_args(arguments)
    server_url = os.environ.get("DATABASE_URL") or SERVER
    if not server_url.startswith("postgres"):
        print("DATABASE_URL names no PostgreSQL server.", file=sys.stderr)
        return 2
    sizes = (options.small, options.large)
    try:
        urls = [prepare(server_url, tokens=size, fresh=options.fresh, say=_say) for size in sizes]
    except ForeignDatabaseError as error:
        print(error, file=sys.stderr)
        return 2
    print(machine(server_url), heading(sizes), sep="\n\n", flush=True)
    pages = [page for page in pages if options.only in page.name]
    with ExitStack() as stack:
        small, large = (stack.enter_context(service.worker(url)) for url in urls)
        bent = 0
        for page in pages:
            measured = measure(page, small, large, repeats=options.repeats)
            if measured.faults():  # once more, for it may have been something else on the machine
                measured = measure(page, small, large, repeats=options.repeats)
            print(line(measured), flush=True)
            bent += bool(measured.faults())
            if options.explain and measured.faults() and not measured.has_failed:
                print(large.submit(service.explain_slowest, page).result(), flush=True)
    print(f"\n{bent} of {len(pages)} pages are not flat.")
    if changes and not options.no_bulk:
        print(*bulk.lines(server_url, tokens=options.large), sep="\n")
    return 1 if bent else 0


def _parser(sizes: tuple[int, int]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--fresh", action="store_true", help="fill both databases anew")
    add("--small", type=int, default=sizes[0], help="tokens in the small database")
    add("--large", type=int, default=sizes[1], help="tokens in the large one")
    add("--repeats", type=int, default=7, help="answers of which the median is taken")
    add("--only", default="", metavar="TEXT", help="pages with TEXT in their name")
    add("--explain", action="store_true", help="show how the slowest query of a marked page ran")
    add("--no-bulk", action="store_true", help="time no changes of many tokens after the pages")
    return parser


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
