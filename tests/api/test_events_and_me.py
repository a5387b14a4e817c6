"""What happened in an entity, and who one is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from entities.models import ApiKey, AuthToken, Event, KeyAccess, UserToken
from tests.api.hostile import refusal
from tests.api.rest import call, errors_of, listed
from tests.conftest import with_key
from tests.factories import EventFactory

if TYPE_CHECKING:
    from tests.conftest import Caller

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


class TestEvents:
    def test_a_call_is_listed_as_it_was_recorded(self, admin: Caller, member: Caller) -> None:
        admin.post(of=member.membership, headers={"X-Request-ID": "r-1"}, json={"flags": ["a"]})
        (row,) = listed(admin, "events", {"action": "token_issued"})
        event = Event.objects.get(action="token_issued")
        user = admin.membership.user
        assert row.pop("at").endswith("Z")
        assert row == {
            "id": event.pk,
            "action": "token_issued",
            "user": member.membership.user_id,
            "credential": str(AuthToken.objects.get().pk),
            "actorKind": "user",
            "actorId": user.id,
            "actorName": user.name,
            "apiKey": str(ApiKey.objects.get().pk),
            "application": "tests",
            "requestId": "r-1",
            "clientAddress": "127.0.0.1",
            "details": event.details,
        }

    def test_they_are_filtered(self, admin: Caller, foreigner: Caller) -> None:
        here = admin.membership.entity_id
        Event.objects.filter(entity_id=here).prune(before=NOW + timedelta(days=9999))
        made: list[dict[str, Any]] = [
            {"action": "member_added", "user_id": "ada", "at": NOW},
            {"action": "token_issued", "user_id": "ada", "at": NOW + timedelta(hours=1)},
            {"action": "token_issued", "user_id": "eve", "at": NOW - timedelta(hours=1)},
        ]
        ids = [
            EventFactory(entity_id=here, actor_id=f"x{n}", **facts).pk
            for n, facts in enumerate(made)
        ]
        EventFactory(entity_id=foreigner.membership.entity_id, user_id="ada")

        def found(**query: Any) -> list[int]:
            return [ids.index(row["id"]) for row in listed(admin, "events", query | {"limit": 1})]

        at = NOW.isoformat().replace("+00:00", "Z")
        assert found() == [1, 0, 2]
        assert found(ordering="id") == [0, 1, 2]
        assert found(action="token_issued") == [1, 2]
        assert found(user="ada") == [1, 0]
        assert found(actor="x1") == [1]
        assert found(atBefore=at) == [2]
        assert found(atAfter=at) == [1, 0]
        assert found(atAfter=at, ordering="at") == [0, 1]
        assert found(credential="00000000-0000-0000-0000-000000000000") == []

    @pytest.mark.parametrize(
        ("name", "value"), [("action", "x"), ("credential", "x"), ("atAfter", "x"), ("before", "x")]
    )
    def test_a_wrong_filter_is_named(self, name: str, value: str, admin: Caller) -> None:
        assert set(errors_of(call(admin, "get", "events", query_params={name: value}))) == {name}


class TestMe:
    def test_a_user_token(self, member: Caller) -> None:
        key, user = ApiKey.objects.get(), member.membership.user
        entity = member.membership.entity
        assert call(member, "get", "/me").json() == {
            "success": True,
            "entity": {"id": entity.pk, "name": entity.name},
            "user": {"id": user.pk, "name": user.name},
            "role": "member",
            "apiKey": {"id": str(key.pk), "name": "tests", "access": "standard"},
            "superuser": False,
            "proof": "user_token",
            "flags": None,
            "expiry": None,
        }

    def test_an_authentication_token_and_its_flags(self, admin: Caller) -> None:
        made = admin.post(json={"flags": ["b", "a"]}).json()
        me = call(admin, "get", "/me", headers={"token": made["authenticationToken"]}).json()
        assert (me["role"], me["proof"], me["flags"], me["expiry"]) == (
            "admin",
            "authentication_token",
            ["a", "b"],
            made["expiry"],
        )

    def test_a_user_token_that_ends(self, member: Caller) -> None:
        ends = datetime(2999, 1, 1, tzinfo=UTC)
        UserToken.objects.update(expires_at=ends)
        assert call(member, "get", "/me").json()["expiry"] == "2999-01-01T00:00:00Z"

    @pytest.mark.parametrize(
        ("access", "superuser"), [("read_only", False), ("superuser", True), ("standard", False)]
    )
    def test_the_access_of_the_key(self, access: str, superuser: bool, admin: Caller) -> None:
        me = call(with_key(admin, KeyAccess(access)), "get", "/me").json()
        assert (me["apiKey"]["access"], me["superuser"]) == (access, superuser)

    def test_a_plain_member_with_a_superuser_key_is_none(self, member: Caller) -> None:
        me = call(with_key(member, KeyAccess.SUPERUSER), "get", "/me").json()
        assert (me["apiKey"]["access"], me["superuser"]) == ("superuser", False)

    def test_nobody_is_a_401_and_nothing_is_below_it(self, member: Caller) -> None:
        assert refusal(call(member, "get", "/me", headers={"token": "x"}))[0] == 401
        assert refusal(call(member, "post", "/me", json={}))[0] == 405
        assert refusal(call(member, "get", "/me/")) == (404, "not_found")

    def test_what_clients_in_use_send_besides_breaks_nothing(self, member: Caller) -> None:
        assert call(member, "get", "/me", query_params={"userId": "u"}).status_code == 200
