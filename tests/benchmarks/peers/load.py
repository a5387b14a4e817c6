"""Measures the requests a second of the real server, on PostgreSQL, beside authtoken in it.

`python -m tests.benchmarks.peers.load --help` tells the options, the README what is printed.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks import service
from tests.benchmarks.admin import SERVER, machine
from tests.benchmarks.databases import ForeignDatabaseError
from tests.benchmarks.peers import servers
from tests.benchmarks.peers.asks import Ask
from tests.benchmarks.peers.rows import POSTGRESQL
from tests.benchmarks.peers.sections import VARIABLES, Place, say
from tests.benchmarks.peers.servers import LoadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PEERS, _CACHED, _SERVICE = "peers", "cached", "service"


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked of one server again and again."""

    name: str
    server: str
    side: str
    at_least: float | None = None
    """Times the requests a second of authtoken. None: for information."""


TARGETS = (
    Target("authtoken", _PEERS, "authtoken"),
    Target("three headers", _PEERS, "user token", 1.5),
    Target("/verify", _PEERS, "verify", 1.85),
    Target("three headers, cached", _CACHED, "user token", 3.6),
    Target("/verify, cached", _CACHED, "verify", 5.0),
    Target("unauthenticated", _PEERS, "floor"),
    Target("GET of the own token, in the service", _SERVICE, "own token"),
    Target("/verify, in the service", _SERVICE, "verify"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, load, print. Returns the exit code: 1 where a row falls short, 2 for no run."""
    options = _parser().parse_args(arguments)
    server_url = os.environ.get("DATABASE_URL") or SERVER
    if not server_url.startswith("postgres"):
        print("DATABASE_URL names no PostgreSQL server.", file=sys.stderr)
        return 2
    try:
        wrk = servers.find_wrk()
        url = Place(POSTGRESQL, server_url, options.fresh).prepare(options.tokens)
        print(machine(server_url), end="\n\n", flush=True)
        rates = load(wrk, url, options)
    except (ForeignDatabaseError, LoadError) as error:
        print(error, file=sys.stderr)
        return 2
    print(*lines(rates, markdown=options.markdown), sep="\n")
    return 1 if any(shortfall(target, rates) for target in TARGETS) else 0


def load(wrk: str, url: str, options: argparse.Namespace) -> dict[str, float]:
    """Load each target in turn, in an order by lot; return the medians by their names."""
    with service.worker(url, **VARIABLES) as worker:
        asks = worker.submit(credentials, options.tokens).result()
    found: dict[str, list[float]] = {target.name: [] for target in TARGETS}
    lot = Random(0)  # noqa: S311  no secret
    with ExitStack() as stack:
        urls = {
            name: stack.enter_context(servers.served(application, environment))
            for name, (application, environment) in _servers(url).items()
        }
        for number in range(options.rounds + 1):  # the first one warms up
            for target in lot.sample(TARGETS, len(TARGETS)):
                ask = asks[target.side]
                rate = servers.requests_per_second(
                    wrk,
                    urls[target.server] + ask.path,
                    ask.headers,
                    seconds=options.seconds if number else 1,
                )
                if number:
                    found[target.name].append(rate)
            say(f"round {number} of {options.rounds}")
    return {name: median(rates) for name, rates in found.items()}


def _servers(url: str) -> dict[str, tuple[str, Mapping[str, str]]]:
    peers = "tests.benchmarks.peers.wsgi:application"
    serving = VARIABLES | {"BENCH_SERVES": "on"}
    own = {"ALLOWED_HOSTS": "127.0.0.1", "HTTPS": "off"}
    return {
        _PEERS: (peers, service.environment(url, **serving)),
        _CACHED: (peers, service.environment(url, **serving, BENCH_CACHED="on")),
        _SERVICE: ("tokenservice.wsgi:application", service.environment(url, **own)),
    }


def credentials(tokens: int) -> dict[str, Ask]:
    """Return a request of each side. Runs in a worker."""
    from tests.benchmarks.peers.sides import sides

    found = sides(tokens)
    return {target.side: found[target.side].asks()[0] for target in TARGETS}


def shortfall(target: Target, rates: Mapping[str, float]) -> str:
    """Say where `target` falls short; empty where it does not."""
    if target.at_least is None:
        return ""
    return "" if rates[target.name] / rates["authtoken"] >= target.at_least else "too slow"


def lines(rates: Mapping[str, float], *, markdown: bool) -> list[str]:
    """Write the table."""
    heads = ("what", "requests/s", "of authtoken's", "at least", "")
    rows = [heads]
    for target in TARGETS:
        rate = rates[target.name]
        fault = shortfall(target, rates)
        rows.append(
            (
                target.name,
                f"{rate:,.0f}",
                f"{rate / rates['authtoken']:.2f}",
                "" if target.at_least is None else f"{target.at_least:.2f}",
                f"FALLS SHORT: {fault}" if fault else "" if target.at_least is None else "ok",
            )
        )
    if markdown:
        written = [f"| {' | '.join(row)} |" for row in rows]
        return [written[0], f"|{' --- |' * len(heads)}", *written[1:]]
    return [f"{a:40} {b:>12} {c:>15} {d:>9}  {e}".rstrip() for a, b, c, d, e in rows]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--fresh", action="store_true", help="fill the database anew")
    add("--tokens", type=int, default=100_000, help="tokens of each side")
    add("--rounds", type=int, default=5, help="of which the median is taken")
    add("--seconds", type=int, default=4, help="of each row in each round")
    add("--markdown", action="store_true", help="print the table as the README has it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
