"""What verification found out, remembered for seconds. Off by default.

Each answer hangs on three scopes: everything, its entity, and its user. Whatever changes who gets
in forgets a scope, after its commit, and every answer that hangs on it is gone in that moment. An
answer that was read before a change, and comes to be kept after it, is not kept: what stood when
the reading began is compared. Keys are keyed digests, and there is no text in an answer.

A message that is lost, because a cache fails or another process has a memory of its own, leaves an
answer for the time to live at most.
"""

from __future__ import annotations

import logging
import secrets
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from django.core.cache import caches

from entities import keys
from entities.conf import app_settings, derived

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.cache.backends.base import BaseCache

logger = logging.getLogger("entities.memory")

PROCESS = "process"
"""Value of `VERIFICATION_CACHE` for the memory of each process alone."""
EVERYTHING = "everything"
MOST = 10_000
"""Answers that a process keeps; what came first goes first."""
PAUSE = 30
"""Seconds for which a cache that failed is not asked again: each try might wait for a timeout."""
KEPT = 60 * 60
"""Seconds for which a cache keeps stamps, and on which scopes a key hangs."""


class Memory(Protocol):
    """Where answers are kept."""

    def recall(self, key: str) -> tuple[Any, Any]:
        """Return the answer under `key`, or None and what stands before the database is read."""

    def remember(
        self, key: str, answer: object, *, scopes: Sequence[str], stood: Any, ends_at: float
    ) -> None:
        """Keep an answer, unless something was forgotten since `stood`.

        Args:
            ends_at: when it ends by itself, in seconds of the epoch: at most the time to live after
                its reading began.
        """

    def forget(self, *scopes: str) -> None:
        """Take away every answer that hangs on one of `scopes`."""


def memory() -> Memory | None:
    """Return the memory of the settings; None where nothing is remembered."""
    return derived(_memory)


def forget(*, entity_id: str | None = None, user_id: str | None = None) -> None:
    """Forget what hangs on an entity, on a user; without either, everything. After the commit."""
    if (known := memory()) is not None:
        named = scopes_of(entity_id=entity_id, user_id=user_id)
        known.forget(*named or [EVERYTHING])


def scopes_of(*, entity_id: str | None = None, user_id: str | None = None) -> list[str]:
    """Return the scopes of an entity and of a user."""
    named = (("entity", entity_id), ("user", user_id))
    return [keys.rules().fingerprint(f"{kind}\n{id}") for kind, id in named if id is not None]


class ProcessMemory:
    """The memory of one process. Answers are shared by its threads, so they must not be changed.

    A look is at one answer and no scope: to forget one takes its answers away.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._answers: dict[str, tuple[float, Any, Sequence[str]]] = {}
        self._keys: dict[str, set[str]] = {}
        """Of the answers that hang on a scope."""
        self._changes = 0

    def recall(self, key: str) -> tuple[Any, int]:
        kept = self._answers.get(key)
        if kept is not None and time.time() < kept[0]:
            return kept[1], 0
        return None, self._changes

    def remember(
        self, key: str, answer: object, *, scopes: Sequence[str], stood: int, ends_at: float
    ) -> None:
        with self._lock:
            if self._changes != stood:
                return
            self._drop(key)  # so that it goes to the end
            if len(self._answers) >= MOST:
                self._drop(next(iter(self._answers)))
            self._answers[key] = (ends_at, answer, scopes)
            for scope in scopes:
                self._keys.setdefault(scope, set()).add(key)

    def forget(self, *scopes: str) -> None:
        with self._lock:
            self._changes += 1
            for scope in scopes:
                hanging = self._answers if scope == EVERYTHING else self._keys.get(scope, ())
                for key in list(hanging):
                    self._drop(key)

    def _drop(self, key: str) -> None:
        _, _, scopes = self._answers.pop(key, (0, None, ()))
        for scope in scopes:
            self._keys[scope].discard(key)
            if not self._keys[scope]:
                del self._keys[scope]


class _Kept(NamedTuple):
    """What a cache keeps under a key."""

    scopes: tuple[str, ...]
    stamps: tuple[str, ...] = ()
    answer: Any = None
    ends_at: float = 0.0


class _Stood(NamedTuple):
    """The stamps of a key before the database was read."""

    scopes: tuple[str, ...]
    stamps: tuple[str, ...]


class CacheMemory:
    """A memory that processes share: any cache of Django's.

    A stamp is a random word in the cache. To forget a scope is to delete its stamp; one that is
    missing, for whatever cause, is made anew before the database is read, so that no answer with an
    older one is ever good again. On which scopes a key hangs is known once it was read, and never
    changes: the first reading leaves just that, the second is kept.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._paused_until = 0.0

    def recall(self, key: str) -> tuple[Any, _Stood | None]:
        if time.monotonic() < self._paused_until:
            return None, None
        try:
            cache = caches[self._alias]
            kept: _Kept | None = cache.get(_name(key))
            if kept is None:
                return None, None
            found = cache.get_many(kept.scopes)
            stamps = tuple([found.get(scope) for scope in kept.scopes])
            if stamps == kept.stamps and time.time() < kept.ends_at:
                return kept.answer, None
            return None, _Stood(kept.scopes, _completed(cache, kept.scopes, stamps))
        except Exception as error:  # noqa: BLE001  each kind of cache has errors of its own
            self._pause(error)
            return None, None

    def remember(
        self,
        key: str,
        answer: object,
        *,
        scopes: Sequence[str],
        stood: _Stood | None,
        ends_at: float,
    ) -> None:
        if time.monotonic() < self._paused_until:
            return
        kept = _Kept(tuple(map(_name, (EVERYTHING, *scopes))))
        if stood is not None and stood.stamps and stood.scopes == kept.scopes:
            kept = _Kept(kept.scopes, stood.stamps, answer, ends_at)
        try:
            caches[self._alias].set(_name(key), kept, KEPT)
        except Exception as error:  # noqa: BLE001  as above
            self._pause(error)

    def forget(self, *scopes: str) -> None:
        try:  # also in a pause: other processes may reach the cache
            caches[self._alias].delete_many(list(map(_name, scopes)))
        except Exception as error:  # noqa: BLE001  as above
            self._pause(error)

    def _pause(self, error: Exception) -> None:
        self._paused_until = time.monotonic() + PAUSE
        # The error's words may quote the cache's URL, and with it a password.
        kind = type(error).__name__
        logger.warning("The cache fails (%s): nothing is remembered for %d seconds.", kind, PAUSE)


def _completed(
    cache: BaseCache, scopes: Sequence[str], stamps: Sequence[str | None]
) -> tuple[str, ...]:
    """Make the missing stamps, as one of several processes; none where that does not succeed."""
    made = []
    for scope, stamp in zip(scopes, stamps, strict=True):
        if stamp is None:
            cache.add(scope, secrets.token_hex(16), KEPT)
            stamp = cache.get(scope)  # whoever was first
        if stamp is None:
            return ()
        made.append(stamp)
    return tuple(made)


def _name(key: str) -> str:
    return f"entities.memory.{key}"


def _memory() -> Memory | None:
    where = app_settings.VERIFICATION_CACHE
    if where is None:
        return None
    return ProcessMemory() if where == PROCESS else CacheMemory(where)
