"""Databases of the benchmarks on a PostgreSQL server: made, filled, and found again.

The comment of a database says what is in it. One without such a comment is somebody else's, and
is neither filled nor dropped.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from tests.benchmarks import service
from tests.benchmarks.population import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MARK = "population of benchmarks"
_FRESH_FOR = timedelta(days=1)  # later on, more of its tokens have expired than should


class ForeignDatabaseError(Exception):
    """A database has the name of one of ours, and is none."""


def url_of(server_url: str, suffix: str) -> str:
    """Return the URL of the database beside that of `server_url` with `suffix` to its name."""
    url = urlsplit(server_url)
    return urlunsplit(url._replace(path=f"{url.path.rstrip('/') or '/postgres'}_bench_{suffix}"))


def suffix_of(tokens: int) -> str:
    """Write a number shortly: `10k`, `1m`."""
    return f"{tokens // 10**6}m" if tokens % 10**6 == 0 else f"{tokens // 1000}k"


def prepare(server_url: str, *, tokens: int, fresh: bool, say: Callable[[str], None]) -> str:
    """Return the URL of a migrated database with `tokens` tokens; the one that stands, if it can.

    It stands in for a new one for a day, unless `fresh`, where it is of this version of the
    population and has no migration that this code lacks.

    Raises:
        ForeignDatabaseError: a database of this name is not of the benchmarks.
    """
    url = url_of(server_url, suffix_of(tokens))
    with psycopg.connect(server_url, autocommit=True) as server:
        contents = _contents(server, url)
        if contents is not None and not fresh and _serves(contents, tokens=tokens):
            try:
                with service.worker(url) as worker:
                    worker.submit(service.migrate).result()
                    worker.submit(service.settle).result()
            except LookupError as error:
                say(f"{_name(url)} is made anew: {error}")
            else:
                return url
        say(f"{_name(url)} is filled with {tokens:,} tokens.")
        at = datetime.now(UTC)
        _create(server, url)
        with service.worker(url) as worker:
            worker.submit(service.migrate).result()
            worker.submit(service.fill, tokens, at).result()
            worker.submit(service.settle).result()
        _describe(server, url, version=VERSION, tokens=tokens, at=at.isoformat())
    return url


@contextmanager
def copied(server_url: str, *, tokens: int) -> Iterator[str]:
    """Copy the database with `tokens` tokens, for changes; yield the copy's URL. Ends with it."""
    url, template = url_of(server_url, "changed"), url_of(server_url, suffix_of(tokens))
    with psycopg.connect(server_url, autocommit=True) as server:
        _create(server, url, template=_name(template))
        try:
            yield url
        finally:
            server.execute(SQL("DROP DATABASE {}").format(Identifier(_name(url))))


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def _contents(server: psycopg.Connection[Any], url: str) -> dict[str, Any] | None:
    """Read what is in a database; None where there is no such database."""
    row = server.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
        [_name(url)],
    ).fetchone()
    if row is None:
        return None
    try:
        contents = json.loads(row[0] or "")[_MARK]
    except (ValueError, LookupError, TypeError):
        raise ForeignDatabaseError(
            f"The database {_name(url)} is not of the benchmarks. Rename it, or give another one"
            " in DATABASE_URL: its name is what those of the benchmarks begin with."
        ) from None
    return dict(contents)


def _serves(contents: dict[str, Any], *, tokens: int) -> bool:
    if (contents.get("version"), contents.get("tokens")) != (VERSION, tokens):
        return False
    return datetime.now(UTC) - datetime.fromisoformat(contents["at"]) < _FRESH_FOR


def _describe(server: psycopg.Connection[Any], url: str, **contents: object) -> None:
    comment = Literal(json.dumps({_MARK: contents}))
    server.execute(SQL("COMMENT ON DATABASE {} IS {}").format(Identifier(_name(url)), comment))


def _create(server: psycopg.Connection[Any], url: str, *, template: str = "template1") -> None:
    """Create a database in the place of what stood there. Described as unfinished until filled."""
    if _contents(server, url) is not None:
        server.execute(SQL("DROP DATABASE {}").format(Identifier(_name(url))))
    server.execute(
        SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            Identifier(_name(url)), Identifier(template)
        )
    )
    _describe(server, url)
