"""Tests of what measures. Whole runs need PostgreSQL, and so do their tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

collect_ignore = (
    []
    if os.environ.get("DATABASE_URL", "").startswith("postgres")
    else ["test_run.py", "test_peers_load.py"]
)


@pytest.fixture
def server_url() -> Iterator[str]:
    """Where runs make their databases. They end with the test."""
    ours = os.environ["DATABASE_URL"]
    name = f"tests_{uuid4().hex[:12]}"
    with psycopg.connect(ours, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(urlsplit(ours)._replace(path=f"/{name}"))
        finally:
            made = server.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [name]
            ).fetchall()
            for (each,) in made:
                server.execute(f"DROP DATABASE {each} WITH (FORCE)")
