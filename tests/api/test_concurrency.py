"""Fifty callers at once, with real threads and connections: the database decides."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
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


def post(caller: Caller, path: str, body: dict[str, str]) -> HttpResponse:
    """Post by a client of the thread's own."""
    return Client().post(
        caller.path + path, body, content_type="application/json", headers=caller.headers
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


def test_fifty_parallel_deletes_revoke_once(member: Caller) -> None:
    member.post()
    answers = at_once(lambda: Client().delete(member.path, headers=member.headers))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 404: 49}
    assert AuthToken.objects.get().revoked_at is not None
