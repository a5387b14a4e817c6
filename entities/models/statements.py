"""A statement that finds one row, executed by the shortest way that hides it from nobody."""

from __future__ import annotations

from asyncio import _get_running_loop
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import django
from django.db.backends import utils

from entities.conf import setting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DJANGO = str(Path(django.__file__).parent)


class Statement:
    """SQL whose values have names.

    What Django's cursor does around a query is there for those who watch it; where nobody does,
    SQLite is asked without it.
    """

    def __init__(self, sql: str, names: Sequence[str], connection: Any) -> None:
        """Take SQL with a `%s` for each of `names`; a percent sign of its own is doubled."""
        # By name: SQLite's backend rewrites a text with positions at each execution, by a pattern
        # that takes longer than SQLite does.
        self._sql = sql.replace("%%", "%%%%") % tuple([f"%({name})s" for name in names])
        self._sqlite: str | None = None
        if _is_plain_sqlite(connection):
            self._sqlite = sql % tuple([f":{name}" for name in names])

    def fetch_one(self, params: Mapping[str, Any], connection: Any) -> Sequence[Any] | None:
        """Execute it; return the first row, or None."""
        found: Sequence[Any] | None
        if self._sqlite is None or _is_watched(connection):
            with connection.cursor() as cursor:
                cursor.execute(self._sql, params)
                found = cursor.fetchone()
                return found
        try:
            found = connection.connection.execute(self._sqlite, params).fetchone()
        except connection.Database.Error:
            with connection.wrap_database_errors:  # makes it an error of Django's
                raise
        return found


def _is_plain_sqlite(connection: Any) -> bool:
    """Whether it is Django's own backend, and nobody put a method of his own in, to watch.

    Asked once, when a statement is first needed: who watches is there by then.
    """
    here = type(connection)
    methods = (utils.CursorWrapper.execute, here.cursor, here.make_cursor, here.create_cursor)
    return here.__module__ == "django.db.backends.sqlite3.base" and all(map(_is_djangos, methods))


def _is_djangos(method: Any) -> bool:
    # By its type, for a proxy shows the code of what it stands for.
    return type(method) is FunctionType and method.__code__.co_filename.startswith(_DJANGO)


def _is_watched(connection: Any) -> bool:
    """Whether Django's cursor has something to do before SQLite is asked, or somebody to tell."""
    return bool(
        type(connection.connection) is not connection.Database.Connection
        or connection.execute_wrappers
        or connection.needs_rollback
        or (connection.health_check_enabled and not connection.health_check_done)
        or "cursor" in vars(connection)
        or connection.force_debug_cursor
        or setting("DEBUG")
        or _get_running_loop() is not None
    )
