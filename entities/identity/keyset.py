"""The keys that an identity provider signs with, kept in this process.

Spec: RFC 7517 section 5 (JWK Set).
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from jwt import PyJWK, PyJWKClient, PyJWTError

from entities.exceptions import ProviderUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("entities.identity")

# In seconds, all of them.
LIFETIME = 5 * 60
"""After which the keys are fetched again: as long a withdrawn key still counts."""
STALE_LIFETIME = 60 * 60
"""For which they count where they cannot be fetched again."""
COOLDOWN = 10
"""Between two fetches, failed ones too: nobody makes us hammer the provider with made-up keys."""
TIMEOUT = 3
"""Of a fetch, for each step of it."""


@dataclass(frozen=True, slots=True)
class _Kept:
    keys: list[Any]
    fetched_at: float
    made: dict[tuple[str | None, str], PyJWK] = field(default_factory=dict)

    def key(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """Return the key of this id; without an id, the only one there is."""
        if (known := self.made.get((kid, algorithm))) is not None:
            return known
        named = [key for key in self.keys if isinstance(key, dict)]
        if kid is not None:
            named = [key for key in named if key.get("kid") == kid]
        fitting = [key for one in named if (key := _make(one, algorithm)) is not None]
        if len(fitting) != 1:
            return None
        self.made[kid, algorithm] = fitting[0]  # what is made up is never kept
        return fitting[0]


class KeySet:
    """The keys at one URL.

    PyJWT's client fetches again at each call after one that failed, lets all wait for the one that
    fetches, and forgets good keys while the provider is away. Here, of the threads that find a key
    none waits for another, and one at most for a fetch.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        # Follows no redirect, and reads http and https only.
        self._client = PyJWKClient(url, cache_jwk_set=False, timeout=TIMEOUT)
        self._clock = clock
        self._fetching = Lock()
        self._tried_at = float("-inf")
        self._kept: _Kept | None = None

    def find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """Return the provider's key of this id for this algorithm; None: it has no such key.

        Raises:
            ProviderUnavailableError: no keys are known, and none could be fetched.
        """
        kept = self._usable()
        key = kept.key(kid, algorithm) if kept else None
        if kept is None or key is None:
            self._fetch(waits=True)
        elif self._age(kept) >= LIFETIME:
            self._fetch(waits=False)
        kept = self._usable()
        if kept is None:
            raise ProviderUnavailableError
        return kept.key(kid, algorithm)

    def _usable(self) -> _Kept | None:
        kept = self._kept
        return kept if kept is not None and self._age(kept) < STALE_LIFETIME else None

    def _age(self, kept: _Kept) -> float:
        return self._clock() - kept.fetched_at

    def _fetch(self, *, waits: bool) -> None:
        """Fetch the keys, unless that was just tried; `waits` for whoever is at it."""
        if not self._fetching.acquire(timeout=TIMEOUT if waits else 0):
            return
        try:
            if self._clock() - self._tried_at < COOLDOWN:
                return
            self._tried_at = self._clock()
            keys = self._client.fetch_data().get("keys")
            if not isinstance(keys, list):
                raise ValueError("no list of keys")
            self._kept = _Kept(keys, self._clock())
        except (PyJWTError, OSError, ValueError, RecursionError) as error:
            # The words of the error may quote the URL, and with it a password.
            logger.warning(
                "The identity provider's keys cannot be fetched (%s).", type(error).__name__
            )
        finally:
            self._fetching.release()


@lru_cache(maxsize=8)
def key_set(url: str) -> KeySet:
    """Return the one of this process."""
    return KeySet(url)


def _make(key: dict[str, Any], algorithm: str) -> PyJWK | None:
    """Build a key for `algorithm`; None: it is for another, for encryption, or not understood.

    A key is for one algorithm only (RFC 8725 section 3.1).
    """
    operations = key.get("key_ops", ["verify"])
    if (
        key.get("use", "sig") != "sig"
        or key.get("alg", algorithm) != algorithm
        or not isinstance(operations, list)
        or "verify" not in operations
    ):
        return None
    try:
        return PyJWK(key, algorithm)
    except PyJWTError:
        return None
