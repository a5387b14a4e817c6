"""The users of an entity over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from entities.models import AuthToken, Event, Membership, User
from tests.api.hostile import refusal
from tests.api.rest import call, errors_of, listed
from tests.conftest import caller_of
from tests.factories import AuthTokenFactory, MembershipFactory, UserFactory

if TYPE_CHECKING:
    from tests.conftest import Caller


def of(caller: Caller) -> str:
    return "users/" + quote(caller.membership.user_id, safe="")


class TestAdding:
    def test_a_new_user_is_made_and_an_existing_one_taken(self, admin: Caller) -> None:
        UserFactory(id="ada@example.com", name="Ada")
        for id, name in (("auth0|new", "New"), ("ada@example.com", "Ada")):
            made = call(admin, "post", "users", json={"id": id, "role": "member", "name": "New"})
            body = made.json()
            assert made.status_code == 201
            created_at = body.pop("createdAt")
            assert body == {
                "success": True,
                "id": id,
                "name": name,
                "role": "member",
                "isActive": True,
            }
            got = call(admin, "get", f"users/{quote(id, safe='')}").json()
            assert got == body | {"createdAt": created_at}

    def test_a_user_who_is_in_it_already_is_a_conflict(self, admin: Caller, member: Caller) -> None:
        body = {"id": member.membership.user_id, "role": "admin"}
        assert refusal(call(admin, "post", "users", json=body)) == (409, "user_exists")
        assert Membership.objects.get(pk=member.membership.pk).role == "member"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "id"),
            ({"id": "a/b"}, "id"),
            ({"id": " a"}, "id"),
            ({"id": ".."}, "id"),
            ({"id": None}, "id"),
            ({"id": ["a"]}, "id"),
            ({"id": "a", "role": "owner"}, "role"),
            ({"id": "a", "role": None}, "role"),
            ({"id": "a", "name": 1}, "name"),
            ({"id": "a", "rule": "admin"}, "rule"),
        ],
    )
    def test_a_bad_field_is_named_and_nobody_is_added(
        self, body: dict[str, Any], field: str, admin: Caller
    ) -> None:
        assert set(errors_of(call(admin, "post", "users", json=body))) == {field}
        assert (User.objects.count(), Membership.objects.count()) == (1, 1)


class TestRoles:
    def test_a_role_is_changed_and_counts_at_once(self, admin: Caller, member: Caller) -> None:
        answer = call(admin, "patch", of(member), json={"role": "admin"})
        assert (answer.status_code, answer.json()["role"]) == (200, "admin")
        assert call(member, "get", "users").status_code == 200
        call(admin, "patch", of(member), json={"role": "member"})
        assert refusal(call(member, "get", "users")) == (403, "permission_denied")
        roles = Event.objects.filter(action="member_updated").order_by("id")
        assert [event.details["changes"]["role"] for event in roles] == [
            ["member", "admin"],
            ["admin", "member"],
        ]

    @pytest.mark.parametrize("body", [{}, {"role": "owner"}, {"role": 1}, {"rule": "admin"}])
    def test_a_bad_role_changes_nothing(
        self, body: dict[str, Any], admin: Caller, member: Caller
    ) -> None:
        assert errors_of(call(admin, "patch", of(member), json=body))
        assert Membership.objects.get(pk=member.membership.pk).role == "member"

    @pytest.mark.parametrize("method", ["patch", "delete"])
    @pytest.mark.parametrize("others", ["none", "member", "off", "user off"])
    def test_the_last_active_admin_stays(
        self, others: str, method: str, admin: Caller, member: Caller
    ) -> None:
        entity = admin.membership.entity
        if others == "off":
            MembershipFactory(entity=entity, admin=True, off=True)
        if others == "user off":
            MembershipFactory(entity=entity, admin=True, user__off=True)
        body = {"json": {"role": "member"}} if method == "patch" else {}
        assert refusal(call(admin, method, of(admin), **body)) == (409, "last_admin")
        assert Membership.objects.get(pk=admin.membership.pk).role == "admin"

    @pytest.mark.parametrize("method", ["patch", "delete"])
    def test_with_another_one_an_admin_may_go(
        self, method: str, admin: Caller, entity: Any, api_key: str
    ) -> None:
        other = caller_of(MembershipFactory(entity=entity, admin=True), api_key)
        body = {"json": {"role": "member"}} if method == "patch" else {}
        assert call(admin, method, of(admin), **body).status_code == 200
        assert refusal(call(other, method, of(other), **body)) == (409, "last_admin")

    def test_a_superuser_may_remove_the_last_one(self, superuser: Caller) -> None:
        there = MembershipFactory(admin=True)
        path = f"/entities/{there.entity_id}/users/{there.user_id}"
        assert call(superuser, "patch", path, json={"role": "member"}).status_code == 200
        Membership.objects.filter(pk=there.pk).update(role="admin")
        assert call(superuser, "delete", path).status_code == 200


class TestRemoving:
    def test_the_token_dies_and_the_rows_go_but_the_events_stay(
        self, admin: Caller, member: Caller
    ) -> None:
        user_id = member.membership.user_id
        text = member.post(json={"flags": ["a"]}).json()["authenticationToken"]
        AuthTokenFactory(membership=member.membership, revoked=True)
        assert call(admin, "delete", of(member)).json() == {"success": True}
        assert refusal(member.get(headers={"token": text})) == (401, "not_authenticated")
        assert not AuthToken.objects.exists()
        assert not Membership.objects.filter(user=user_id).exists()
        assert User.objects.filter(pk=user_id).exists()
        actions = Event.objects.filter(entity_id=admin.membership.entity_id, user_id=user_id)
        assert list(actions.order_by("id").values_list("action", flat=True)) == [
            "token_issued",
            "token_revoked",
            "member_removed",
        ]
        assert refusal(call(admin, "delete", of(member))) == (404, "user_not_found")

    def test_an_expired_token_is_revoked_in_the_record_too(
        self, admin: Caller, member: Caller
    ) -> None:
        AuthTokenFactory(membership=member.membership, expired=True)
        call(admin, "delete", of(member))
        assert Event.objects.filter(action="token_revoked").count() == 1

    def test_a_user_in_other_entities_stays_there(self, admin: Caller, member: Caller) -> None:
        elsewhere = AuthTokenFactory(membership__user=member.membership.user)
        call(admin, "delete", of(member))
        assert AuthToken.objects.get() == elsewhere
        assert elsewhere.revoked_at is None

    def test_a_user_of_another_entity_is_not_found(self, admin: Caller, foreigner: Caller) -> None:
        for method, body in (("get", {}), ("delete", {}), ("patch", {"json": {"role": "admin"}})):
            assert refusal(call(admin, method, of(foreigner), **body)) == (404, "user_not_found")


def test_the_list_is_filtered(admin: Caller) -> None:
    entity = admin.membership.entity
    MembershipFactory(entity=entity, user__id="rocket", user__name="Ada")
    MembershipFactory(entity=entity, user__id="off", user__name="Rocketeer", off=True)
    MembershipFactory(entity=entity, user__id="user-off", user__off=True)

    def ids(**query: str) -> list[str]:
        return [row["id"] for row in listed(admin, "users", query)]

    assert ids() == ["user-off", "off", "rocket", admin.membership.user_id]
    assert ids(role="admin") == [admin.membership.user_id]
    assert ids(active="false") == ["user-off", "off"]
    assert ids(active="true") == ["rocket", admin.membership.user_id]
    assert ids(search="ROCKET") == ["off", "rocket"]
    assert ids(search="100%") == []
    assert [row["isActive"] for row in listed(admin, "users")] == [False, False, True, True]
