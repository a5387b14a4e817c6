"""The service on one database, in a worker process of its own.

Its settings are read once, so that each database needs a process. What is measured is the service
as it runs in production, DEBUG off, without a server before it.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from time import perf_counter
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.benchmarks.urls import Page

# Of the machine's variables only the cache's reaches the settings.
_KEPT = ("CACHE_URL", "HOME", "LANG", "PATH")
_ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "tokenservice.settings",
    "SECRET_KEY": "benchmarks-only-" + "k" * 40,
    "ALLOWED_HOSTS": "testserver",
    "LOG_LEVEL": "CRITICAL",
}
_ROWS = re.compile(rb'<th class="field-|"id": ')


@dataclass(frozen=True, slots=True)
class Visit:
    """One answer: its status, how long it took, its queries, and the rows of a list in it."""

    status: int
    seconds: float
    queries: int
    rows: int


@dataclass(frozen=True, slots=True)
class Query:
    """One query of an answer, and how long it took."""

    sql: str
    params: Any
    seconds: float


@contextmanager
def worker(database_url: str) -> Iterator[ProcessPoolExecutor]:
    """Run the service on `database_url`. The functions below are submitted to it."""
    context = get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=_set_up, initargs=(database_url,)) as pool:
        yield pool


def _set_up(database_url: str) -> None:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    os.environ.clear()
    os.environ |= kept | _ENVIRONMENT | {"DATABASE_URL": database_url}
    django.setup()


def migrate() -> None:
    """Apply what is missing.

    Raises:
        LookupError: a migration was applied that this version of the code does not have.
    """
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connection)
    if unknown := loader.applied_migrations.keys() - loader.disk_migrations.keys():
        raise LookupError(f"unknown migrations: {sorted(unknown)}")
    call_command("migrate", verbosity=0)


def fill(tokens: int, at: datetime) -> None:
    """Fill the database; see `tests.benchmarks.population`."""
    from django.db import connection

    from tests.benchmarks import population

    population.fill(connection, tokens=tokens, at=at)


def settle() -> None:
    """Vacuum and analyze: an index that a migration has just added has no statistics yet."""
    from django.db import connection

    from tests.benchmarks import population

    population.settle(connection)


def visit(page: Page) -> Visit:
    """Get `page` as its account, and count what it took."""
    queries: list[Query] = []
    started = perf_counter()
    response = _get(page, queries)
    seconds = perf_counter() - started
    return Visit(response.status_code, seconds, len(queries), len(_ROWS.findall(response.content)))


def explain_slowest(page: Page) -> str:
    """Return the slowest query of `page`, from its FROM on, with its plan as PostgreSQL ran it."""
    from django.db import connection

    queries: list[Query] = []
    _get(page, queries)
    slowest = max(queries, key=lambda query: query.seconds)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {slowest.sql}", slowest.params)
        plan = "\n".join(line for (line,) in cursor.fetchall())
        said = cursor.mogrify(slowest.sql, slowest.params)
    _, _, tail = said.partition(" FROM ")
    return f"{slowest.seconds * 1000:.0f} ms: SELECT … FROM {tail}\n{plan}"


def _get(page: Page, queries: list[Query]) -> Any:
    from django.db import connection

    client = _logged_in(page.account)

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        started = perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            queries.append(Query(sql, params, perf_counter() - started))

    with connection.execute_wrapper(note):
        return client.get(page.path, page.query, secure=True)


@cache
def _logged_in(account: str) -> Any:
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.get(username=account))
    return client
