"""The database that the app's tables are in, where a host has several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, router

_Model = TypeVar("_Model", bound=models.Model, covariant=True)


class PrimaryQuerySet(models.QuerySet[_Model]):
    """Reads where it writes: no decision to let somebody in comes from a replica.

    A host's router is asked once, for writing; `using()` still says otherwise.
    """

    if TYPE_CHECKING:
        _db: str | None
        _hints: dict[str, Any]

    @property
    def db(self) -> str:
        return self._db or router.db_for_write(self.model, **self._hints)
