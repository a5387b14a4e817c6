from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.benchmarks import databases
from tests.benchmarks.databases import Filling
from tests.benchmarks.peers import load, rows, servers
from tests.benchmarks.peers.aim import Router, aimed_at
from tests.benchmarks.peers.rows import BOTH, POSTGRESQL, SQLITE, Figure, Measured
from tests.benchmarks.peers.sections import matching
from tests.benchmarks.peers.servers import LoadError, find_wrk, parse

if TYPE_CHECKING:
    from pathlib import Path

FIGURE = Figure("three headers", "authtoken", SQLITE, 42.0, 100.0, 0.42, 1, 1)


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({}, []),
        ({"ours": 42.1}, ["too slow"]),
        ({"ours": None}, ["no figure"]),
        ({"theirs": None}, ["no figure"]),
        ({"queries": 2}, ["too many queries"]),
        ({"queries": None}, ["no figure"]),
        ({"ours": None, "queries": None}, ["no figure"]),
        ({"ours": 100.0, "queries": 2}, ["too slow", "too many queries"]),
        ({"ours": 100.0, "queries": 2, "at_most": None, "most_queries": None}, []),
    ],
)
def test_a_row_is_met_or_it_is_said_why_not(change: dict[str, Any], faults: list[str]) -> None:
    assert replace(FIGURE, **change).faults() == faults


def test_a_row_has_both_medians_their_ratio_and_the_bounds() -> None:
    assert rows.line(FIGURE).split() == (
        ["three", "headers", "SQLite", "42.0", "authtoken", "100.0", "0.42", "0.42", "1/1", "ok"]
    )


def test_the_table_of_the_readme_has_a_column_for_each_database() -> None:
    figures = [
        FIGURE,
        replace(FIGURE, database=POSTGRESQL, ours=12_345.6),
        Figure("queries to create", "", SQLITE, queries=6, most_queries=5),
        Figure("manage.py check", "bare", "", 20.0, 10.0, None),
        Figure("/verify", "bare", POSTGRESQL, None, 10.0, 2.0),
    ]
    assert list(rows.markdown(figures)) == [
        "| what | against | SQLite | PostgreSQL |",
        "| --- | --- | --- | --- |",
        "| three headers | authtoken | 0.42 (at most 0.42); 42.0 : 100.0 µs"
        " | 123.46 (at most 0.42); 12,346 : 100.0 µs; FALLS SHORT: too slow |",
        "| queries to create |  | 6 (at most 5); FALLS SHORT: too many queries |  |",
        "| manage.py check | bare | 2.00; 20.0 : 10.0 µs |  |",
        "| /verify | bare |  | FALLS SHORT: no figure |",
    ]


def test_a_row_for_information_is_not_judged() -> None:
    shown = rows.line(Figure("three headers", "knox", SQLITE, 1.0, 1000.0, queries=1))
    assert shown.split() == ["three", "headers", "SQLite", "1.0", "knox", "1,000", "0.0010", "1"]


def test_each_row_takes_its_sides_from_what_was_measured() -> None:
    measured = {"verify": Measured(80.0, 1), "bare": Measured(40.0, 0)}
    wanted = matching(rows.ROWS, "/verify")
    assert list(rows.figures(wanted, measured, SQLITE)) == [
        Figure("/verify", "bare", SQLITE, 80.0, 40.0, 2.0, 1, 1),
    ]
    assert list(rows.figures(matching(rows.ROWS, "own token"), measured, SQLITE)) == [
        Figure("GET of the own token", "authtoken row", SQLITE, at_most=0.6, most_queries=2)
    ]


def test_the_bounds_are_those_that_are_promised() -> None:
    bounds = {
        (f"{row.ours}{' cached' * (row in rows.CACHED_ROWS)}", row.theirs, database): bound
        for row in (*rows.ROWS, *rows.CACHED_ROWS, *rows.FLAT)
        for database, bound in row.at_most.items()
    }
    either = ("user token", "auth token")
    spoilt = ("forged", "mistyped", "wrong kind")
    assert bounds == {
        **{(kind, "authtoken", SQLITE): 0.42 for kind in either},
        **{(kind, "authtoken", POSTGRESQL): 0.58 for kind in either},
        **{(kind, "floor", SQLITE): 1.5 for kind in either},
        **{(kind, "authtoken refuses", SQLITE): 0.37 for kind in spoilt},
        **{(kind, "authtoken refuses", POSTGRESQL): 0.18 for kind in spoilt},
        **{(f"{kind} cached", "floor", where): 1.1 for kind in either for where in BOTH},
        ("verify", "bare", SQLITE): 2.0,
        **{("verify cached", "bare", where): 1.25 for where in BOTH},
        ("own token", "authtoken row", SQLITE): 0.6,
        **{(f"{kind} of many", f"{kind} of few", on): 1.05 for kind in either for on in BOTH},
    }


def test_a_process_asks_the_database_that_it_is_aimed_at() -> None:
    router = Router()
    with aimed_at("large"):
        assert (router.db_for_read(None), router.db_for_write(None)) == ("large", "large")
    assert router.db_for_read(None) == "default"


SAID = """Running 4s test @ http://127.0.0.1:8000/headers
  1 threads and 8 connections
  5000 requests in 4.00s, 1.00MB read
{}Requests/sec:   1250.50
Transfer/sec:    200.00KB
"""


def test_the_rate_is_read_where_all_was_answered() -> None:
    assert parse(SAID.format("")) == 1250.5


@pytest.mark.parametrize(
    "said",
    [
        SAID.format("  Non-2xx or 3xx responses: 5000\n"),
        SAID.format("  Socket errors: connect 0, read 3, write 0, timeout 0\n"),
        SAID.format("").replace("1250.50", "0.00"),
        "",
    ],
)
def test_a_rate_of_refusals_is_none(said: str) -> None:
    with pytest.raises(LoadError):
        parse(said)


def test_it_says_how_to_get_what_loads_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LoadError, match="apt-get install wrk"):
        find_wrk()


def test_the_table_of_rates_says_which_falls_short() -> None:
    rates = dict.fromkeys((target.name for target in load.TARGETS), 100.0)
    rates |= {"three headers": 150.0, "/verify": 184.0, "unauthenticated": 900.0}
    shown = {" ".join(line.split()) for line in load.lines(rates, markdown=False)}
    assert {
        "authtoken 100 1.00",
        "three headers 150 1.50 1.50 ok",
        "/verify 184 1.84 1.85 FALLS SHORT: too slow",
        "unauthenticated 900 9.00",
    } <= shown
    assert {line.count("|") for line in load.lines(rates, markdown=True)} == {6}


def test_a_file_is_filled_and_stands_for_the_next_run(tmp_path: Path) -> None:
    said: list[str] = []

    def prepare(filling: Filling = databases.POPULATION, *, fresh: bool = False) -> Path:
        return databases.prepare_file(
            tmp_path, tokens=1000, fresh=fresh, say=said.append, filling=filling
        )

    filled = f"{prepare().name} is filled with 1,000 tokens."
    assert said == [filled]
    with databases.copied_file(prepare()) as copy:
        assert copy.stat().st_size == prepare().stat().st_size > 10**6
    assert not copy.exists()
    assert said == [filled]
    prepare(replace(databases.POPULATION, version=0))
    assert said == [filled, filled]


def test_what_stands_serves_for_a_day() -> None:
    filling, now = databases.POPULATION, datetime.now(UTC)
    contents = {"version": filling.version, "tokens": 1000, "at": now.isoformat()}
    assert filling.serves(contents, 1000)
    assert not filling.serves(contents, 2000)
    assert not filling.serves({**contents, "version": 0}, 1000)
    old = (now - timedelta(days=1)).isoformat()
    assert not filling.serves({**contents, "at": old}, 1000)


def test_a_server_that_does_not_end_when_asked_is_ended() -> None:
    ignores = "import signal, time; signal.signal(15, signal.SIG_IGN); print(); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", ignores], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline() == b"\n"
        servers.stop(process, within=0.1)
    assert process.returncode == -signal.SIGKILL
