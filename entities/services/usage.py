"""When credentials were last used, without a read or a write on the hot path.

A use is noted in memory, at most once a minute for a credential, and written with the others of
its process a few seconds later by a thread of its own, in one statement for each table. That
leaves a row as it is which another process wrote within the minute. A process that ends writes
what it noted; one that crashes loses those seconds.
"""

from __future__ import annotations

import atexit
import logging
from datetime import timedelta
from threading import Lock, Timer
from typing import TYPE_CHECKING

from django.db import DatabaseError, connections, router
from django.db.models import Q

from entities.codec import Kind
from entities.conf import app_settings
from entities.models import ApiKey, AuthToken, UserToken

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from entities.codec import Parsed

logger = logging.getLogger("entities.usage")

_TABLES: dict[Kind, type[ApiKey | UserToken | AuthToken]] = {
    Kind.API_KEY: ApiKey,
    Kind.USER_TOKEN: UserToken,
    Kind.AUTH_TOKEN: AuthToken,
}


USE_RESOLUTION = timedelta(minutes=1)
"""How coarse `last_used_at` is: a use within it of the last one is not noted."""


class _Notebook:
    """Uses noted by this process, newest moment for each credential."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.noted: dict[tuple[Kind, UUID], datetime] = {}
        self.timer: Timer | None = None
        # What was noted in this minute, and in the one before: so nothing is kept for longer.
        self.recent: dict[int, datetime] = {}
        self.before: dict[int, datetime] = {}
        self.turned_at: datetime | None = None

    def note(self, used: Iterable[Parsed], at: datetime) -> None:
        for one in used:
            number = one.id.int  # a UUID's hash is dear
            last = self.recent.get(number) or self.before.get(number)
            if last is None or at - last >= USE_RESOLUTION:
                self._write_down(one.kind, one.id, at)

    def _write_down(self, kind: Kind, id: UUID, at: datetime) -> None:
        with self.lock:
            if self.turned_at is None or at - self.turned_at >= USE_RESOLUTION:
                self.before, self.recent, self.turned_at = self.recent, {}, at
            self.recent[id.int] = at
            self.noted[kind, id] = at
            wait = app_settings.LAST_USED_FLUSH
            if self.timer is None and wait is not None:
                self.timer = Timer(wait.total_seconds(), _write_in_background)
                self.timer.daemon = True
                self.timer.start()

    def take(self) -> dict[tuple[Kind, UUID], datetime]:
        with self.lock:
            taken, self.noted, self.timer = self.noted, {}, None
        return taken

    def forget(self) -> None:
        """Forget everything, as a new process would have it. For tests."""
        with self.lock:
            self.noted, self.recent, self.before, self.turned_at = {}, {}, {}, None


_notebook = _Notebook()


def note_uses(used: Iterable[Parsed], *, at: datetime) -> None:
    """Remember that credentials were used at `at`. Costs no query."""
    _notebook.note(used, at)


def write_noted_uses() -> int:
    """Write what was noted; return how many rows that touched.

    One statement a table writes one moment, the latest noted: with uses seconds apart and a
    resolution of a minute, nobody can tell. A row that another process wrote less than that
    before, or later, keeps what it has.
    """
    taken = _notebook.take()
    return sum(
        _write(kind, {id: at for (its_kind, id), at in taken.items() if its_kind is kind})
        for kind in {kind for kind, _ in taken}
    )


def _write(kind: Kind, uses: dict[UUID, datetime]) -> int:
    at = max(uses.values())
    older = Q(last_used_at__isnull=True) | Q(last_used_at__lte=at - USE_RESOLUTION)
    return sum(
        _TABLES[kind]._default_manager.filter(older, pk__in=ids).update(last_used_at=at)
        for ids in _batches(uses)
    )


def _batches(ids: Iterable[UUID], size: int = 500) -> Iterable[list[UUID]]:
    rows = sorted(ids)  # in one order, so that two processes cannot wait for each other
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _write_in_background() -> None:
    """Write from a thread that nobody waits for: whatever fails must not be lost unseen."""
    try:
        write_noted_uses()
    except DatabaseError:
        logger.exception("Noted uses of credentials were not written.")
    finally:
        connections[router.db_for_write(AuthToken)].close()


@atexit.register
def _write_at_exit() -> None:
    if not _notebook.noted or app_settings.LAST_USED_FLUSH is None:
        return
    try:
        write_noted_uses()
    except DatabaseError as error:
        # Without a traceback: at the end of a test run, the database of the tests is gone.
        logger.warning("Uses of credentials were not written (%s).", type(error).__name__)
    finally:
        connections[router.db_for_write(AuthToken)].close()
