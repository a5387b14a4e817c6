"""Where answers of verification are kept: in each process, or in a cache that all share."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.cache import caches

from entities import memory as memories
from entities.memory import EVERYTHING, CacheMemory, Memory, ProcessMemory
from tests.conftest import CACHES

if TYPE_CHECKING:
    from time_machine import TimeMachineFixture

SCOPES = ["an-entity", "a-user"]


@pytest.fixture(params=["process", *CACHES], ids=lambda url: url.partition(":")[0])
def memory(request: pytest.FixtureRequest, settings: Any) -> Memory:
    if request.param == "process":
        return ProcessMemory()
    backend = "locmem.LocMemCache" if request.param.startswith("locmem") else "redis.RedisCache"
    shared = {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": request.param}
    settings.CACHES = {"default": {}, "shared": shared | {"KEY_PREFIX": uuid4().hex}}
    return CacheMemory("shared")


def keep(memory: Memory, key: str, answer: object, *, seconds: float = 5) -> None:
    """Keep an answer, as one who has asked before and reads it now."""
    for _ in range(2):
        known, stood = memory.recall(key)
        if known is None:
            ends_at = time.time() + seconds
            memory.remember(key, answer, scopes=SCOPES, stood=stood, ends_at=ends_at)


def test_an_answer_is_kept_until_it_ends(memory: Memory, time_machine: TimeMachineFixture) -> None:
    time_machine.move_to(1_800_000_000, tick=False)
    keep(memory, "key", ("answer",))
    assert memory.recall("key")[0] == ("answer",)
    assert memory.recall("another")[0] is None
    time_machine.shift(timedelta(seconds=4.999))
    assert memory.recall("key")[0] == ("answer",)
    time_machine.shift(timedelta(seconds=0.001))
    assert memory.recall("key")[0] is None


@pytest.mark.parametrize("scope", [*SCOPES, EVERYTHING])
def test_what_hangs_on_a_scope_is_forgotten_with_it(scope: str, memory: Memory) -> None:
    keep(memory, "key", "answer")
    memory.forget("another-scope")
    assert memory.recall("key")[0] == "answer"
    memory.forget(scope)
    assert memory.recall("key")[0] is None
    keep(memory, "key", "a new answer")
    assert memory.recall("key")[0] == "a new answer"


@pytest.mark.parametrize("scope", [*SCOPES, EVERYTHING])
@pytest.mark.parametrize("known", [False, True])
def test_an_answer_read_before_a_change_is_not_kept_after_it(
    known: bool, scope: str, memory: Memory
) -> None:
    if known:
        keep(memory, "key", "an old answer")
        memory.forget(scope)
    _, stood = memory.recall("key")  # a slow reader reads now
    memory.forget(scope)  # and a change is committed
    memory.remember("key", "stale", scopes=SCOPES, stood=stood, ends_at=time.time() + 5)
    assert memory.recall("key")[0] is None
    # Nor does the reading of another one make it good.
    _, stood = memory.recall("other")
    memory.remember("other", "fresh", scopes=SCOPES, stood=stood, ends_at=time.time() + 5)
    assert memory.recall("key")[0] is None


def test_an_answer_whose_stamps_were_lost_is_not_good(memory: Memory) -> None:
    if not isinstance(memory, CacheMemory):
        return
    keep(memory, "key", "answer")
    kept = caches["shared"].get("entities.memory.key")
    caches["shared"].delete(kept.scopes[1])  # culled, or expired
    assert memory.recall("key")[0] is None
    assert memory.recall("key")[0] is None  # nor once it was made anew
    assert caches["shared"].get(kept.scopes[1]) is not None


def test_a_process_keeps_so_many_answers_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memories, "MOST", 3)
    memory = ProcessMemory()
    for number in range(5):
        keep(memory, f"key-{number}", number)
    kept = [memory.recall(f"key-{number}")[0] for number in range(5)]
    assert kept == [None, None, 2, 3, 4]
    memory.forget(SCOPES[0])
    assert not memory._keys  # they go with the answers


class TestFailingCache:
    """Nobody gets in by it, and nobody is locked out."""

    @pytest.fixture
    def memory(self, settings: Any) -> CacheMemory:
        broken = {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://:the-password@127.0.0.1:1/0",
            "OPTIONS": {"socket_connect_timeout": 1},
        }
        settings.CACHES = {"default": {}, "shared": broken}
        return CacheMemory("shared")

    def test_it_is_left_alone_for_a_while(
        self, memory: CacheMemory, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, "entities.memory"):
            assert memory.recall("key") == (None, None)
            assert memory.recall("key") == (None, None)
            memory.remember("key", "answer", scopes=SCOPES, stood=None, ends_at=0)
        assert caplog.messages == [
            "The cache fails (ConnectionError): nothing is remembered for 30 seconds."
        ]
        assert "the-password" not in caplog.text

    def test_a_message_that_is_lost_is_no_error(self, memory: CacheMemory) -> None:
        memory.forget(EVERYTHING)
        assert memory.recall("key") == (None, None)
