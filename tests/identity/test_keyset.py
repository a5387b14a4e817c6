"""The provider's keys: fetched seldom, found without waiting, and never too old."""

from __future__ import annotations

import json
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from entities.exceptions import ProviderUnavailableError
from entities.identity.keyset import COOLDOWN, LIFETIME, STALE_LIFETIME, KeySet
from tests.identity.provider import private_key, public_jwk

if TYPE_CHECKING:
    from tests.identity.conftest import Clock
    from tests.identity.provider import IdentityProvider


@pytest.fixture
def keys(provider: IdentityProvider, clock: Clock) -> KeySet:
    return KeySet(provider.url, clock=clock)


def finds(keys: KeySet, kid: str | None = "first", algorithm: str = "RS256") -> bool:
    return keys.find(kid, algorithm) is not None


def is_unavailable(keys: KeySet) -> bool:
    try:
        keys.find("first", "RS256")
    except ProviderUnavailableError:
        return True
    return False


def test_keys_are_fetched_once_in_their_lifetime(
    keys: KeySet, provider: IdentityProvider, clock: Clock
) -> None:
    assert provider.asked == 0
    for _ in range(3):
        assert finds(keys)
    clock.now += LIFETIME - 1
    assert finds(keys)
    assert provider.asked == 1
    clock.now += 1
    assert finds(keys)
    assert provider.asked == 2


def test_a_withdrawn_key_counts_no_longer_than_the_lifetime(
    keys: KeySet, provider: IdentityProvider, clock: Clock
) -> None:
    assert finds(keys)
    provider.kids = ["second"]
    clock.now += LIFETIME
    assert not finds(keys)
    assert finds(keys, "second")


def test_an_emptied_set_withdraws_all(
    keys: KeySet, provider: IdentityProvider, clock: Clock
) -> None:
    assert finds(keys)
    provider.kids = []
    clock.now += LIFETIME
    assert not finds(keys)


def test_a_new_key_is_found_at_once_where_the_last_fetch_is_a_while_ago(
    keys: KeySet, provider: IdentityProvider, clock: Clock
) -> None:
    assert finds(keys)
    provider.kids = ["first", "second"]
    clock.now += COOLDOWN
    assert finds(keys, "second")
    assert finds(keys)
    assert provider.asked == 2


def test_a_flood_of_unknown_ids_makes_one_fetch_in_a_while(
    keys: KeySet, provider: IdentityProvider, clock: Clock
) -> None:
    for number in range(100):
        assert not finds(keys, f"made-up-{number}")
    assert provider.asked == 1
    provider.kids = ["first", "second"]
    clock.now += COOLDOWN - 0.1
    assert not finds(keys, "second")
    clock.now += 0.1
    assert finds(keys, "second")
    assert not finds(keys, "made-up")
    assert provider.asked == 2
    assert set(keys._kept.made) == {("second", "RS256")}  # type: ignore[union-attr]


def test_known_keys_outlast_an_outage_for_an_hour(
    keys: KeySet, provider: IdentityProvider, clock: Clock
) -> None:
    assert finds(keys)
    provider.status = 503
    begun = clock.now
    clock.now = begun + STALE_LIFETIME - 1
    assert finds(keys)
    assert not finds(keys, "second")
    assert provider.asked == 2
    clock.now = begun + STALE_LIFETIME
    assert is_unavailable(keys)
    provider.status = 200
    clock.now += COOLDOWN
    assert finds(keys)


def test_a_provider_that_was_never_reached_is_asked_once_in_a_while(
    keys: KeySet, provider: IdentityProvider, clock: Clock
) -> None:
    provider.status = 500
    for _ in range(20):
        assert is_unavailable(keys)
    assert provider.asked == 1
    provider.status = 200
    assert is_unavailable(keys)
    clock.now += COOLDOWN
    assert finds(keys)


BAD = {
    "no JSON": b"<html>",
    "no object": b"[]",
    "no keys": b"{}",
    "keys that are no list": b'{"keys": "first"}',
    "too deep": b"[" * 100_000,
    "not UTF-8": b'{"keys": ["\xff"]}',
    "empty": b"",
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_an_answer_that_is_no_key_set_is_an_outage_and_its_address_stays_unsaid(
    body: bytes, keys: KeySet, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.body = body
    with caplog.at_level(logging.WARNING, logger="entities.identity"):
        assert is_unavailable(keys)
    [said] = caplog.messages
    assert said.startswith("The identity provider's keys cannot be fetched (")
    assert "secret" not in caplog.text


def test_the_words_of_a_failure_stay_unsaid(
    keys: KeySet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(client: object) -> None:
        raise OSError("https://me:secret@idp.example")

    monkeypatch.setattr("jwt.PyJWKClient.fetch_data", fail)
    assert is_unavailable(keys)
    assert caplog.messages == ["The identity provider's keys cannot be fetched (OSError)."]


def test_an_answer_that_is_cut_off_is_an_outage(keys: KeySet, provider: IdentityProvider) -> None:
    provider.headers = {"Content-Length": "100000"}
    assert is_unavailable(keys)


def test_a_redirect_is_not_followed(keys: KeySet, provider: IdentityProvider) -> None:
    provider.status = 302
    provider.headers = {"Location": provider.url}
    assert is_unavailable(keys)
    assert provider.asked == 1


def test_a_provider_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entities.identity.keyset.TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert is_unavailable(KeySet(f"http://127.0.0.1:{mute.getsockname()[1]}/"))


def test_a_refused_connection_is_an_outage() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert is_unavailable(KeySet(f"http://127.0.0.1:{port}/"))


@pytest.mark.parametrize("count", [1, 2])
def test_without_an_id_only_the_only_key_is_meant(
    count: int, keys: KeySet, provider: IdentityProvider
) -> None:
    provider.kids = ["first", "second"][:count]
    assert finds(keys, None) is (count == 1)


RSA = private_key("first")
UNFIT: dict[str, Any] = {
    "for encryption": public_jwk("first", RSA, use="enc"),
    "to sign with": public_jwk("first", RSA, key_ops=["sign"]),
    "odd operations": public_jwk("first", RSA, key_ops="verify"),
    "of another algorithm": public_jwk("first", RSA, alg="RS512"),
    "of another kind": public_jwk("first", private_key("first", "ec")),
    "symmetric": {"kty": "oct", "kid": "first", "k": "c2VjcmV0", "alg": "RS256"},
    "of no kind": {"kid": "first"},
    "broken": {"kty": "RSA", "kid": "first", "n": "?", "e": "AQAB"},
    "no object": "first",
}


@pytest.mark.parametrize("jwk", UNFIT.values(), ids=UNFIT)
def test_a_key_that_does_not_fit_is_passed_over(
    jwk: Any, keys: KeySet, provider: IdentityProvider
) -> None:
    provider.body = json.dumps({"keys": [jwk]}).encode()
    assert not finds(keys)
    assert not finds(keys, None)


def test_a_broken_key_spoils_no_other(keys: KeySet, provider: IdentityProvider) -> None:
    provider.body = json.dumps({"keys": [*UNFIT.values(), public_jwk("second", RSA)]}).encode()
    assert finds(keys, "second")


def test_who_knows_a_key_does_not_wait_for_the_one_who_fetches(
    keys: KeySet, provider: IdentityProvider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finds(keys)
    # Longer than the fetch is given: who waited would be back after it.
    monkeypatch.setattr("entities.identity.keyset.TIMEOUT", 30)
    clock.now += LIFETIME
    provider.answers.clear()
    provider.is_asked.clear()
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(finds, keys)
        assert provider.is_asked.wait(timeout=30)
        assert finds(keys)
        assert not fetching.done()
        provider.answers.set()
        assert fetching.result()
    assert provider.asked == 2


def test_of_many_first_callers_one_fetches_and_all_get_the_key(
    keys: KeySet, provider: IdentityProvider
) -> None:
    barrier = Barrier(8, timeout=30)

    def one() -> bool:
        barrier.wait()
        return finds(keys)

    with ThreadPoolExecutor(8) as pool:
        assert all(future.result() for future in [pool.submit(one) for _ in range(8)])
    assert provider.asked == 1
