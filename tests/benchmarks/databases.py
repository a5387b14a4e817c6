"""Databases of the benchmarks: made, filled, and found again; on a PostgreSQL server, or in files.

The comment of a database says what is in it. One without such a comment is somebody else's, and
is neither filled nor dropped. Beside a file stands another one that says it.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from tests.benchmarks import service
from tests.benchmarks.population import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_MARK = "population of benchmarks"
_FRESH_FOR = timedelta(days=1)  # later on, more of its tokens have expired than should


class ForeignDatabaseError(Exception):
    """A database has the name of one of ours, and is none."""


@dataclass(frozen=True, slots=True)
class Filling:
    """A way to fill databases."""

    fill: Callable[[int, datetime], None] = service.fill
    """Asked of the worker of a database, with its tokens and what counts as now."""
    version: int = VERSION
    prefix: str = ""
    """Of the names of such databases."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """In the environment of the worker."""

    def suffix(self, tokens: int) -> str:
        """Name a database: `10k`, `1m`."""
        number = f"{tokens // 10**6}m" if tokens % 10**6 == 0 else f"{tokens // 1000}k"
        return self.prefix + number

    def serves(self, contents: Mapping[str, Any], tokens: int) -> bool:
        """Tell whether what stands is what would be filled in, and no older than a day."""
        if (contents.get("version"), contents.get("tokens")) != (self.version, tokens):
            return False
        return datetime.now(UTC) - datetime.fromisoformat(contents["at"]) < _FRESH_FOR

    def start(self, url: str, tokens: int) -> dict[str, Any]:
        """Migrate and fill the empty database at `url`; return what is to be noted of it."""
        at = datetime.now(UTC)
        with service.worker(url, **self.variables) as worker:
            worker.submit(service.migrate).result()
            worker.submit(self.fill, tokens, at).result()
            worker.submit(service.settle).result()
        return {"version": self.version, "tokens": tokens, "at": at.isoformat()}

    def take_up(self, url: str) -> None:
        """Apply what migrations have come since to the database at `url`.

        Raises:
            LookupError: one was applied that this version of the code does not have.
        """
        with service.worker(url, **self.variables) as worker:
            worker.submit(service.migrate).result()
            worker.submit(service.settle).result()


POPULATION = Filling()


def url_of(server_url: str, suffix: str) -> str:
    """Return the URL of the database beside that of `server_url` with `suffix` to its name."""
    url = urlsplit(server_url)
    return urlunsplit(url._replace(path=f"{url.path.rstrip('/') or '/postgres'}_bench_{suffix}"))


def prepare(
    server_url: str,
    *,
    tokens: int,
    fresh: bool,
    say: Callable[[str], None],
    filling: Filling = POPULATION,
) -> str:
    """Return the URL of a migrated database with `tokens` tokens; the one that stands, if it can.

    It stands in for a new one for a day, unless `fresh`, where it is of this version of the
    population and has no migration that this code lacks.

    Raises:
        ForeignDatabaseError: a database of this name is not of the benchmarks.
    """
    url = url_of(server_url, filling.suffix(tokens))
    with psycopg.connect(server_url, autocommit=True) as server:
        contents = _contents(server, url)
        if contents is not None and not fresh and filling.serves(contents, tokens):
            try:
                filling.take_up(url)
            except LookupError as error:
                say(f"{_name(url)} is made anew: {error}")
            else:
                return url
        say(f"{_name(url)} is filled with {tokens:,} tokens.")
        _create(server, url)
        _describe(server, url, **filling.start(url, tokens))
    return url


def prepare_file(
    folder: Path, *, tokens: int, fresh: bool, say: Callable[[str], None], filling: Filling
) -> Path:
    """Do what `prepare` does with SQLite, in a file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"bench_{filling.suffix(tokens)}.sqlite3"
    description = path.with_suffix(".json")
    url = f"sqlite:///{path}"
    if description.exists() and path.exists() and not fresh:
        contents = json.loads(description.read_text(encoding="utf-8"))
        if filling.serves(contents, tokens):
            try:
                filling.take_up(url)
            except LookupError as error:
                say(f"{path.name} is made anew: {error}")
            else:
                return path
    say(f"{path.name} is filled with {tokens:,} tokens.")
    description.unlink(missing_ok=True)
    _remove(path)
    contents = filling.start(url, tokens)
    description.write_text(json.dumps(contents), encoding="utf-8")
    return path


@contextmanager
def copied(server_url: str, *, tokens: int, filling: Filling = POPULATION) -> Iterator[str]:
    """Copy the database with `tokens` tokens, for changes; yield the copy's URL. Ends with it."""
    url, template = url_of(server_url, "changed"), url_of(server_url, filling.suffix(tokens))
    with psycopg.connect(server_url, autocommit=True) as server:
        _create(server, url, template=_name(template))
        try:
            yield url
        finally:
            server.execute(SQL("DROP DATABASE {}").format(Identifier(_name(url))))


@contextmanager
def copied_file(path: Path) -> Iterator[Path]:
    """Do what `copied` does, with a file."""
    copy = path.with_name("bench_changed.sqlite3")
    _remove(copy)  # what a run that was killed has left
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        yield copy
    finally:
        _remove(copy)


def _remove(path: Path) -> None:
    """Remove a file of SQLite's with its journals, which would be taken for those of the next."""
    for each in (path, *path.parent.glob(f"{path.name}-*")):
        each.unlink(missing_ok=True)


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
