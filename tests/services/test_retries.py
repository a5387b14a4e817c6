"""Which of several requests with one key is carried out, and what the others get."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError

from entities import keys, moments, services
from entities.actors import Actor, Application
from entities.exceptions import (
    IdempotencyKeyReusedError,
    ReplayExpiredError,
    RequestInProgressError,
)
from entities.models import IdempotencyKey
from entities.models.retries import KEPT_FOR, LOCKED_FOR
from entities.services.retries import Attempt, KeptAnswer
from entities.services.transactions import atomic
from tests.factories import ApiKeyFactory, UserTokenFactory

pytestmark = pytest.mark.django_db

ADA = Actor.user("ada", application=Application(uuid4(), "shop"))


def begin(key: str = "k", request: bytes = b"r", by: Actor = ADA) -> Attempt | KeptAnswer:
    return services.begin_attempt(key=key, request=request, by=by)


def attempt(**kwargs: Any) -> Attempt:
    begun = begin(**kwargs)
    assert isinstance(begun, Attempt)
    return begun


def keep(of: Attempt, body: str = "{}", **texts: Any) -> bool:
    return services.keep_answer(
        attempt=of, status=201, headers={"ETag": "x"}, body=body, texts=texts
    )


def test_a_second_one_waits_and_then_gets_the_answer() -> None:
    first = attempt()
    with pytest.raises(RequestInProgressError):
        begin()
    assert keep(first, '{"b": 1, "a": [2]}')
    assert begin() == KeptAnswer(201, {"ETag": "x"}, {"b": 1, "a": [2]})
    with pytest.raises(IdempotencyKeyReusedError):
        begin(request=b"s")


def test_one_that_is_let_go_leaves_its_key_free() -> None:
    services.let_go(attempt=attempt())
    attempt(request=b"s")


def test_actors_and_applications_have_keys_of_their_own() -> None:
    attempt()
    attempt(by=Actor.user("bob", application=ADA.application))
    attempt(by=Actor.user("ada", application=Application(uuid4(), "shop")))
    attempt(by=Actor.user("ada"))
    attempt(by=Actor.staff("ada"))
    assert IdempotencyKey.objects.count() == 5


@pytest.mark.parametrize("kind", ["lost", "ended"])
def test_a_slow_first_one_overwrites_nothing_of_who_took_its_place(kind: str) -> None:
    first = attempt()
    by = LOCKED_FOR if kind == "lost" else KEPT_FOR
    slow = Attempt(first.id, first.started_at - by)
    IdempotencyKey.objects.update(started_at=slow.started_at)
    second = attempt()
    assert not keep(slow, '{"of": "the slow one"}')
    services.let_go(attempt=slow)
    assert keep(second, '{"of": "the second"}')
    assert begin() == KeptAnswer(201, {"ETag": "x"}, {"of": "the second"})


def test_the_bounds_of_a_key_are_the_same_in_python_and_in_sql() -> None:
    now = moments.now()
    moment = timedelta(microseconds=1)
    for age, ended in ((KEPT_FOR - moment, False), (KEPT_FOR, True), (KEPT_FOR + moment, True)):
        IdempotencyKey.objects.all().delete()
        row = IdempotencyKey.objects.create(id="x", fingerprint="y", started_at=now - age)
        assert row.is_ended(at=now) is ended
        assert IdempotencyKey.objects.ended(at=now).exists() is ended
    for age, lost in ((LOCKED_FOR - moment, False), (LOCKED_FOR, True)):
        assert IdempotencyKey(started_at=now - age).is_lost(at=now) is lost
        completed = IdempotencyKey(started_at=now - age, completed_at=now)
        assert completed.is_lost(at=now) is False


@pytest.mark.parametrize("factory", [ApiKeyFactory, UserTokenFactory])
def test_a_text_shown_once_is_derived_for_a_retry_and_not_once_it_is_dead(factory: Any) -> None:
    credential = factory()
    text = services.credentials.derive_text(credential)
    first = attempt()
    assert keep(first, '{"name": "x", "text": null}', text=credential)
    assert begin() == KeptAnswer(201, {"ETag": "x"}, {"name": "x", "text": text})

    now = moments.now()
    for end in ({"revoked_at": now}, {"created_at": now - KEPT_FOR, "expires_at": now}):
        type(credential).objects.update(revoked_at=None, expires_at=None)
        type(credential).objects.update(**end)
        with pytest.raises(ReplayExpiredError):
            begin()
    credential.delete()
    with pytest.raises(ReplayExpiredError):
        begin()


@pytest.mark.parametrize("factory", [ApiKeyFactory, UserTokenFactory])
def test_a_text_that_was_not_taken_out_is_not_kept(factory: Any) -> None:
    text = services.credentials.derive_text(factory())
    assert not keep(attempt(), f'{{"deep": [{{"note": "take {text}!"}}]}}')
    assert not IdempotencyKey.objects.exists()


def test_a_key_is_hashed_under_the_signing_key(settings: Any) -> None:
    attempt()
    row = IdempotencyKey.objects.get()
    settings.SECRET_KEY = "another" * 10
    attempt()
    other = IdempotencyKey.objects.exclude(pk=row.pk).get()
    assert other.fingerprint != row.fingerprint
    assert len(row.pk) == len(row.fingerprint) == 64


def test_a_digest_is_for_one_purpose() -> None:
    assert keys.digest(b"m", purpose="a") == keys.digest(b"m", purpose="a")
    assert keys.digest(b"m", purpose="a") != keys.digest(b"m", purpose="b")
    assert keys.digest(b"m", purpose="a") != keys.digest(b"n", purpose="a")


def test_the_database_knows_no_half_answer() -> None:
    attempt()
    for broken in ({"status": 200}, {"completed_at": moments.now()}, {"body": "{}"}):
        with pytest.raises(IntegrityError), atomic():
            IdempotencyKey.objects.update(**broken)


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_begin_inside_a_transaction() -> None:
    with atomic(), pytest.raises(RuntimeError):
        begin()
