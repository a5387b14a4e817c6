"""The distributions, built once a run from what is checked out."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
_folder = TemporaryDirectory(prefix="entities-dist-")  # its end removes it


@cache
def sdist() -> Path:
    """Build the source distribution."""
    return _build("--sdist", source=ROOT)


@cache
def wheel() -> Path:
    """Build the wheel, straight from the checkout."""
    return _build("--wheel", source=ROOT)


def _build(kind: str, *, source: Path) -> Path:
    folder = Path(_folder.name, kind.strip("-"))
    run([sys.executable, "-m", "build", kind, "--outdir", str(folder), str(source)])
    (made,) = folder.iterdir()
    return made


def run(command: list[str], *, folder: Path = ROOT, **options: object) -> str:
    """Run a program, and return what it said; its failure is the test's."""
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stdout
    said: str = done.stdout
    return said
