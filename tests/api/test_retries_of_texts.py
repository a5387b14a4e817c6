"""Retries of the calls about an entity's things: done once, and no kept answer holds a text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.test.utils import CaptureQueriesContext

from entities import keys, moments
from entities.models import (
    Action,
    ApiKey,
    AuthToken,
    Entity,
    Event,
    IdempotencyKey,
    Membership,
    UserToken,
)
from entities.services import issue_api_key, issue_token, refresh_token
from tests.api.hostile import refusal
from tests.api.rest import call
from tests.api.test_retries import EXPIRED, KEY, REUSED, is_replay, same
from tests.conftest import BY
from tests.databases import connection
from tests.factories import MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from tests.conftest import Caller


def tokens_of(*callers: Caller) -> dict[str, Any]:
    return {"tokens": [{"user": caller.membership.user_id} for caller in callers]}


def texts_in(answer: HttpResponse) -> list[str]:
    body = answer.json()
    return [text for text in json.dumps(body).split('"') if keys.holds_text(text)]


@pytest.fixture(params=["issueApiKey", "rotateApiKey", "issueUserToken", "issueTokens"])
def send(
    request: pytest.FixtureRequest, admin: Caller, member: Caller, other_member: Caller
) -> Callable[..., HttpResponse]:
    """Each call whose answer holds texts that may be shown once only."""
    entity = admin.membership.entity
    old = issue_api_key(entity=entity, name="old", by=BY)[0]
    user = member.membership.user_id
    path, body = {
        "issueApiKey": ("api-keys", {"name": "shop"}),
        "rotateApiKey": (f"api-keys/{old.pk}/rotate", {"overlap": 0}),
        "issueUserToken": (f"users/{user}/user-tokens", {"name": "phone"}),
        "issueTokens": ("authentication-tokens/issue", tokens_of(member, other_member)),
    }[request.param]

    def post(caller: Caller = admin, **headers: str) -> HttpResponse:
        return call(caller, "post", path, json=body, headers=KEY | headers)

    return post


def counts() -> list[int]:
    return [model._default_manager.count() for model in (ApiKey, UserToken, AuthToken)]


def test_it_is_done_once_and_the_texts_are_the_same_again(
    send: Callable[..., HttpResponse],
) -> None:
    first = send()
    assert first.status_code == 201
    assert texts_in(first)
    before = counts()
    for _ in range(2):
        assert same(first, send())
    assert counts() == before


def test_the_row_holds_no_text(send: Callable[..., HttpResponse]) -> None:
    texts = texts_in(send())
    row = IdempotencyKey.objects.get()
    assert row.status == 201
    assert len(row.texts) == len(texts)
    kept = repr(IdempotencyKey.objects.values().get())
    assert not keys.holds_text(kept)
    for text in texts:
        assert text[-20:] not in kept


def test_a_text_that_is_good_no_more_is_not_given_again(send: Callable[..., HttpResponse]) -> None:
    ids = [keys.parse(text).id for text in texts_in(send())]
    ends = {"revoked_at": moments.now()}
    ApiKey.objects.filter(pk=ids[0]).update(**ends)
    UserToken.objects.filter(pk=ids[0]).update(**ends)
    AuthToken.objects.filter(pk=ids[0]).update(**ends, revocation_reason="staff")
    before = counts()
    assert refusal(send()) == EXPIRED
    assert counts() == before


def test_who_may_not_ask_for_it_any_more_gets_nothing_again(
    send: Callable[..., HttpResponse], admin: Caller
) -> None:
    assert send().status_code == 201
    token = issue_token(membership=admin.membership, by=BY, flags=["a"]).derive_text()
    assert refusal(send(token=str(token))) == (403, "flag_ceiling")
    Membership.objects.filter(pk=admin.membership.pk).update(role="member")
    assert refusal(send()) == (403, "permission_denied")


def test_one_token_of_a_batch_that_was_refreshed_spoils_the_answer(
    admin: Caller, member: Caller, other_member: Caller
) -> None:
    body = tokens_of(member, other_member)
    path = "authentication-tokens/issue"
    first = call(admin, "post", path, json=body, headers=KEY)
    refresh_token(membership=other_member.membership, by=BY)
    assert refusal(call(admin, "post", path, json=body, headers=KEY)) == EXPIRED
    text = first.json()["results"][0]["authenticationToken"]
    assert admin.get(of=member.membership).json()["authenticationToken"] == text


def test_a_batch_that_is_sent_again_costs_the_same_for_one_and_for_many(admin: Caller) -> None:
    def again(count: int) -> int:
        members = MembershipFactory.create_batch(count, entity=admin.membership.entity)
        body = {"tokens": [{"user": member.user_id} for member in members]}
        headers = {"Idempotency-Key": str(count)}

        def post() -> HttpResponse:
            return call(admin, "post", "authentication-tokens/issue", json=body, headers=headers)

        first = post()
        read = Event.objects.filter(action=Action.TOKEN_TEXT_READ)
        before = read.count()
        with CaptureQueriesContext(connection) as asked:
            assert same(first, post())
        assert read.count() == before + count
        return len(asked)

    assert again(1) == again(31)


def test_a_batch_larger_than_other_bodies_has_a_key_too(admin: Caller) -> None:
    padded = json.dumps(tokens_of(admin)) + " " * 70_000
    path, sent = "authentication-tokens/issue", {"content_type": "application/json"}
    answers = [call(admin, "post", path, data=padded, headers=KEY, **sent) for _ in range(2)]
    assert answers[0].status_code == 201
    assert same(*answers)


def test_a_user_an_entity_and_a_revocation_are_made_once(superuser: Caller) -> None:
    for path, body, status in (
        ("users", {"id": "ada", "role": "member"}, 201),
        ("/entities", {"name": "New"}, 201),
        ("authentication-tokens/revoke", {"all": True}, 200),
    ):
        headers = {"Idempotency-Key": path}
        first = call(superuser, "post", path, json=body, headers=headers)
        assert (first.status_code, is_replay(first)) == (status, False)
        events = Event.objects.count()
        assert same(first, call(superuser, "post", path, json=body, headers=headers))
        assert Event.objects.count() == events
        assert refusal(call(superuser, "post", path, json={}, headers=headers)) == REUSED
    assert Entity.objects.filter(name="New").count() == 1
    assert Membership.objects.filter(user="ada").count() == 1


def test_what_became_of_it_is_kept_and_a_refused_batch_is_not(
    admin: Caller, member: Caller
) -> None:
    user = {"id": member.membership.user_id}
    conflict = call(admin, "post", "users", json=user, headers=KEY)
    assert refusal(conflict) == (409, "user_exists")
    assert same(conflict, call(admin, "post", "users", json=user, headers=KEY))

    headers = {"Idempotency-Key": "batch"}
    path = "authentication-tokens/issue"
    token = issue_token(membership=member.membership, by=BY)
    batch = tokens_of(admin, member)
    refused = call(admin, "post", path, json=batch, headers=headers)
    assert refusal(refused) == (400, "batch_refused")
    token.delete()
    assert call(admin, "post", path, json=batch, headers=headers).status_code == 201
