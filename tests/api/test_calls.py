"""The five calls, as the contract has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test.utils import CaptureQueriesContext
from django.utils.dateparse import parse_datetime

from entities import moments
from entities.models import AuthToken, Entity, Membership, User
from entities.services import revoke_entity
from tests.databases import connection
from tests.factories import AuthTokenFactory, MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from tests.conftest import Caller

DAY = timedelta(days=1)


def wire(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def problem_of(response: HttpResponse) -> tuple[int, str]:
    """Check that an answer has the one error form; return its status and code."""
    body = response.json()
    assert response.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "success", "error", "code"} <= set(body)
    assert (body["success"], body["status"]) == (False, response.status_code)
    assert body["error"] == body["detail"] != ""
    return response.status_code, body["code"]


def test_create_then_get_answer_the_same_body(member: Caller) -> None:
    created = member.post()
    token = AuthToken.objects.get()
    assert (created.status_code, created.headers["Content-Type"]) == (201, "application/json")
    assert created.json() == {
        "success": True,
        "authenticationToken": token.derive_text(),
        "expiry": wire(token.expires_at),
        "flags": [],
        "createdAt": wire(token.created_at),
        "lastUsedAt": None,
    }
    got = member.get()
    assert (got.status_code, got.json()) == (200, created.json())


def test_create_takes_no_body_at_all(member: Caller) -> None:
    response = member.client.generic("POST", member.path, headers=member.headers)
    assert response.status_code == 201


def test_create_takes_expiry_and_flags(member: Caller) -> None:
    response = member.post(
        json={"expiry": wire(moments.now() + DAY), "flags": ["b", "a:1", "b", "x.y_z-0"]}
    )
    token = AuthToken.objects.get()
    assert response.json()["flags"] == token.flags == ["b", "a:1", "x.y_z-0"]
    assert parse_datetime(response.json()["expiry"]) == token.expires_at


def test_an_expiry_comes_back_in_utc(member: Caller) -> None:
    moment = (moments.now() + DAY).replace(hour=23, minute=30, second=5, microsecond=250000)
    sent = f"{moment:%Y-%m-%d}t23:30:05.25-01:00"
    body = member.post(json={"expiry": sent}).json()
    assert body["expiry"] == wire(moment + timedelta(hours=1))


def test_create_while_one_is_live_is_a_conflict(member: Caller) -> None:
    text = member.post().json()["authenticationToken"]
    assert problem_of(member.post()) == (409, "token_exists")
    assert member.get().json()["authenticationToken"] == text


def test_patch_changes_expiry_flags_or_both_and_keeps_the_text(member: Caller) -> None:
    before = member.post().json()
    expiry = wire(moments.now() + 2 * DAY)
    assert member.patch(json={"flags": ["a"]}).json() == before | {"flags": ["a"]}
    after = member.patch(json={"expiry": expiry}).json()
    assert after == before | {"flags": ["a"], "expiry": expiry}
    after = member.patch(json={"expiry": before["expiry"], "flags": []}).json()
    assert after == before == member.get().json()


def test_patch_wants_at_least_one(member: Caller) -> None:
    member.post()
    assert problem_of(member.patch(json={})) == (400, "nothing_to_change")


def test_delete_revokes_at_once(member: Caller) -> None:
    text = member.post().json()["authenticationToken"]
    assert member.get(headers={"token": text}).status_code == 200
    response = member.delete()
    assert (response.status_code, response.json()) == (200, {"success": True})
    assert problem_of(member.get(headers={"token": text})) == (401, "not_authenticated")
    assert problem_of(member.get()) == (404, "token_revoked")
    assert problem_of(member.delete()) == (404, "token_revoked")
    assert member.post().status_code == 201


def test_refresh_gives_a_new_text_and_expiry(member: Caller) -> None:
    before = member.post(json={"flags": ["a"]}).json()
    after = member.post(
        "/refresh", json={"authenticationToken": before["authenticationToken"]}
    ).json()
    assert after["authenticationToken"] != before["authenticationToken"]
    assert after["expiry"] > before["expiry"]
    assert {**after, "authenticationToken": 0, "expiry": 0} == {
        **before,
        "authenticationToken": 0,
        "expiry": 0,
    }
    assert member.get().json() == after


def test_refresh_takes_no_body_or_an_expiry(member: Caller) -> None:
    texts = {member.post().json()["authenticationToken"]}
    bare = member.client.generic("POST", f"{member.path}/refresh", headers=member.headers)
    texts.add(bare.json()["authenticationToken"])
    expiry = wire(moments.now() + DAY)
    body = member.post("/refresh", json={"expiry": expiry}).json()
    texts.add(body["authenticationToken"])
    assert (len(texts), body["expiry"]) == (3, expiry)


def test_a_repeated_refresh_answers_the_same_and_an_older_text_revokes(member: Caller) -> None:
    first = member.post().json()["authenticationToken"]
    second = member.post("/refresh", json={"authenticationToken": first}).json()
    assert member.post("/refresh", json={"authenticationToken": first}).json() == second
    member.post("/refresh", json={"authenticationToken": second["authenticationToken"]})
    reused = member.post("/refresh", json={"authenticationToken": first})
    assert problem_of(reused) == (409, "token_reused")
    assert set(reused.json()["errors"]) == {"authenticationToken"}
    assert problem_of(member.get()) == (404, "token_revoked")


@pytest.mark.django_db(transaction=True)
def test_reuse_revokes_where_the_host_wraps_requests_in_transactions(
    member: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error would roll the revocation back."""
    first = member.post().json()["authenticationToken"]
    member.post("/refresh")
    member.post("/refresh")
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    reused = member.post("/refresh", json={"authenticationToken": first})
    assert problem_of(reused) == (409, "token_reused")
    assert AuthToken.objects.get().revoked_at is not None


def test_a_token_refreshes_itself_and_its_grace_does_not_slide(member: Caller) -> None:
    old = member.post().json()["authenticationToken"]
    first = member.post("/refresh", headers={"token": old}).json()
    again = member.post("/refresh", headers={"token": old}).json()
    assert first["authenticationToken"] == again["authenticationToken"]
    assert AuthToken.objects.get().generation == 1


def test_an_admins_own_token_does_not_stand_in_for_the_one_it_refreshes(
    admin: Caller, member: Caller
) -> None:
    member.post()
    text = admin.post().json()["authenticationToken"]
    response = admin.post("/refresh", of=member.membership, headers={"token": text})
    assert response.status_code == 200


@pytest.mark.parametrize("text", ["dummy", "", "eat_" + "0" * 83])
def test_a_forged_text_refreshes_and_revokes_nothing(text: str, member: Caller) -> None:
    before = member.post().json()
    response = member.post("/refresh", json={"authenticationToken": text})
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"authenticationToken"}
    assert member.get().json() == before


def _expire(caller: Caller) -> None:
    caller.post()
    AuthToken.objects.update(
        issued_at=moments.now() - 2 * DAY, expires_at=moments.now() - timedelta(seconds=1)
    )


def _revoke(caller: Caller) -> None:
    caller.post()
    caller.delete()


def _revoke_all(caller: Caller) -> None:
    caller.post()
    revoke_entity(entity=caller.membership.entity, by=caller.actor)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda caller: None, "token_not_found"),
        (_expire, "token_expired"),
        (_revoke, "token_revoked"),
        (_revoke_all, "token_revoked"),
    ],
)
def test_where_none_is_live_the_code_tells_why(
    make: Callable[[Caller], None], code: str, member: Caller
) -> None:
    make(member)
    assert problem_of(member.get()) == (404, code)
    assert problem_of(member.patch(json={"flags": []})) == (404, code)
    if code == "token_expired":
        assert member.post("/refresh").status_code == 200
        _expire(member)
        assert member.delete().status_code == 200
    else:
        assert problem_of(member.post("/refresh")) == (404, code)
        assert problem_of(member.delete()) == (404, code)
    assert member.post().status_code == 201


def test_an_expired_token_proves_nobody_not_even_for_its_own_refresh(member: Caller) -> None:
    _expire(member)
    text = AuthToken.objects.get().derive_text()
    response = member.post("/refresh", headers={"token": text})
    assert problem_of(response) == (401, "not_authenticated")


class TestRights:
    CALLS = [
        ("get", "", {}),
        ("post", "", {}),
        ("patch", "", {"json": {"flags": ["a"]}}),
        ("delete", "", {}),
        ("post", "/refresh", {}),
    ]

    @pytest.mark.parametrize(("method", "path", "kwargs"), CALLS)
    def test_a_member_who_touches_another_user_gets_403_whether_or_not_there_is_one(
        self,
        method: str,
        path: str,
        kwargs: dict[str, Any],
        member: Caller,
        other_member: Caller,
        foreigner: Caller,
    ) -> None:
        other_member.post()
        here = member.membership.entity_id
        nobody = Membership(entity_id=here, user_id="u-nobody")
        elsewhere = Membership(entity_id=here, user_id=foreigner.membership.user_id)
        answers = [
            getattr(member, method)(path, of=of, **kwargs)
            for of in (other_member.membership, nobody, elsewhere)
        ]
        assert {problem_of(answer) for answer in answers} == {(403, "permission_denied")}
        assert len({answer.content for answer in answers}) == 1

    def test_an_admin_manages_every_user_of_the_entity(self, admin: Caller, member: Caller) -> None:
        of = member.membership
        text = admin.post(of=of).json()["authenticationToken"]
        assert admin.get(of=of).json()["authenticationToken"] == text
        assert admin.patch(of=of, json={"flags": ["a"]}).json()["flags"] == ["a"]
        assert admin.post("/refresh", of=of).json()["authenticationToken"] != text
        assert admin.delete(of=of).status_code == 200

    @pytest.mark.parametrize(("method", "path", "kwargs"), CALLS)
    def test_an_admin_is_told_of_a_user_who_is_not_there(
        self, method: str, path: str, kwargs: dict[str, Any], admin: Caller, foreigner: Caller
    ) -> None:
        for user_id in ("u-nobody", foreigner.membership.user_id):
            of = Membership(entity_id=admin.membership.entity_id, user_id=user_id)
            answer = getattr(admin, method)(path, of=of, **kwargs)
            assert problem_of(answer) == (404, "user_not_found")

    @pytest.mark.parametrize(("method", "path", "kwargs"), CALLS)
    def test_nobody_learns_which_entities_exist(
        self, method: str, path: str, kwargs: dict[str, Any], admin: Caller, foreigner: Caller
    ) -> None:
        nowhere = Membership(entity_id="e-nowhere", user_id=admin.membership.user_id)
        answers = [
            getattr(admin, method)(path, of=of, **kwargs) for of in (foreigner.membership, nowhere)
        ]
        assert {problem_of(answer) for answer in answers} == {(401, "not_authenticated")}
        assert len({answer.content for answer in answers}) == 1
        assert {answer.headers["WWW-Authenticate"] for answer in answers} == {
            'ApiKey realm="entities"'
        }

    def test_only_an_admin_sets_restricted_flags(self, admin: Caller, member: Caller) -> None:
        Entity.objects.filter(pk=member.membership.entity_id).update(restricted_flags=["billing"])
        denied = member.post(json={"flags": ["billing"]})
        assert problem_of(denied) == (403, "flag_restricted")
        assert set(denied.json()["errors"]) == {"flags"}
        assert admin.post(of=member.membership, json={"flags": ["billing"]}).status_code == 201
        assert member.patch(json={"flags": ["billing", "a"]}).status_code == 200

    def test_an_authentication_token_is_a_ceiling(self, admin: Caller, member: Caller) -> None:
        of = member.membership
        weak = {"token": admin.post(json={"flags": ["a"]}).json()["authenticationToken"]}
        member.post(json={"flags": ["a", "b"]})
        calls = [
            admin.get(of=of, headers=weak),
            admin.patch(of=of, headers=weak, json={"flags": ["a"]}),
            admin.post("/refresh", of=of, headers=weak),
            admin.patch(headers=weak, json={"flags": ["a", "b"]}),
        ]
        assert {problem_of(answer) for answer in calls} == {(403, "flag_ceiling")}
        assert admin.delete(of=of, headers=weak).status_code == 200
        strong = admin.post(of=of, headers=weak, json={"flags": ["b"]})
        assert problem_of(strong) == (403, "flag_ceiling")
        assert admin.post(of=of, headers=weak, json={"flags": ["a"]}).status_code == 201


class TestAuthentication:
    @pytest.mark.parametrize("missing", ["apikey", "userid", "token"])
    def test_a_missing_header_is_the_same_401_as_a_wrong_one(
        self, missing: str, member: Caller
    ) -> None:
        answers = [
            member.get(headers=dict.fromkeys(("apikey", "userid", "token"))),
            member.get(headers={missing: None}),
            member.get(headers={missing: ""}),
            member.get(headers={missing: "test"}),
        ]
        assert {problem_of(answer) for answer in answers} == {(401, "not_authenticated")}
        assert len({answer.content for answer in answers}) == 1
        assert all("WWW-Authenticate" in answer.headers for answer in answers)

    def test_what_todays_clients_send_besides_breaks_nothing(self, member: Caller) -> None:
        extras = {
            "entityId": member.membership.entity_id,
            "entity-authentication-token": "undefined",
            "Referer": "https://app.example.com/",
            "Origin": "https://app.example.com",
        }
        query = f"?userId={member.membership.user_id}"
        assert member.post(query, headers=extras).status_code == 201
        assert member.get(query, headers=extras).status_code == 200
        assert member.get("?userId=somebody-else").status_code == 200

    @pytest.mark.parametrize("model", [User, Membership, Entity])
    def test_who_is_switched_off_is_dead_at_the_next_request(
        self, model: type[Any], member: Caller
    ) -> None:
        text = member.post().json()["authenticationToken"]
        model.objects.update(is_active=False)
        assert problem_of(member.get()) == (401, "not_authenticated")
        assert problem_of(member.get(headers={"token": text})) == (401, "not_authenticated")

    def test_an_admin_sees_that_a_users_token_is_suspended(
        self, admin: Caller, member: Caller
    ) -> None:
        member.post()
        Membership.objects.filter(pk=member.membership.pk).update(is_active=False)
        assert problem_of(admin.get(of=member.membership)) == (404, "token_suspended")
        assert problem_of(admin.post("/refresh", of=member.membership))[0] == 404
        assert admin.delete(of=member.membership).status_code == 200
        assert problem_of(admin.post(of=member.membership)) == (409, "user_inactive")


def test_readback_can_be_turned_off(member: Caller, settings: Any) -> None:
    settings.ENTITIES = {"TOKEN_READBACK": False, "LAST_USED_FLUSH": None}
    text = member.post().json()["authenticationToken"]
    assert text.startswith("eat_")
    assert member.get().json()["authenticationToken"] is None
    assert member.patch(json={"flags": []}).json()["authenticationToken"] is None
    assert member.post("/refresh").json()["authenticationToken"] not in {text, None}


def test_no_answer_may_be_cached_or_sniffed_sets_a_cookie_or_redirects(member: Caller) -> None:
    answers = [
        member.get(),
        member.post(),
        member.get(),
        member.patch(json={"flags": 1}),
        member.get(headers={"token": "x"}),
        member.get("/"),
        member.get("/nothing"),
        member.call("get", "/entities/"),
        member.call("put"),
        member.delete(),
    ]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not answer.cookies
        assert "Location" not in answer.headers


@pytest.mark.parametrize("who", ["own", "admin's"])
def test_the_query_counts_of_the_five_calls(who: str, member: Caller, admin: Caller) -> None:
    """Part of the contract: GET at most 2, the others at most 5, transaction statements aside."""
    caller, of = (member, None) if who == "own" else (admin, member.membership)

    def queries(method: str, path: str = "", **kwargs: Any) -> int:
        with CaptureQueriesContext(connection) as asked:
            response = getattr(caller, method)(path, of=of, **kwargs)
        assert response.status_code in {200, 201}, response.content
        control = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
        return sum(not query["sql"].startswith(control) for query in asked.captured_queries)

    assert queries("post") == 4
    # An event, where the text is shown to somebody other than its user.
    assert queries("get") == 2 if who == "own" else 3
    assert queries("patch", json={"flags": ["a"]}) == 5
    text = member.get().json()["authenticationToken"]
    assert queries("post", "/refresh", json={"authenticationToken": text}) == 4
    assert queries("delete") == 4


def test_ids_as_customers_have_them_work_in_the_path(admin: Caller) -> None:
    for user_id in ("auth0|5f7c8ec7", "me@example.com", "with space", "100%", "ü", "cn=x,dc=y"):
        membership = MembershipFactory(entity=admin.membership.entity, user__id=user_id)
        assert admin.post(of=membership).status_code == 201
        assert admin.get(of=membership).json()["flags"] == []


def test_last_used_at_is_answered(member: Caller) -> None:
    used_at = moments.now() - timedelta(hours=1)
    AuthTokenFactory(membership=member.membership, last_used_at=used_at)
    assert member.get().json()["lastUsedAt"] == wire(used_at)
