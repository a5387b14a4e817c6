"""Whole runs with small numbers, so that no row rots. How fast they are is not asked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.peers.rows import CACHED_ROWS, FLAT, ROWS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.interop

SHORT = (
    *("--tokens=1000", "--small=1000", "--large=2000"),
    *("--seconds=0", "--calls=100", "--checks=1"),
)


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.peers", *options],
        env=os.environ | {"DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_each_row_is_measured_on_sqlite(tmp_path: Path) -> None:
    done = run(tmp_path, "--database=sqlite", *SHORT)
    check(done, "SQLite")
    assert done.stderr.splitlines() == [
        f"bench_peers_{size}.sqlite3 is filled with {number} tokens."
        for size, number in (("1k", "1,000"), ("2k", "2,000"))
    ]
    assert re.search(r"^manage\.py check .* (ok|FALLS SHORT: too slow)$", done.stdout, re.MULTILINE)
    assert len(re.findall(r"^ *\d+\.\d% +\d+\.\d%  \S+ \S+:\d+$", done.stdout, re.MULTILINE)) > 9

    few = run(tmp_path, "--database=sqlite", *SHORT, "--only=forged", "--markdown")
    assert few.stderr == ""
    assert "of 1 rows fall short." in few.stdout
    assert few.stdout.splitlines()[-1].startswith("| forged, refused | authtoken refuses | ")


def check(done: subprocess.CompletedProcess[str], database: str) -> None:
    """Judge what must hold however slow the machine is."""
    assert done.returncode in {0, 1}, done.stderr
    assert re.match(r"Python [0-9.]+ with(out)? PGO, .*; Django .* cores, ", done.stdout)
    assert "too many queries" not in done.stdout
    for row in (*ROWS, *CACHED_ROWS, *FLAT):
        found = re.search(
            rf"^{re.escape(row.what)} +{database} +[0-9,.]+ {row.theirs} +[0-9,.]+ ",
            done.stdout,
            re.MULTILINE,
        )
        assert found, row
    for call in ("create", "update", "refresh", "delete"):
        assert re.search(rf"^queries to {call} .* [1-5]/5  ok$", done.stdout, re.MULTILINE)
    assert len(re.findall(r"^revoke all 1,000 .* UPDATE", done.stdout, re.MULTILINE)) == 1
