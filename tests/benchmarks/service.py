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
from urllib.parse import parse_qsl, urlencode

import django

from tests.benchmarks.population import HALF
from tests.benchmarks.urls import API

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.benchmarks.urls import Page

# Of the machine's variables only the cache's reaches the settings.
_KEPT = ("CACHE_URL", "HOME", "LANG", "PATH")
_STEP = 200
_ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "tokenservice.settings",
    "SECRET_KEY": "benchmarks-only-" + "k" * 40,
    "ALLOWED_HOSTS": "testserver",
    "LOG_LEVEL": "CRITICAL",
    "ENTITIES_RATE_LIMITS": "off",
}
_ROWS = re.compile(rb'<th class="field-|"id": ?["0-9]')


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
def worker(database_url: str, **variables: str) -> Iterator[ProcessPoolExecutor]:
    """Run the service on `database_url`. The functions below are submitted to it.

    `variables` stand in its environment, and may name other settings.
    """
    context = get_context("spawn")
    arguments = (environment(database_url, **variables),)
    with ProcessPoolExecutor(1, context, initializer=_set_up, initargs=arguments) as pool:
        yield pool


def environment(database_url: str, **variables: str) -> dict[str, str]:
    """Return all variables of a process that runs the service on `database_url`."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | _ENVIRONMENT | {"DATABASE_URL": database_url} | variables


def _set_up(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ |= variables
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

    client = _caller() if page.account == API else _logged_in(page.account)
    url = _place_of(page.path, urlencode(page.query), page.deep)

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        started = perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            queries.append(Query(sql, params, perf_counter() - started))

    with connection.execute_wrapper(note):
        return client.get(url, secure=True)


@cache
def _place_of(path: str, query: str, deep: int) -> str:
    """Return the URL of a page: of a deep one, what the links of the list lead to."""
    limit = int(dict(parse_qsl(query)).get("limit", 50))
    to_skip = (deep - 1) * limit
    if not to_skip:
        return f"{path}?{query}"
    # In longer steps, and without the last one, whose rows might not fill a page.
    behind = f"{path}?{query}&limit={_STEP}"
    while to_skip >= _STEP:
        found = _caller().get(behind, secure=True).json()
        if not found["next"]:
            break
        before, behind = behind, found["next"]
        to_skip -= _STEP
    else:
        before = behind
    return before.replace(f"limit={_STEP}", f"limit={limit}")


@cache
def _caller() -> Any:
    """Make an admin of the largest entity, and an API key of it; return a client that calls so."""
    from django.test import Client

    from entities import services
    from entities.actors import Actor
    from entities.models import Entity, Membership, Role

    by = Actor.command("benchmarks")
    entity = Entity.objects.get(pk=HALF)
    member = Membership.objects.filter(entity=entity, user="bench-admin").first()
    if member is None:
        member = services.add_member(
            entity=entity, user_id="bench-admin", role=Role.ADMIN, name="Bench", by=by
        )
    _, api_key = services.issue_api_key(entity=entity, name="bench", by=by)
    _, token = services.issue_user_token(user=member.user, name="bench", by=by)
    headers = {"apikey": api_key, "userid": member.user_id, "token": token}
    return Client(raise_request_exception=False, headers=headers)


@cache
def _logged_in(account: str) -> Any:
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.get(username=account))
    return client
