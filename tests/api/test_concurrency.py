"""Fifty callers at once, with real threads and connections: the database decides."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, get_ident
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.test import Client

from entities.models import AuthToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from tests.conftest import Caller

pytestmark = pytest.mark.django_db(transaction=True)

CALLERS = 50


def at_once(call: Callable[[], HttpResponse]) -> list[HttpResponse]:
    """Make the same call from fifty threads that begin together."""
    barrier = Barrier(CALLERS, timeout=60)

    def one() -> HttpResponse:
        try:
            connections["default"].ensure_connection()
            barrier.wait()
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(CALLERS) as pool:
        return [future.result() for future in [pool.submit(one) for _ in range(CALLERS)]]


def post(
    caller: Caller, path: str, body: dict[str, str], headers: dict[str, str] | None = None
) -> HttpResponse:
    """Post by a client of the thread's own."""
    return Client().post(
        caller.path + path,
        body,
        content_type="application/json",
        headers=caller.headers | (headers or {}),
    )


def test_fifty_parallel_creates_make_one_token(member: Caller) -> None:
    answers = at_once(lambda: post(member, "", {}))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 49}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {
        "token_exists"
    }
    assert AuthToken.objects.count() == 1


def test_fifty_parallel_creates_replace_an_expired_token_once(member: Caller) -> None:
    member.post()
    token = AuthToken.objects.get()
    AuthToken.objects.update(
        issued_at=token.issued_at - 2 * token.lifetime, expires_at=token.created_at
    )
    answers = at_once(lambda: post(member, "", {}))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 49}
    assert AuthToken.objects.unrevoked().count() == 1
    assert AuthToken.objects.count() == 2


def test_fifty_parallel_refreshes_with_the_same_text_give_one_new_text(member: Caller) -> None:
    old = member.post().json()["authenticationToken"]
    answers = at_once(lambda: post(member, "/refresh", {"authenticationToken": old}))
    assert Counter(answer.status_code for answer in answers) == {200: 50}
    texts = {answer.json()["authenticationToken"] for answer in answers}
    token = AuthToken.objects.get()
    assert texts == {token.derive_text()}
    assert old not in texts
    assert token.generation == 1


def test_fifty_parallel_refreshes_by_the_token_itself_give_one_new_text(member: Caller) -> None:
    member.token = member.post().json()["authenticationToken"]
    answers = at_once(lambda: post(member, "/refresh", {}))
    assert Counter(answer.status_code for answer in answers) == {200: 50}
    token = AuthToken.objects.get()
    assert {answer.json()["authenticationToken"] for answer in answers} == {token.derive_text()}
    assert token.generation == 1


def test_fifty_parallel_creates_with_one_key_make_one_token_and_answer_the_same(
    member: Caller,
) -> None:
    key = {"Idempotency-Key": "one"}
    answers = at_once(lambda: post(member, "", {}, key))
    made = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer.json()["code"] for answer in answers if answer.status_code != 201]
    assert set(waiting) <= {"request_in_progress"}
    assert len({answer.content for answer in made}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in made) == 1
    assert post(member, "", {}, key).content == made[0].content
    assert AuthToken.objects.count() == 1


def test_fifty_parallel_updates_that_saw_the_same_are_made_once(member: Caller) -> None:
    seen = {"If-Match": member.post().headers["ETag"]}
    answers = at_once(
        lambda: Client().patch(
            member.path,
            {"flags": [f"by-{get_ident()}"]},
            content_type="application/json",
            headers=member.headers | seen,
        )
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 49}
    (won,) = (answer for answer in answers if answer.status_code == 200)
    assert AuthToken.objects.get().flags == won.json()["flags"]


def test_fifty_parallel_refreshes_that_saw_the_same_are_made_once(member: Caller) -> None:
    seen = {"If-Match": member.post().headers["ETag"]}
    answers = at_once(lambda: post(member, "/refresh", {}, seen))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 49}
    assert AuthToken.objects.get().generation == 1


def test_fifty_parallel_deletes_revoke_once(member: Caller) -> None:
    member.post()
    answers = at_once(lambda: Client().delete(member.path, headers=member.headers))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 404: 49}
    assert AuthToken.objects.get().revoked_at is not None
