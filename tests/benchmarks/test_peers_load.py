"""Whole runs with small numbers on PostgreSQL, beside a database of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.peers.load import TARGETS
from tests.benchmarks.test_peers_run import SHORT, check

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.interop


def run(
    server_url: str, folder: Path, program: str, *options: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{program}", *options],
        env=os.environ | {"DATABASE_URL": server_url, "DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_each_row_is_measured_on_postgresql(server_url: str, tmp_path: Path) -> None:
    done = run(server_url, tmp_path, "peers", "--database=postgresql", *SHORT)
    check(done, "PostgreSQL")
    unprepared = re.findall(r"^three headers.*PostgreSQL, nothing prepared", done.stdout, re.M)
    assert len(unprepared) == 2


def test_the_real_server_is_loaded(server_url: str, tmp_path: Path) -> None:
    done = run(server_url, tmp_path, "peers.load", "--tokens=1000", "--rounds=1", "--seconds=1")
    assert done.returncode in {0, 1}, done.stderr
    for target in TARGETS:
        assert re.search(
            rf"^{re.escape(target.name)} +[\d,]+ +\d+\.\d\d( |$)", done.stdout, re.MULTILINE
        ), target
