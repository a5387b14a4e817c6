"""Whole runs with small numbers, beside a database of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg


def run(server_url: str, *options: str, what: str = "admin") -> subprocess.CompletedProcess[str]:
    sizes = ("--small=1000", "--large=2000", "--repeats=1")
    return subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{what}", *sizes, *options],
        env=os.environ | {"DATABASE_URL": server_url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def beside(server_url: str, suffix: str) -> psycopg.Connection[tuple[object, ...]]:
    url = urlsplit(server_url)
    return psycopg.connect(
        urlunsplit(url._replace(path=f"{url.path}_bench_{suffix}")), autocommit=True
    )


def test_a_run_fills_measures_and_changes_and_the_next_takes_what_stands(server_url: str) -> None:
    name = urlsplit(server_url).path[1:]
    filled = [
        f"{name}_bench_1k is filled with 1,000 tokens.",
        f"{name}_bench_2k is filled with 2,000 tokens.",
    ]

    first = run(server_url, "--only=entity p=2")
    assert first.stderr.splitlines() == filled
    assert first.returncode in {0, 1}
    lines = {line.split()[0]: line.split()[1:] for line in first.stdout.splitlines() if line}
    assert lines["Python"][0] == ".".join(map(str, sys.version_info[:3]))
    assert re.search(r"^entity p=2 .* (\d+)/\1 +([1-9]\d*)/\2", first.stdout, re.MULTILINE)
    assert {name: counts[0] for name, counts in lines.items() if name.startswith("re")} == {
        "remove_flag": lines["add_flag"][0],
        "revoke_tokens_in_batches": "174",
        "revoke_entity": "918",
    }

    second = run(server_url, "--only=authtoken flag", "--no-bulk")
    assert second.stderr == ""

    with beside(server_url, "1k") as small:
        small.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('entities', '9999', now())"
        )
    third = run(server_url, "--only=nothing", "--no-bulk")
    assert third.stderr.splitlines() == [
        f"{name}_bench_1k is made anew: unknown migrations: [('entities', '9999')]",
        filled[0],
    ]
    assert third.returncode == 0

    assert run(server_url, "--only=nothing", "--fresh").stderr.splitlines() == filled


def test_the_lists_of_rest_are_measured_to_their_last_page(server_url: str) -> None:
    done = run(server_url, "--only=users", what="rest")
    assert "is filled with" in done.stderr
    rows = re.findall(
        r"^(users.*?)  +[\d.]+ .* (\d+)/(\d+) +(\d+)/(\d+)", done.stdout, re.MULTILINE
    )
    pages = {name: tuple(map(int, counts)) for name, *counts in rows}
    assert pages["users"][2:] == pages["users page 1000"][2:] == (50, 50)
    assert all(small == large for small, large, *_ in pages.values())
    assert "revoke_entity" not in done.stdout


def test_a_database_that_is_not_of_the_benchmarks_is_left_alone(server_url: str) -> None:
    name = f"{urlsplit(server_url).path[1:]}_bench_1k"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    with beside(server_url, "1k") as theirs:
        theirs.execute("CREATE TABLE precious AS SELECT 1 AS one")

    for options in ([], ["--fresh"]):
        refused = run(server_url, *options)
        assert refused.returncode == 2
        assert refused.stderr.startswith(f"The database {name} is not of the benchmarks.")

    with beside(server_url, "1k") as theirs:
        assert theirs.execute("SELECT one FROM precious").fetchall() == [(1,)]
