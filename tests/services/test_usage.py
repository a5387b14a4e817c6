from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError

from entities import moments
from entities.codec import Kind, Parsed
from entities.models import ApiKey, AuthToken, UserToken
from entities.services import usage
from entities.services.usage import note_uses, write_noted_uses
from tests.factories import ApiKeyFactory, AuthTokenFactory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from time_machine import TimeMachineFixture

    from tests.conftest import Caller


@pytest.fixture(autouse=True)
def _nothing_noted() -> Iterator[None]:
    usage._notebook.forget()
    yield
    usage._notebook.forget()


def note(kind: Kind, id: UUID, *, at: datetime) -> None:
    note_uses([Parsed(kind, id, generation=0, key_id=0, nonce=b"")], at=at)


def test_a_request_notes_its_credentials_and_writes_nothing_itself(member: Caller) -> None:
    text = member.post().json()["authenticationToken"]
    before = moments.now()
    member.get(headers={"token": text})
    assert not AuthToken.objects.filter(last_used_at__isnull=False).exists()
    assert write_noted_uses() == 3
    for model in (ApiKey, UserToken, AuthToken):
        used_at = model.objects.get().last_used_at
        assert used_at is not None
        assert abs(used_at - before) < timedelta(minutes=1)
    assert member.get().json()["lastUsedAt"] is not None


def test_a_credential_is_noted_once_a_minute(
    member: Caller, time_machine: TimeMachineFixture
) -> None:
    start = moments.now()
    time_machine.move_to(start, tick=False)
    member.post()
    assert write_noted_uses() == 2
    for seconds, written in ((0, 0), (59, 0), (60, 2), (61, 0), (119, 0), (180, 2), (400, 2)):
        time_machine.move_to(start + timedelta(seconds=seconds), tick=False)
        member.get()
        assert write_noted_uses() == written
    assert len(usage._notebook.recent) + len(usage._notebook.before) == 4


@pytest.mark.django_db
def test_what_another_process_wrote_within_the_minute_is_not_written_again() -> None:
    now = moments.now()
    used_at = {59: ApiKeyFactory(), 60: ApiKeyFactory()}
    for seconds, key in used_at.items():
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now - timedelta(seconds=seconds))
        note(Kind.API_KEY, key.pk, at=now)
    assert write_noted_uses() == 1
    assert ApiKey.objects.get(last_used_at=now) == used_at[60]


@pytest.mark.django_db
def test_a_later_use_that_another_process_wrote_stays() -> None:
    now = moments.now()
    key = ApiKeyFactory(last_used_at=now)
    note(Kind.API_KEY, key.pk, at=now - timedelta(seconds=1))
    assert write_noted_uses() == 0
    key.refresh_from_db()
    assert key.last_used_at == now


@pytest.mark.django_db
def test_many_uses_are_one_statement_a_table(django_assert_num_queries: Any) -> None:
    now = moments.now()
    for token in AuthTokenFactory.create_batch(20):
        note(Kind.AUTH_TOKEN, token.pk, at=now)
    with django_assert_num_queries(1):
        assert write_noted_uses() == 20


@pytest.mark.django_db(transaction=True)
def test_a_thread_writes_what_was_noted_after_a_while(settings: Any) -> None:
    settings.ENTITIES = {"LAST_USED_FLUSH": timedelta(0)}
    key = ApiKeyFactory()
    note(Kind.API_KEY, key.pk, at=moments.now())
    timer = usage._notebook.timer
    if timer is not None:  # else it has come and gone
        timer.join(10)
    key.refresh_from_db()
    assert key.last_used_at is not None


def test_a_failure_in_the_background_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> int:
        raise DatabaseError("gone away")

    monkeypatch.setattr(usage, "write_noted_uses", fail)
    with caplog.at_level(logging.ERROR, "entities.usage"):
        usage._write_in_background()
    assert "Noted uses of credentials were not written." in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_process_that_ends_writes_what_it_noted(settings: Any) -> None:
    key = ApiKeyFactory()
    note(Kind.API_KEY, key.pk, at=moments.now())
    usage._write_at_exit()  # by hand only, say the settings of the tests
    assert usage._notebook.noted
    settings.ENTITIES = {"LAST_USED_FLUSH": timedelta(seconds=5)}
    usage._write_at_exit()
    key.refresh_from_db()
    assert key.last_used_at is not None
