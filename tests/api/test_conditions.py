"""Entity tags: no update is lost, and nothing that is known is sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from rest_framework.exceptions import ValidationError

from entities import moments
from entities.api.conditions import if_match
from entities.codec import new_nonce
from entities.models import Action, AuthToken, Event
from entities.services import issue_token, refresh_token, revoke_token, update_token
from tests.api.hostile import refusal
from tests.conftest import BY
from tests.databases import connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from tests.conftest import Caller

FAILED = (412, "precondition_failed")
CHANGES: list[Any] = [
    pytest.param(lambda caller, tag: caller.patch(json={"flags": ["b"]}, headers=tag), id="patch"),
    pytest.param(lambda caller, tag: caller.post("/refresh", headers=tag), id="refresh"),
    pytest.param(lambda caller, tag: caller.delete(headers=tag), id="delete"),
]


def tag_of(response: HttpResponse) -> dict[str, str]:
    return {"If-Match": response.headers["ETag"]}


def rows() -> list[dict[str, Any]]:
    return list(AuthToken.objects.values())


def test_every_answer_that_shows_a_token_has_the_strong_tag_of_a_get(member: Caller) -> None:
    for call in (
        member.post,
        lambda: member.patch(json={"flags": ["a"]}),
        lambda: member.post("/refresh"),
    ):
        answer = call()
        tag = answer.headers["ETag"]
        assert tag == member.get().headers["ETag"] == member.call("head").headers["ETag"]
        assert tag.startswith('"')
    assert "ETag" not in member.delete().headers
    assert "ETag" not in member.get().headers


def test_a_tag_changes_with_each_act_and_with_nothing_else(member: Caller) -> None:
    tags = [member.post().headers["ETag"]]
    expiry = (moments.now() + timedelta(days=1)).isoformat()
    tags.append(member.patch(json={"flags": ["a"]}).headers["ETag"])
    tags.append(member.patch(json={"flags": ["b"]}).headers["ETag"])
    tags.append(member.patch(json={"expiry": expiry}).headers["ETag"])
    tags.append(member.post("/refresh").headers["ETag"])
    member.delete()
    tags.append(member.post(json={"flags": ["b"]}).headers["ETag"])
    assert len({tag.partition(".")[0] for tag in tags}) == len(tags)
    assert member.get().headers["ETag"] == member.get().headers["ETag"] == tags[-1]


def test_a_refresh_that_leaves_the_expiry_as_it_is_changes_the_tag(member: Caller) -> None:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False):
        made = member.post()
        refreshed = member.post("/refresh", json={"expiry": made.json()["expiry"]})
        assert refreshed.json()["expiry"] == made.json()["expiry"]
        assert refusal(member.delete(headers=tag_of(made))) == FAILED


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_with_the_tag_that_stands_is_made(change: Any, member: Caller) -> None:
    answer = change(member, tag_of(member.post()))
    assert answer.status_code == 200
    assert "ETag" not in answer.headers or answer.headers["ETag"] == member.get().headers["ETag"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_with_a_tag_of_before_changes_nothing(change: Any, member: Caller) -> None:
    seen = tag_of(member.post())
    for act in (lambda: member.patch(json={"flags": ["a"]}), lambda: member.post("/refresh")):
        act()
        before, events = rows(), Event.objects.count()
        assert refusal(change(member, seen)) == FAILED
        assert (rows(), Event.objects.count()) == (before, events)
        seen = tag_of(member.get())
    assert change(member, seen).status_code == 200


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("template", ["*", " * ", '"x.y", {}', '{},"x"', 'W/"x" , {} ,'])
def test_any_and_lists_of_tags_match(template: str, change: Any, member: Caller) -> None:
    tag = member.post().headers["ETag"]
    assert change(member, {"If-Match": template.format(tag)}).status_code == 200


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("template", ["W/{}", '"x"', 'W/"x", W/{}', '""', '"*"'])
def test_weak_and_foreign_tags_never_match(template: str, change: Any, member: Caller) -> None:
    tag = member.post().headers["ETag"]
    before = rows()
    assert refusal(change(member, {"If-Match": template.format(tag)})) == FAILED
    assert rows() == before


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("value", ["", " ", ",", "x", '"x', "*, *", '* , "x"', 'w/"x"', "'x'"])
def test_a_malformed_condition_is_a_400_and_changes_nothing(
    value: str, change: Any, member: Caller
) -> None:
    member.post()
    before = rows()
    answer = change(member, {"If-Match": value})
    assert refusal(answer) == (400, "validation_error")
    assert set(answer.json()["errors"]) == {"If-Match"}
    assert rows() == before


@pytest.mark.parametrize("change", CHANGES)
def test_where_none_is_live_the_condition_is_not_asked(change: Any, member: Caller) -> None:
    seen = tag_of(member.post())
    member.delete()
    assert refusal(change(member, seen)) == (404, "token_revoked")
    assert refusal(change(member, {"If-Match": "*"})) == (404, "token_revoked")


def test_a_condition_on_what_is_to_be_created_never_holds(member: Caller) -> None:
    assert refusal(member.post(headers={"If-Match": "*"})) == FAILED
    assert refusal(member.post(headers={"If-Match": '"x.y"'})) == FAILED
    assert rows() == []
    tag = tag_of(member.post())
    assert refusal(member.post(headers=tag)) == (409, "token_exists")
    AuthToken.objects.update(issued_at=moments.now() - timedelta(days=2), expires_at=moments.now())
    before = rows()
    assert refusal(member.post(headers=tag)) == FAILED
    assert rows() == before


def test_use_is_nobodys_update_and_yet_an_answer_that_shows_it_is_new(member: Caller) -> None:
    seen = member.post().headers["ETag"]
    AuthToken.objects.update(last_used_at=moments.now())
    fresh = member.get(headers={"If-None-Match": seen})
    assert (fresh.status_code, fresh.json()["lastUsedAt"] is None) == (200, False)
    assert fresh.headers["ETag"] != seen
    assert member.patch(json={"flags": ["a"]}, headers={"If-Match": seen}).status_code == 200


def test_an_old_text_is_reuse_whatever_the_condition_says(member: Caller) -> None:
    made = member.post()
    member.post("/refresh")
    member.post("/refresh")
    body = {"authenticationToken": made.json()["authenticationToken"]}
    answer = member.post("/refresh", json=body, headers=tag_of(made))
    assert refusal(answer) == (409, "token_reused")


def test_a_lost_answer_is_asked_for_again_with_the_same_condition(member: Caller) -> None:
    made = member.post()
    body = {"authenticationToken": made.json()["authenticationToken"]}
    answers = [member.post("/refresh", json=body, headers=tag_of(made)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize("template", ["{}", "W/{}", '"x", {}', "*"])
def test_what_the_caller_has_is_not_sent_again(template: str, member: Caller) -> None:
    tag = member.post().headers["ETag"]
    for method in ("get", "head"):
        answer = member.call(method, headers={"If-None-Match": template.format(tag)})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == tag
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Content-Type" not in answer.headers
    member.patch(json={"flags": ["a"]})
    changed = member.get(headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["flags"]) == (200, ["a"])


def test_a_condition_on_a_get_is_asked_too(member: Caller) -> None:
    tag = tag_of(member.post())
    assert member.get(headers=tag).status_code == 200
    assert refusal(member.get(headers={"If-Match": '"x.y"'})) == FAILED


def test_a_text_that_is_not_shown_is_not_recorded_as_read(member: Caller, admin: Caller) -> None:
    tag = member.post().headers["ETag"]
    of = member.membership
    read = Event.objects.filter(action=Action.TOKEN_TEXT_READ)
    assert admin.get(of=of, headers={"If-None-Match": tag}).status_code == 304
    assert refusal(admin.get(of=of, headers={"If-Match": '"x.y"'})) == FAILED
    assert read.count() == 0
    assert admin.get(of=of, headers={"If-None-Match": '"x.y"'}).status_code == 200
    assert read.count() == 1


def test_readback_changes_the_tag_and_not_the_version(member: Caller, settings: Any) -> None:
    made = member.post()
    settings.ENTITIES = {**settings.ENTITIES, "TOKEN_READBACK": False}
    answer = member.get(headers={"If-None-Match": made.headers["ETag"]})
    assert (answer.status_code, answer.json()["authenticationToken"]) == (200, None)
    assert member.patch(json={"flags": ["a"]}, headers=tag_of(made)).status_code == 200


def test_a_tag_tells_nothing_of_the_text(member: Caller) -> None:
    made = member.post()
    AuthToken.objects.update(nonce=new_nonce())
    answer = member.get()
    assert answer.json()["authenticationToken"] != made.json()["authenticationToken"]
    assert answer.headers["ETag"] == made.headers["ETag"]


def test_a_condition_costs_a_query_only_where_no_row_is_locked_anyway(member: Caller) -> None:
    def queries(call: Callable[..., HttpResponse], *args: Any, **kwargs: Any) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert call(*args, headers={"If-Match": "*"}, **kwargs).status_code == 200
        control = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
        return sum(not query["sql"].startswith(control) for query in asked.captured_queries)

    member.post()
    assert queries(member.get) == 2
    assert queries(member.patch, json={"flags": ["a"]}) == 5
    assert queries(member.post, "/refresh") == 5
    assert queries(member.delete) == 5


@pytest.mark.parametrize("act", ["update", "refresh", "revoke"])
def test_the_row_is_compared_as_it_stands_and_not_as_it_was_loaded(
    act: str, member: Caller
) -> None:
    """Between the look and the act somebody else was there."""
    token = issue_token(membership=member.membership, by=BY)
    seen = {token.version}
    loaded = type(member.membership).objects.with_token().get()
    update_token(membership=member.membership, by=BY, flags=["theirs"])
    before = rows()
    calls: dict[str, Callable[[], object]] = {
        "update": lambda: update_token(membership=loaded, by=BY, flags=["mine"], if_match=seen),
        "refresh": lambda: refresh_token(membership=loaded, by=BY, if_match=seen),
        "revoke": lambda: revoke_token(membership=loaded, by=BY, if_match=seen),
    }
    with pytest.raises(Exception, match="precondition_failed"):
        calls[act]()
    assert rows() == before


@pytest.mark.parametrize("commas", [",", " ,\t", '"'])
def test_a_long_condition_is_read_in_no_time(commas: str) -> None:
    request = RequestFactory().patch("/", headers={"If-Match": commas * 30_000 + "x"})
    with pytest.raises(ValidationError):
        if_match(request)
