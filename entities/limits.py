"""Counts of calls against rates, in the shared cache `default`. No query.

A window is fixed: around its end up to twice the quota gets through. Windows of different callers
end at different moments, so that not all of them come back at once.

Redis, Memcached and the cache of one process count exactly. The latter counts for its process
alone: with several of them, each grants the whole quota. A file or database cache may lose counts
where two come at once, and then grants more.

A cache that fails lets everybody in, for `PAUSE`, and says so in the log: the limits are a
protection, not a permission.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from typing import TYPE_CHECKING

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.redis import RedisCache

from entities.conf import app_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django.core.cache.backends.base import BaseCache

    from entities.conf import Rate

    _Question = Callable[[Mapping[str, int]], list[int]]
    """What is asked of the cache, by key with the seconds for which it is kept."""

logger = logging.getLogger("entities.limits")

PAUSE = 30
"""Seconds for which a cache that failed is not asked again: each try might wait for a timeout."""


@dataclass(frozen=True, slots=True)
class Count:
    """How far a quota is used up."""

    policy: str
    rate: Rate
    used: int
    resets_in: int
    """Seconds until the window ends, above zero."""

    @property
    def remaining(self) -> int:
        """What is left in this window."""
        return max(0, self.rate.quota - self.used)


@dataclass(frozen=True, slots=True)
class Limit:
    """What is counted: calls under `policy` that have `of` in common, against `rate`."""

    policy: str
    rate: Rate | None
    """None: there is no limit."""
    of: str


class _Breaker:
    """Keeps away from a cache that failed."""

    def __init__(self) -> None:
        self.open_until = 0.0

    def ask(self, question: _Question, keys: Mapping[str, int]) -> list[int]:
        """Return the cache's answer; nothing where it has none."""
        if not keys or time.monotonic() < self.open_until:
            return []
        try:
            return question(keys)
        except Exception as error:  # noqa: BLE001  each kind of cache has errors of its own
            self.open_until = time.monotonic() + PAUSE
            # The error's words may quote the cache's URL, and with it a password.
            kind = type(error).__name__
            logger.warning("The cache fails (%s): no limits for %d seconds.", kind, PAUSE)
            return []


_breaker = _Breaker()


def are_on() -> bool:
    """Whether anything is counted at all."""
    return app_settings.RATE_LIMITS


def count(*limits: Limit) -> list[Count]:
    """Count one more for each of `limits`; return the counts with it.

    Those without a rate are left out, and all of them where the cache is away. With Redis it is one
    round trip.
    """
    return _asked(limits, _increment)


def look(limit: Limit) -> Count | None:
    """Return the count as it stands. None: no limit, or no cache."""
    counts = _asked([limit], _get)
    return counts[0] if counts else None


def _asked(limits: Sequence[Limit], question: _Question) -> list[Count]:
    if not are_on():
        return []
    now = time.time()
    windows: dict[str, tuple[str, Rate, int]] = {}
    for limit in limits:
        if (rate := limit.rate) is not None:
            digest = sha256(limit.of.encode()).digest()
            phase = int.from_bytes(digest[:4]) % rate.window
            begun, elapsed = divmod(now + phase, rate.window)
            # Another rate has another key: what was counted in its windows says nothing of these.
            key = f"entities.limit.{limit.policy}.{rate.window}.{digest[:16].hex()}.{begun:.0f}"
            windows[key] = (limit.policy, rate, ceil(rate.window - elapsed))
    # Two windows, so that no count ends while it is added to.
    used = _breaker.ask(question, {key: 2 * rate.window for key, (_, rate, _) in windows.items()})
    return [
        Count(policy, rate, its_use, resets_in)
        for its_use, (policy, rate, resets_in) in zip(used, windows.values(), strict=False)
    ]


def _get(keys: Mapping[str, int]) -> list[int]:
    cache = caches[DEFAULT_CACHE_ALIAS]
    return [cache.get(key, 0) for key in keys]


def _increment(keys: Mapping[str, int]) -> list[int]:
    cache = caches[DEFAULT_CACHE_ALIAS]
    if isinstance(cache, RedisCache):
        return _increment_in_redis(cache, keys)
    return [_increment_one(cache, key, seconds) for key, seconds in keys.items()]


def _increment_one(cache: BaseCache, key: str, seconds: int) -> int:
    try:
        return cache.incr(key)
    except ValueError:
        # Of two that come first at once, one adds.
        return 1 if cache.add(key, 1, seconds) else cache.incr(key)


def _increment_in_redis(cache: RedisCache, keys: Mapping[str, int]) -> list[int]:
    """Do in one round trip what Django's backend, which has no pipelines, does in two a key."""
    pipeline = cache._cache.get_client(write=True).pipeline(transaction=False)
    for key, seconds in keys.items():
        name = cache.make_and_validate_key(key)
        pipeline.set(name, 0, ex=seconds, nx=True)
        pipeline.incr(name)
    return [int(used) for used in pipeline.execute()[1::2]]
