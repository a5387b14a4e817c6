"""Entities over REST: their policy for their admins, all else for superusers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from entities.models import Entity, Event, Membership
from tests.api.hostile import refusal
from tests.api.rest import call, errors_of, listed
from tests.factories import EntityFactory, MembershipFactory

if TYPE_CHECKING:
    from tests.conftest import Caller

DAY = 86400


def test_an_entity_is_created_with_defaults_or_with_all(superuser: Caller) -> None:
    made = call(superuser, "post", "/entities", json={})
    body = made.json()
    assert made.status_code == 201
    assert body.pop("id").startswith("e-")
    assert body.pop("createdAt").endswith("Z")
    assert body == {
        "success": True,
        "name": "",
        "isActive": True,
        "defaultLifetime": 30 * DAY,
        "maxLifetime": 365 * DAY,
        "restrictedFlags": [],
        "allowedOrigins": [],
    }
    everything = {
        "id": "acme",
        "name": "Acme",
        "defaultLifetime": 60,
        "maxLifetime": 120,
        "restrictedFlags": ["billing"],
        "allowedOrigins": ["https://app.example.com"],
    }
    body = call(superuser, "post", "/entities", json=everything).json()
    assert everything.items() <= body.items()
    assert body == call(superuser, "get", "/entities/acme").json()
    event = Event.objects.get(entity_id="acme")
    assert (event.action, event.actor_id) == ("entity_created", superuser.membership.user_id)


def test_an_id_that_is_taken_is_a_conflict(superuser: Caller) -> None:
    taken = superuser.membership.entity_id
    answer = call(superuser, "post", "/entities", json={"id": taken, "name": "Mine"})
    assert refusal(answer) == (409, "entity_exists")
    assert set(answer.json()["errors"]) == {"id"}
    assert Entity.objects.get().name != "Mine"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"id": "a/b"}, "id"),
    ({"id": ""}, "id"),
    ({"id": "x" * 129}, "id"),
    ({"id": 1}, "id"),
    ({"name": "x" * 201}, "name"),
    ({"name": "\0"}, "name"),
    ({"name": None}, "name"),
    ({"defaultLifetime": 0}, "defaultLifetime"),
    ({"defaultLifetime": True}, "defaultLifetime"),
    ({"defaultLifetime": "60"}, "defaultLifetime"),
    ({"defaultLifetime": 366 * DAY}, "defaultLifetime"),
    ({"maxLifetime": 60}, "defaultLifetime"),
    ({"maxLifetime": 36526 * DAY}, "maxLifetime"),
    ({"maxLifetime": 10**40}, "maxLifetime"),
    ({"maxLifetime": 1.5}, "maxLifetime"),
    ({"restrictedFlags": ["a b"]}, "restrictedFlags"),
    ({"restrictedFlags": "a"}, "restrictedFlags"),
    ({"allowedOrigins": ["https://app.example.com/"]}, "allowedOrigins"),
    ({"allowedOrigins": [None]}, "allowedOrigins"),
    ({"isactive": True}, "isactive"),
    ({"tokenEpoch": 7}, "tokenEpoch"),
]


@pytest.mark.parametrize(("body", "field"), BAD)
def test_a_bad_field_is_named_and_nothing_is_created_or_changed(
    body: dict[str, Any], field: str, superuser: Caller
) -> None:
    before = list(Entity.objects.values())
    assert set(errors_of(call(superuser, "post", "/entities", json=body))) == {field}
    if field != "id":
        assert set(errors_of(call(superuser, "patch", "", json=body))) == {field}
    assert list(Entity.objects.values()) == before


def test_an_admin_changes_the_policy_field_by_field(admin: Caller) -> None:
    before = call(admin, "get", "").json()
    after = call(admin, "patch", "", json={"maxLifetime": 40 * DAY}).json()
    assert after == before | {"maxLifetime": 40 * DAY}
    after = call(admin, "patch", "", json={"restrictedFlags": ["root"], "name": "New"}).json()
    assert after == call(admin, "get", "").json()
    assert (after["restrictedFlags"], after["maxLifetime"]) == (["root"], 40 * DAY)
    assert refusal(admin.post(json={"expiry": "2999-01-01T00:00:00Z"}))[0] == 400
    assert refusal(call(admin, "patch", "", json={})) == (400, "nothing_to_change")


@pytest.mark.parametrize("value", [True, False])
def test_an_admin_does_not_switch_the_own_entity(value: bool, admin: Caller) -> None:
    answer = call(admin, "patch", "", json={"isActive": value, "name": "New"})
    assert refusal(answer) == (403, "permission_denied")
    assert Entity.objects.get().name != "New"


def test_an_entity_is_deactivated_and_brought_back(superuser: Caller) -> None:
    other = MembershipFactory().entity_id
    path = f"/entities/{other}"
    assert call(superuser, "delete", path).json() == {"success": True}
    assert call(superuser, "get", path).json()["isActive"] is False
    assert Membership.objects.filter(entity=other).count() == 1
    assert call(superuser, "patch", path, json={"isActive": True}).json()["isActive"] is True
    changes = [event.details["changes"] for event in Event.objects.filter(entity_id=other)]
    assert changes == [{"is_active": [True, False]}, {"is_active": [False, True]}]


def test_a_change_writes_no_other_column(superuser: Caller) -> None:
    Entity.objects.update(token_epoch=7, max_lifetime=timedelta(days=99))
    call(superuser, "patch", "", json={"name": "New"})
    facts = Entity.objects.values_list("name", "token_epoch", "max_lifetime").get()
    assert facts == ("New", 7, timedelta(days=99))


def test_the_list_is_filtered_and_ordered(superuser: Caller) -> None:
    home = superuser.membership.entity_id
    EntityFactory(id="off", name="Rocket", off=True)
    EntityFactory(id="on", name="Rocket fuel")

    def ids(**query: str) -> list[str]:
        return [row["id"] for row in listed(superuser, "/entities", query)]

    assert ids() == ["on", "off", home]
    assert ids(active="false") == ["off"]
    assert ids(active="true") == ["on", home]
    assert ids(search="ROCK") == ["on", "off"]
    assert ids(ordering="id") == sorted(ids())
