"""Which of two databases a process asks, so that one process measures both."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_alias = "default"


class Router:
    """Sends everything to the database that is aimed at."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return _alias

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return _alias


@contextmanager
def aimed_at(alias: str) -> Iterator[None]:
    """Send everything to the database `alias`."""
    global _alias
    before, _alias = _alias, alias
    try:
        yield
    finally:
        _alias = before
