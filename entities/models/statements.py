"""A statement that finds one row, executed by the shortest way that hides it from nobody."""

from __future__ import annotations

from asyncio import _get_running_loop
from typing import TYPE_CHECKING, Any, cast

from django.db.backends import utils

from entities.conf import setting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    _Found = Sequence[Any] | None


class Statement:
    """SQL whose values have names.

    Django's cursor takes as long as SQLite takes to answer. It is there for those who watch it;
    where nobody does, SQLite is asked without it.
    """

    def __init__(self, sql: str, names: Sequence[str], connection: Any) -> None:
        """Take SQL with a `%s` for each of `names`; a percent sign of its own is doubled."""
        # By name: SQLite's backend rewrites a text with positions at each execution, by a pattern
        # that takes longer than SQLite does.
        self._sql = sql.replace("%%", "%%%%") % tuple([f"%({name})s" for name in names])
        self._sqlite: str | None = None
        if _is_plain_sqlite(connection):
            self._sqlite = sql % tuple([f":{name}" for name in names])

    def fetch_one(self, params: Mapping[str, Any], connection: Any) -> _Found:
        """Execute it; return the first row, or None."""
        if self._sqlite is not None and not _is_watched(connection):
            try:
                found = connection.connection.execute(self._sqlite, params).fetchone()
                return cast("_Found", found)
            except connection.Database.Error:
                with connection.wrap_database_errors:
                    raise
        with connection.cursor() as cursor:
            cursor.execute(self._sql, params)
            return cast("_Found", cursor.fetchone())


def _is_plain_sqlite(connection: Any) -> bool:
    """Whether it is Django's own backend, and its cursors execute by Django's own method.

    Who watches all queries may have put another one in its place.
    """
    execute: Any = utils.CursorWrapper.execute
    return (
        type(connection).__module__ == "django.db.backends.sqlite3.base"
        and execute.__code__.co_filename == utils.__file__
    )


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
