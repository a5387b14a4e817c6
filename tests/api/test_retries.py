"""A POST that is sent again with its key is answered again, and done once."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError
from django.test.utils import CaptureQueriesContext

from entities import moments
from entities.api.base import ApiViewSet
from entities.models import Action, AuthToken, Event, IdempotencyKey
from entities.models.retries import KEPT_FOR, LOCKED_FOR
from entities.services import issue_api_key, issue_token, issue_user_token
from tests.api.hostile import refusal, send, send_in_chunks
from tests.conftest import BY, Caller
from tests.databases import connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
REUSED = (422, "idempotency_key_reused")
EXPIRED = (409, "replay_expired")


def is_replay(response: HttpResponse) -> bool:
    return response.headers.get("Idempotent-Replayed") == "true"


def same(first: HttpResponse, second: HttpResponse) -> bool:
    """Whether the second answer is the first again, to the byte, and says so."""
    assert not is_replay(first)
    return (
        is_replay(second)
        and (first.status_code, first.content) == (second.status_code, second.content)
        and first.headers["Content-Type"] == second.headers["Content-Type"]
        and first.headers.get("ETag") == second.headers.get("ETag")
    )


def age(by: timedelta) -> None:
    """Let what is there have begun that much earlier."""
    for row in IdempotencyKey.objects.all():
        IdempotencyKey.objects.filter(pk=row.pk).update(started_at=row.started_at - by)


def test_a_create_that_is_sent_again_makes_one_token_and_answers_the_same(member: Caller) -> None:
    terms = {"flags": ["b", "a"]}
    first = member.post(json=terms, headers=KEY)
    events = Event.objects.count()
    assert first.status_code == 201
    assert first.json()["authenticationToken"] == AuthToken.objects.get().derive_text()
    for _ in range(2):
        assert same(first, member.post(json=terms, headers=KEY))
    assert (AuthToken.objects.count(), Event.objects.count()) == (1, events)
    assert refusal(member.post(json=terms)) == (409, "token_exists")


def test_a_refresh_that_is_sent_again_refreshes_once(member: Caller) -> None:
    text = member.post().json()["authenticationToken"]
    first = member.post("/refresh", headers=KEY)
    assert first.json()["authenticationToken"] != text
    assert same(first, member.post("/refresh", headers=KEY))
    assert AuthToken.objects.get().generation == 1
    another = member.post("/refresh", headers={"Idempotency-Key": "another"})
    assert another.json()["authenticationToken"] != first.json()["authenticationToken"]


def test_without_a_key_nothing_is_kept(member: Caller) -> None:
    member.post()
    member.post("/refresh")
    assert not IdempotencyKey.objects.exists()


def test_other_methods_have_no_keys(member: Caller) -> None:
    member.post()
    for key in (KEY, {"Idempotency-Key": ""}):
        answers = [
            member.get(headers=key),
            member.patch(json={"flags": ["a"]}, headers=key),
            member.patch(json={"flags": ["b"]}, headers=key),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert member.delete(headers=KEY).status_code == 200
    assert not IdempotencyKey.objects.exists()


def test_a_key_belongs_to_one_request(member: Caller, admin: Caller) -> None:
    first = member.post(json={"flags": ["a"]}, headers=KEY)
    before = list(AuthToken.objects.values())
    assert refusal(member.post(json={"flags": ["b"]}, headers=KEY)) == REUSED
    assert refusal(member.post(json={}, headers=KEY)) == REUSED
    assert refusal(member.post("/refresh", json={"flags": ["a"]}, headers=KEY)) == REUSED
    assert list(AuthToken.objects.values()) == before
    assert same(first, member.post(json={"flags": ["a"]}, headers=KEY))

    assert admin.post(headers=KEY).status_code == 201
    assert refusal(admin.post(of=member.membership, headers=KEY)) == REUSED


def test_a_key_belongs_to_one_caller_and_one_application(
    member: Caller, other_member: Caller, admin: Caller
) -> None:
    """Whoever guesses another's key gets nothing of his."""
    first = member.post(headers=KEY)
    assert refusal(admin.post(of=member.membership, headers=KEY)) == (409, "token_exists")
    theirs = other_member.post(headers=KEY)
    assert (theirs.status_code, is_replay(theirs)) == (201, False)
    api_key = issue_api_key(entity=member.membership.entity, name="other", by=BY)[1]
    through_another = Caller(member.membership, api_key, member.token).post(headers=KEY)
    assert refusal(through_another) == (409, "token_exists")
    assert same(first, member.post(headers=KEY))


def test_a_caller_may_prove_himself_anew(member: Caller) -> None:
    first = member.post(headers=KEY)
    token = issue_user_token(user=member.membership.user, name="phone", by=BY)[1]
    assert same(first, member.post(headers={**KEY, "token": token}))
    own = first.json()["authenticationToken"]
    assert same(first, member.post(headers={**KEY, "token": own}))


def test_who_is_no_longer_let_in_gets_nothing_again(
    member: Caller, other_member: Caller, admin: Caller
) -> None:
    admin.post(of=other_member.membership, headers=KEY)
    type(admin.membership).objects.filter(pk=admin.membership.pk).update(role="member")
    again = admin.post(of=other_member.membership, headers=KEY)
    assert refusal(again) == (403, "permission_denied")
    wrong = admin.post(of=other_member.membership, headers={**KEY, "token": "wrong"})
    assert refusal(wrong) == (401, "not_authenticated")


def test_a_weak_token_does_not_fetch_the_text_of_a_strong_one(
    member: Caller, admin: Caller
) -> None:
    weak = {"token": admin.post(json={"flags": ["a"]}).json()["authenticationToken"]}
    strong = {"flags": ["a", "b"]}
    first = admin.post(of=member.membership, json=strong, headers=KEY)
    again = admin.post(of=member.membership, json=strong, headers={**KEY, **weak})
    assert refusal(again) == (403, "flag_ceiling")
    assert same(first, admin.post(of=member.membership, json=strong, headers=KEY))


def test_a_text_shown_again_to_somebody_else_is_recorded(member: Caller, admin: Caller) -> None:
    read = Event.objects.filter(action=Action.TOKEN_TEXT_READ)
    first = admin.post(of=member.membership, headers=KEY)
    assert read.count() == 0
    assert same(first, admin.post(of=member.membership, headers=KEY))
    assert read.count() == 1
    member.post("/refresh", headers=KEY)
    member.post("/refresh", headers=KEY)
    assert read.count() == 1


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda caller: caller.post("/refresh"), id="refreshed"),
        pytest.param(lambda caller: caller.delete(), id="revoked"),
        pytest.param(
            lambda caller: AuthToken.objects.update(
                issued_at=moments.now() - timedelta(days=2), expires_at=moments.now()
            ),
            id="expired",
        ),
        pytest.param(lambda caller: AuthToken.objects.update(epoch=99), id="of another epoch"),
        pytest.param(lambda caller: AuthToken.objects.update(signing_key=1), id="key retired"),
        pytest.param(lambda caller: AuthToken.objects.all().delete(), id="pruned"),
    ],
)
def test_a_text_that_is_good_no_more_is_not_given_again(
    end: Callable[[Caller], object], member: Caller
) -> None:
    member.post(headers=KEY)
    end(member)
    tokens = list(AuthToken.objects.values())
    assert refusal(member.post(headers=KEY)) == EXPIRED
    assert list(AuthToken.objects.values()) == tokens


def test_a_change_of_terms_leaves_the_answer_as_it_was(member: Caller) -> None:
    first = member.post(json={"flags": ["a"]}, headers=KEY)
    member.patch(json={"flags": ["b"]})
    again = member.post(json={"flags": ["a"]}, headers=KEY)
    assert same(first, again)
    stale = {"If-Match": again.headers["ETag"]}
    assert member.patch(json={"flags": ["c"]}, headers=stale).status_code == 412


def test_what_became_of_a_request_is_kept_also_where_it_is_an_error(member: Caller) -> None:
    missing = member.post("/refresh", headers=KEY)
    assert refusal(missing) == (404, "token_not_found")
    member.post()
    assert same(missing, member.post("/refresh", headers=KEY))
    conflict = member.post(headers={"Idempotency-Key": "b"})
    assert refusal(conflict) == (409, "token_exists")
    member.delete()
    assert same(conflict, member.post(headers={"Idempotency-Key": "b"}))


def test_what_was_refused_before_anything_was_done_is_not_kept(
    member: Caller, other_member: Caller
) -> None:
    for answer, status in [
        (member.post(json={"flags": 1}, headers=KEY), 400),
        (member.post(headers={**KEY, "token": "wrong"}), 401),
        (member.post(of=other_member.membership, headers=KEY), 403),
        (member.post(headers={**KEY, "If-Match": "*"}), 412),
        (send(member, b"x", content_type="text/plain", HTTP_IDEMPOTENCY_KEY="k"), 415),
        (send(member, b" " * 70_000, HTTP_IDEMPOTENCY_KEY="k"), 413),
    ]:
        assert (answer.status_code, is_replay(answer)) == (status, False)
        assert not IdempotencyKey.objects.exists()
    assert member.post(headers=KEY).status_code == 201


def test_a_failure_on_our_side_is_not_kept(member: Caller, monkeypatch: Any) -> None:
    def fail(**kwargs: object) -> None:
        raise ZeroDivisionError

    member.client.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr("entities.api.views.issue_token", fail)
        assert member.post(headers=KEY).status_code == 500
    assert not IdempotencyKey.objects.exists()
    assert member.post(headers=KEY).status_code == 201


def test_while_the_first_is_under_way_the_second_is_told_to_come_again(
    member: Caller, monkeypatch: Any
) -> None:
    seen: list[HttpResponse] = []

    def issue_while_another_asks(**kwargs: Any) -> AuthToken:
        seen.append(member.post(headers=KEY))
        seen.append(member.post(json={"flags": ["x"]}, headers=KEY))
        return issue_token(**kwargs)

    monkeypatch.setattr("entities.api.views.issue_token", issue_while_another_asks)
    first = member.post(headers=KEY)
    assert first.status_code == 201
    assert [refusal(answer) for answer in seen] == [(409, "request_in_progress"), REUSED]
    assert seen[0].headers["Retry-After"] == "1"
    assert same(first, member.post(headers=KEY))


def test_one_that_was_lost_locks_its_key_for_a_bounded_time(
    member: Caller, monkeypatch: Any
) -> None:
    with monkeypatch.context() as patch:  # as where the process dies before it answers
        patch.setattr("entities.api.base.settle", lambda *args: None)
        member.post(headers=KEY)
    assert refusal(member.post(headers=KEY)) == (409, "request_in_progress")
    age(LOCKED_FOR - timedelta(seconds=5))
    assert refusal(member.post(headers=KEY)) == (409, "request_in_progress")
    age(timedelta(seconds=5))
    assert refusal(member.post(json={"flags": ["x"]}, headers=KEY)) == REUSED
    again = member.post(headers=KEY)
    assert refusal(again) == (409, "token_exists")
    assert same(again, member.post(headers=KEY))


def test_an_answer_is_given_again_for_a_day_and_the_key_is_free_then(member: Caller) -> None:
    first = member.post(headers=KEY)
    age(KEPT_FOR - timedelta(seconds=5))
    assert same(first, member.post(headers=KEY))
    age(timedelta(seconds=5))
    new = member.post("/refresh", headers=KEY)
    assert (new.status_code, is_replay(new)) == (200, False)
    assert same(new, member.post("/refresh", headers=KEY))
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "a, b", "ü", "\x7f", "a\tb", "x" * 256, "x" * 100_000, "\x00"]
)
def test_a_malformed_key_is_a_400_that_names_it(key: str, member: Caller) -> None:
    answer = member.post(headers={"Idempotency-Key": key})
    assert refusal(answer) == (400, "validation_error")
    assert set(answer.json()["errors"]) == {"Idempotency-Key"}
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize("key", ["!", "~", '"quoted"', "x" * 255, "a,b", "';--"])
def test_any_visible_ascii_is_a_key(key: str, member: Caller) -> None:
    headers = {"Idempotency-Key": key}
    assert same(member.post(headers=headers), member.post(headers=headers))


def test_a_body_in_chunks_is_read_once_and_is_part_of_the_request(member: Caller) -> None:
    header = {"HTTP_IDEMPOTENCY_KEY": "k"}
    first = send_in_chunks(member, b'{"flags": ["a"]}', **header)
    assert (first.status_code, first.json()["flags"]) == (201, ["a"])
    assert same(first, send_in_chunks(member, b'{"flags": ["a"]}', **header))
    assert refusal(send_in_chunks(member, b'{"flags": ["b"]}', **header)) == REUSED


def test_a_key_costs_two_queries_and_none_without(member: Caller) -> None:
    def queries(**kwargs: Any) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert member.post(**kwargs).status_code in {200, 201}
        control = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")
        return sum(not query["sql"].startswith(control) for query in asked.captured_queries)

    assert queries(headers=KEY) == 4 + 2
    # Credentials, the INSERT that fails, the row, the token.
    assert queries(headers=KEY) == 4
    assert queries(path="/refresh") == 4
    assert queries(path="/refresh", headers={"Idempotency-Key": "b"}) == 4 + 2


def test_no_row_holds_a_text_and_nothing_of_key_or_body_in_clear(member: Caller) -> None:
    text = member.post(headers=KEY).json()["authenticationToken"]
    body = {"authenticationToken": text}
    member.post("/refresh", json=body, headers={"Idempotency-Key": "sent-in-clear"})
    rows = list(IdempotencyKey.objects.order_by("started_at").values())
    token = AuthToken.objects.get()
    assert [row["texts"] for row in rows] == [
        {"authenticationToken": ["AuthToken", token.pk.hex, generation]} for generation in (0, 1)
    ]
    assert json.loads(rows[0]["body"])["authenticationToken"] is None
    kept = repr(rows)
    for secret in (text, token.derive_text(), member.token, member.api_key, KEY["Idempotency-Key"]):
        assert secret not in kept
        assert str(secret)[-20:] not in kept
    assert "sent-in-clear" not in kept
    assert member.membership.user_id not in kept


def test_an_answer_whose_view_names_no_secret_is_not_kept(
    member: Caller, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    respond = ApiViewSet.respond

    def forgetful(self: ApiViewSet, data: Any, **kwargs: Any) -> Any:
        return respond(self, data, **kwargs | {"secrets": None})

    monkeypatch.setattr(ApiViewSet, "respond", forgetful)
    with caplog.at_level(logging.ERROR, "entities.retries"):
        text = member.post(headers=KEY).json()["authenticationToken"]
    assert text.startswith("eat_")
    assert not IdempotencyKey.objects.exists()
    assert caplog.messages == ["An answer holds a text that was not taken out: it is not kept."]
    assert text not in caplog.text


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(
    member: Caller, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**kwargs: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr("entities.api.retries.keep_answer", fail)
    with caplog.at_level(logging.ERROR, "entities.retries"):
        assert member.post(headers=KEY).status_code == 201
    assert caplog.messages == ["The answer to a request with a key was not kept."]
