"""API keys and user tokens over REST: a text once, and never again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from entities import moments
from entities.models import ApiKey, Event, KeyAccess, User, UserToken
from tests.api.hostile import refusal
from tests.api.rest import call, errors_of, listed
from tests.factories import ApiKeyFactory, MembershipFactory, UserTokenFactory

if TYPE_CHECKING:
    from tests.conftest import Caller

ISSUE_ERRORS: list[tuple[dict[str, Any], str]] = [
    ({}, "name"),
    ({"name": ""}, "name"),
    ({"name": "   "}, "name"),
    ({"name": "x" * 101}, "name"),
    ({"name": 1}, "name"),
    ({"name": "a", "expiry": "2001-01-01T00:00:00Z"}, "expiry"),
    ({"name": "a", "expiry": "2999-01-01"}, "expiry"),
    ({"name": "a", "expiry": None}, "expiry"),
    ({"name": "a", "overlap": 1}, "overlap"),
]


def user_tokens(caller: Caller) -> str:
    return f"users/{caller.membership.user_id}/user-tokens"


class TestApiKeys:
    def test_one_is_issued_with_its_text_which_works_and_is_not_shown_again(
        self, admin: Caller
    ) -> None:
        made = call(admin, "post", "api-keys", json={"name": "shop"})
        body = made.json()
        assert made.status_code == 201
        text = body.pop("apiKey")
        key = ApiKey.objects.get(name="shop")
        assert body.pop("createdAt")
        assert body == {
            "success": True,
            "id": str(key.pk),
            "name": "shop",
            "access": "standard",
            "status": "live",
            "expiry": None,
            "lastUsedAt": None,
            "revokedAt": None,
        }
        assert call(admin, "get", "users", headers={"apikey": text}).status_code == 200
        rows = listed(admin, "api-keys")
        assert len(rows) == 2
        assert text not in json.dumps(rows)
        assert text[-20:] not in repr(list(Event.objects.values()))

    def test_a_read_only_one_with_an_expiry(self, admin: Caller) -> None:
        ends = moments.now() + timedelta(days=1)
        terms = {"name": "board", "access": "read_only", "expiry": ends.isoformat()}
        text = call(admin, "post", "api-keys", json=terms).json()["apiKey"]
        reader = {"apikey": text}
        assert call(admin, "get", "users", headers=reader).status_code == 200
        answer = call(admin, "post", "users", json={"id": "u"}, headers=reader)
        assert refusal(answer) == (403, "key_read_only")
        with time_machine.travel(ends, tick=False):
            assert refusal(call(admin, "get", "users", headers=reader))[0] == 401
            (row,) = listed(admin, "api-keys", {"status": "expired"})
            assert (row["name"], row["status"]) == ("board", "expired")

    @pytest.mark.parametrize("who", ["admin", "superuser"])
    def test_no_superuser_key_is_issued_over_rest(
        self, who: str, request: pytest.FixtureRequest
    ) -> None:
        caller: Caller = request.getfixturevalue(who)
        before = ApiKey.objects.count()
        answer = call(caller, "post", "api-keys", json={"name": "x", "access": "superuser"})
        assert refusal(answer) == (403, "superuser_key")
        assert ApiKey.objects.count() == before

    def test_an_admin_gets_no_superuser_key_by_rotation(
        self, admin: Caller, superuser: Caller
    ) -> None:
        key = ApiKey.objects.get(access=KeyAccess.SUPERUSER)
        path = f"api-keys/{key.pk}/rotate"
        answer = call(admin, "post", path, json={"overlap": 60})
        assert refusal(answer) == (403, "superuser_key")
        assert call(superuser, "post", path, json={"overlap": 60}).json()["access"] == "superuser"

    @pytest.mark.parametrize(
        ("body", "field"), [*ISSUE_ERRORS, ({"name": "a", "access": "root"}, "access")]
    )
    def test_a_bad_field_is_named_and_nothing_is_issued(
        self, body: dict[str, Any], field: str, admin: Caller
    ) -> None:
        assert set(errors_of(call(admin, "post", "api-keys", json=body))) == {field}
        assert ApiKey.objects.count() == 1

    def test_the_key_of_the_call_is_rotated_with_an_overlap(self, admin: Caller) -> None:
        own = ApiKey.objects.get()
        answer = call(admin, "post", f"api-keys/{own.pk}/rotate", json={"overlap": 3600})
        body = answer.json()
        assert (answer.status_code, body["name"]) == (201, own.name)
        new = {"apikey": body["apiKey"]}
        assert call(admin, "get", "users").status_code == 200
        assert call(admin, "get", "users", headers=new).status_code == 200
        with time_machine.travel(moments.now() + timedelta(seconds=3601), tick=False):
            assert refusal(call(admin, "get", "users"))[0] == 401
            assert call(admin, "get", "users", headers=new).status_code == 200

    def test_without_an_overlap_the_old_key_ends_at_once(self, admin: Caller) -> None:
        own = ApiKey.objects.get()
        path = f"api-keys/{own.pk}/rotate"
        new = {"apikey": call(admin, "post", path, json={"overlap": 0}).json()["apiKey"]}
        assert refusal(call(admin, "get", "users"))[0] == 401
        again = call(admin, "post", path, json={"overlap": 0}, headers=new)
        assert refusal(again) == (409, "credential_revoked")

    @pytest.mark.parametrize("overlap", [None, -1, 30 * 86400 + 1, "60", 1.5, True, 10**30, [], {}])
    def test_a_wrong_overlap_rotates_nothing(self, overlap: object, admin: Caller) -> None:
        own = ApiKey.objects.get()
        body = {} if overlap is None else {"overlap": overlap}
        answer = call(admin, "post", f"api-keys/{own.pk}/rotate", json=body)
        assert set(errors_of(answer)) == {"overlap"}
        assert ApiKey.objects.get().expires_at is None

    def test_the_key_of_the_call_revokes_itself(self, admin: Caller) -> None:
        own = ApiKey.objects.get()
        other = ApiKeyFactory(entity=own.entity)
        assert call(admin, "delete", f"api-keys/{other.pk}").json() == {"success": True}
        again = call(admin, "delete", f"api-keys/{other.pk}")
        assert refusal(again) == (409, "credential_revoked")
        assert call(admin, "delete", f"api-keys/{own.pk}").json() == {"success": True}
        assert refusal(call(admin, "get", "users"))[0] == 401

    def test_a_key_of_another_entity_is_not_found(self, admin: Caller, foreigner: Caller) -> None:
        key = ApiKey.objects.get(entity=foreigner.membership.entity)
        assert refusal(call(admin, "delete", f"api-keys/{key.pk}")) == (404, "credential_not_found")
        answer = call(admin, "post", f"api-keys/{key.pk}/rotate", json={"overlap": 1})
        assert refusal(answer) == (404, "credential_not_found")
        assert refusal(call(admin, "delete", "api-keys/x")) == (404, "not_found")

    def test_the_list_is_filtered(self, admin: Caller, superuser: Caller) -> None:
        entity = admin.membership.entity
        now = moments.now()
        ApiKeyFactory(entity=entity, name="rocket", revoked_at=now)
        past = now - timedelta(days=2)
        ApiKeyFactory(entity=entity, name="old", created_at=past, expires_at=now - timedelta(1))

        def names(**query: str) -> set[str]:
            return {row["name"] for row in listed(superuser, "api-keys", query)}

        assert names(status="revoked") == {"rocket"}
        assert names(status="expired") == {"old"}
        assert names(status="live") == {"tests", "superuser"}
        assert names(status="suspended") == set()
        assert names(access="superuser") == {"superuser"}
        assert names(search="OCK") == {"rocket"}

    def test_those_of_an_entity_that_is_off_are_suspended(self, superuser: Caller) -> None:
        key = ApiKeyFactory(entity__off=True)
        path = f"/entities/{key.entity_id}/api-keys"
        (row,) = listed(superuser, path, {"status": "suspended"})
        assert row["status"] == "suspended"
        assert listed(superuser, path, {"status": "live"}) == []


class TestUserTokens:
    def test_one_is_issued_with_its_text_which_works_and_is_not_shown_again(
        self, admin: Caller, member: Caller
    ) -> None:
        made = call(admin, "post", user_tokens(member), json={"name": "phone"})
        body = made.json()
        assert made.status_code == 201
        text = body.pop("userToken")
        assert (body["name"], body["status"], body["expiry"]) == ("phone", "live", None)
        assert member.post(headers={"token": text}).status_code == 201
        rows = listed(admin, user_tokens(member))
        assert [row["name"] for row in rows] == ["phone", "tests"]
        assert text not in json.dumps(rows)

    def test_it_is_revoked_at_once(self, admin: Caller, member: Caller) -> None:
        token = UserToken.objects.get(user=member.membership.user)
        path = f"{user_tokens(member)}/{token.pk}"
        assert call(admin, "delete", path).json() == {"success": True}
        assert refusal(member.post()) == (401, "not_authenticated")
        assert refusal(call(admin, "delete", path)) == (409, "credential_revoked")
        assert listed(admin, user_tokens(member), {"status": "revoked"})[0]["revokedAt"]

    @pytest.mark.parametrize(("body", "field"), ISSUE_ERRORS)
    def test_a_bad_field_is_named_and_nothing_is_issued(
        self, body: dict[str, Any], field: str, admin: Caller, member: Caller
    ) -> None:
        assert set(errors_of(call(admin, "post", user_tokens(member), json=body))) == {field}
        assert UserToken.objects.filter(user=member.membership.user).count() == 1

    @pytest.mark.parametrize("state", ["live", "off"])
    def test_those_of_a_user_of_several_entities_are_not_an_admins(
        self, state: str, admin: Caller, member: Caller, superuser: Caller
    ) -> None:
        elsewhere = MembershipFactory(user=member.membership.user, off=state == "off")
        token = UserToken.objects.get(user=member.membership.user)
        calls: list[tuple[str, str, dict[str, Any]]] = [
            ("get", user_tokens(member), {}),
            ("post", user_tokens(member), {"json": {"name": "phone"}}),
            ("delete", f"{user_tokens(member)}/{token.pk}", {}),
        ]
        for method, path, kwargs in calls:
            answer = call(admin, method, path, **kwargs)
            assert refusal(answer) == (403, "user_shared")
            assert elsewhere.entity_id not in answer.content.decode()
        assert UserToken.objects.filter(user=member.membership.user).get().revoked_at is None
        for method, path, kwargs in calls:
            assert call(superuser, method, path, **kwargs).status_code in {200, 201}

    def test_a_token_of_another_user_is_not_found(self, admin: Caller, member: Caller) -> None:
        other = UserTokenFactory()
        answer = call(admin, "delete", f"{user_tokens(member)}/{other.pk}")
        assert refusal(answer) == (404, "credential_not_found")
        answer = call(admin, "get", f"users/{other.user_id}/user-tokens")
        assert refusal(answer) == (404, "user_not_found")

    def test_those_of_a_user_who_is_off_are_suspended(self, admin: Caller, member: Caller) -> None:
        User.objects.filter(pk=member.membership.user_id).update(is_active=False)
        (row,) = listed(admin, user_tokens(member), {"status": "suspended"})
        assert row["status"] == "suspended"
