"""Fifty callers at once, with real threads and connections: the database decides."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, get_ident
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.test import Client

from entities.models import AuthToken, Membership
from tests.conftest import caller_of
from tests.databases import connection
from tests.factories import AuthTokenFactory, MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from entities.models import Entity
    from tests.conftest import Caller

pytestmark = pytest.mark.django_db(transaction=True)

CALLERS = 50


def at_once(*calls: Callable[[], HttpResponse]) -> list[HttpResponse]:
    """Make calls from threads that begin together; a single one from fifty."""
    if len(calls) == 1:
        calls *= CALLERS
    barrier = Barrier(len(calls), timeout=60)

    def one(call: Callable[[], HttpResponse]) -> HttpResponse:
        try:
            connection.ensure_connection()
            barrier.wait()
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(one, call) for call in calls]]


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


def test_of_admins_who_all_leave_at_once_one_stays(entity: Entity, api_key: str) -> None:
    admins = [caller_of(MembershipFactory(entity=entity, admin=True), api_key) for _ in range(4)]

    def leave(caller: Caller, method: str) -> HttpResponse:
        path = f"/entities/{entity.pk}/users/{caller.membership.user_id}"
        body = {} if method == "delete" else {"data": {"role": "member"}}
        send = getattr(Client(), method)
        response: HttpResponse = send(
            path, headers=caller.headers, content_type="application/json", **body
        )
        return response

    methods = ("patch", "delete", "patch", "delete")
    answers = at_once(
        *(partial(leave, caller, method) for caller, method in zip(admins, methods, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 409]
    assert Membership.objects.filter(entity=entity, role="admin").count() == 1


@pytest.mark.parametrize("standing", ["none", "expired"])
def test_of_batches_of_the_same_users_at_once_one_is_done(standing: str, admin: Caller) -> None:
    entity = admin.membership.entity
    for _ in range(5):
        membership = MembershipFactory(entity=entity)
        if standing == "expired":
            AuthTokenFactory(membership=membership, expired=True)
    users = list(Membership.objects.filter(role="member").values_list("user_id", flat=True))

    def issue(users: list[str]) -> HttpResponse:
        return Client().post(
            f"/entities/{entity.pk}/authentication-tokens/issue",
            {"tokens": [{"user": user} for user in users]},
            content_type="application/json",
            headers=admin.headers,
        )

    forwards, backwards = partial(issue, users), partial(issue, users[::-1])
    answers = at_once(*[forwards, backwards] * 10)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 400: 19}
    assert {answer.json().get("code") for answer in answers} == {None, "batch_refused"}
    assert AuthToken.objects.unrevoked().count() == 5
