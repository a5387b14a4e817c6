"""Counts in the cache: exact, by window, and never in the way where the cache is away."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import pytest
import time_machine
from django.core.cache.backends.redis import RedisCache

from entities import limits
from entities.conf import Rate
from entities.limits import PAUSE, Limit

THREE = Rate(3, 60)
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def of_this_test(counting_cache: None) -> None:
    """Count for real."""


def counted(of: str = "ada", rate: Rate = THREE) -> limits.Count:
    (count,) = limits.count(Limit("caller", rate, of))
    return count


def looked(of: str = "ada") -> limits.Count | None:
    return limits.look(Limit("caller", THREE, of))


def stubbed(monkeypatch: pytest.MonkeyPatch, **behaviour: Any) -> Mock:
    stub = Mock(**behaviour)
    monkeypatch.setattr("entities.limits.caches", {"default": stub})
    return stub


def test_a_count_goes_up_and_begins_anew_in_the_next_window() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        first = counted()
        assert [first.used, counted().used, counted().used, counted().used] == [1, 2, 3, 4]
        assert first.remaining == 2
        clock.shift(first.resets_in - 1)
        last = counted()
        assert (last.used, last.remaining, last.resets_in) == (5, 0, 1)
        clock.shift(1)
        anew = counted()
        assert (anew.used, anew.resets_in) == (1, 60)


def test_whoever_counts_apart_has_a_count_and_a_window_of_his_own() -> None:
    with time_machine.travel(NOON, tick=False):
        mine = counted()
        assert counted("bob").used == 1
        (by_key, by_caller) = limits.count(
            Limit("api-key", THREE, "ada"), Limit("caller", THREE, "ada")
        )
        assert (by_key.policy, by_key.used) == ("api-key", 1)
        assert (by_caller.policy, by_caller.used) == ("caller", 2)
        assert len({counted(name).resets_in for name in ("ada", "bob", "eve", "mallory")}) > 1
        assert counted().resets_in == mine.resets_in


def test_a_look_counts_nothing() -> None:
    with time_machine.travel(NOON, tick=False):
        counted()
        looks = [looked() for _ in range(3)] + [looked("bob")]
        assert [look.used for look in looks if look] == [1, 1, 1, 0]


def test_fifty_at_once_are_counted_exactly() -> None:
    with time_machine.travel(NOON, tick=False), ThreadPoolExecutor(50) as pool:
        used = [count.used for count in pool.map(counted, ["ada"] * 50)]
    assert sorted(used) == list(range(1, 51))


@pytest.mark.parametrize("of", ["a b", "a\nb", "ü", "x" * 500, "2001:db8::1", ""])
def test_a_key_of_the_cache_has_no_id_in_clear_and_is_fine_everywhere(
    of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = stubbed(monkeypatch, **{"incr.return_value": 1})
    counted(of)
    (key,) = stub.incr.call_args.args
    assert key.isascii()
    assert key.isprintable()
    assert " " not in key
    assert len(key) < 100
    assert not of or of not in key


def test_off_nothing_is_counted(settings: Any) -> None:
    assert limits.count(Limit("caller", None, "ada")) == []
    assert limits.look(Limit("caller", None, "ada")) is None
    settings.ENTITIES = {"RATE_LIMITS": False}
    assert limits.count(Limit("caller", THREE, "ada")) == []
    assert looked() is None
    settings.ENTITIES = {}
    assert counted().used == 1


def test_a_cache_that_fails_limits_nobody_and_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1000.0]
    away = Mock(side_effect=ConnectionError("redis://:secret@cache"))
    stubbed(monkeypatch, incr=away, get=away, add=away)
    monkeypatch.setattr("entities.limits.time.monotonic", lambda: now[0])
    with caplog.at_level(logging.WARNING, "entities.limits"):
        for _ in range(5):
            assert limits.count(Limit("caller", THREE, "ada")) == []
            assert looked() is None
        assert (away.call_count, len(caplog.records)) == (1, 1)
        now[0] += PAUSE
        assert limits.count(Limit("caller", THREE, "ada")) == []
        assert (away.call_count, len(caplog.records)) == (2, 2)
    assert caplog.messages[0] == "The cache fails (ConnectionError): no limits for 30 seconds."
    assert "secret" not in caplog.text


def test_the_cache_is_told_to_forget_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = stubbed(monkeypatch, **{"incr.side_effect": ValueError, "add.return_value": True})
    assert counted().used == 1
    (key, used, seconds) = stub.add.call_args.args
    assert (key, used, seconds) == (stub.incr.call_args.args[0], 1, 2 * THREE.window)


def test_redis_is_told_to_forget_a_count_and_asked_once_for_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = RedisCache("redis://nowhere", {"KEY_PREFIX": "p"})
    pipeline = Mock(**{"execute.return_value": [True, 1, None, 7]})
    cache._cache.get_client = Mock(**{"return_value.pipeline.return_value": pipeline})
    monkeypatch.setattr("entities.limits.caches", {"default": cache})
    counts = limits.count(Limit("api-key", THREE, "a"), Limit("caller", Rate(9, 3600), "b"))
    assert [(count.policy, count.used) for count in counts] == [("api-key", 1), ("caller", 7)]
    assert [call.kwargs for call in pipeline.set.call_args_list] == [
        {"ex": 120, "nx": True},
        {"ex": 7200, "nx": True},
    ]
    keys = [call.args[0] for call in pipeline.incr.call_args_list]
    assert [call.args for call in pipeline.set.call_args_list] == [(key, 0) for key in keys]
    assert all(key.startswith("p:1:entities.limit.") for key in keys)


@pytest.mark.parametrize("text", ["", "600", "0/minute", "600/min", "-1/day", "1/day ", "٣/day"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate like 600/minute"):
        Rate.parse(text)


def test_a_rate_has_its_window_in_seconds() -> None:
    texts = ("1/second", "600/minute", "7/hour", "999999999/day")
    assert [Rate.parse(text) for text in texts] == [
        Rate(1, 1),
        Rate(600, 60),
        Rate(7, 3600),
        Rate(999999999, 86400),
    ]
