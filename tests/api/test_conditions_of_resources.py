"""ETag, If-None-Match and If-Match of an entity, and of a user in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from entities.models import Entity, Membership, User
from tests.api.hostile import refusal
from tests.api.rest import call
from tests.factories import MembershipFactory

if TYPE_CHECKING:
    from tests.conftest import Caller

CHANGED = (412, "precondition_failed")


@pytest.fixture(params=["entity", "user"])
def thing(request: pytest.FixtureRequest, superuser: Caller) -> tuple[str, Any, Any]:
    """Path of a thing, a body that changes it, and its row."""
    entity = superuser.membership.entity
    if request.param == "entity":
        return "", {"name": "New"}, Entity.objects.filter(pk=entity.pk)
    member = MembershipFactory(entity=entity)
    rows = Membership.objects.filter(pk=member.pk)
    return f"users/{member.user_id}", {"role": "admin"}, rows


def test_every_answer_about_it_has_the_tag_of_what_it_shows(
    superuser: Caller, thing: tuple[str, Any, Any]
) -> None:
    path, change, _ = thing
    before = call(superuser, "get", path).headers["ETag"]
    assert call(superuser, "get", path).headers["ETag"] == before
    changed = call(superuser, "patch", path, json=change)
    assert changed.headers["ETag"] != before
    assert call(superuser, "get", path).headers["ETag"] == changed.headers["ETag"]
    assert call(superuser, "patch", path, json=change).headers["ETag"] == changed.headers["ETag"]


@pytest.mark.parametrize(("path", "body"), [("users", {"id": "ada"}), ("/entities", {"id": "ada"})])
def test_what_is_made_has_the_tag_that_a_get_shows(superuser: Caller, path: str, body: Any) -> None:
    made = call(superuser, "post", path, json=body)
    assert made.status_code == 201
    found = call(superuser, "get", "users/ada" if path == "users" else "/entities/ada")
    assert found.headers["ETag"] == made.headers["ETag"]


def test_nothing_new_is_a_304(superuser: Caller, thing: tuple[str, Any, Any]) -> None:
    path, change, _ = thing
    known = {"If-None-Match": call(superuser, "get", path).headers["ETag"]}
    answer = call(superuser, "get", path, headers=known)
    assert (answer.status_code, answer.content) == (304, b"")
    call(superuser, "patch", path, json=change)
    assert call(superuser, "get", path, headers=known).status_code == 200


def test_a_change_of_what_somebody_has_changed_is_refused(
    superuser: Caller, thing: tuple[str, Any, Any]
) -> None:
    path, change, rows = thing
    seen = {"If-Match": call(superuser, "get", path).headers["ETag"]}
    assert call(superuser, "get", path, headers=seen).status_code == 200
    changed = call(superuser, "patch", path, json=change, headers=seen)
    assert changed.status_code == 200

    before = rows.values().get()
    back = {"name": "Old"} if path == "" else {"role": "member"}
    assert refusal(call(superuser, "get", path, headers=seen)) == CHANGED
    assert refusal(call(superuser, "patch", path, json=back, headers=seen)) == CHANGED
    assert refusal(call(superuser, "delete", path, headers=seen)) == CHANGED
    assert rows.values().get() == before

    current = {"If-Match": changed.headers["ETag"]}
    assert call(superuser, "delete", path, headers=current).status_code == 200


def test_a_malformed_condition_changes_nothing(
    superuser: Caller, thing: tuple[str, Any, Any]
) -> None:
    path, change, rows = thing
    before = rows.values().get()
    for method in ("get", "patch", "delete"):
        body = {"json": change} if method == "patch" else {}
        answer = call(superuser, method, path, headers={"If-Match": "x"}, **body)
        assert refusal(answer) == (400, "validation_error")
    assert rows.values().get() == before


def test_another_name_of_the_user_is_news_and_no_change_of_the_membership(
    superuser: Caller,
) -> None:
    member = MembershipFactory(entity=superuser.membership.entity)
    path = f"users/{member.user_id}"
    seen = call(superuser, "get", path).headers["ETag"]
    User.objects.filter(pk=member.user_id).update(name="Another")
    assert call(superuser, "get", path, headers={"If-None-Match": seen}).status_code == 200
    answer = call(superuser, "patch", path, json={"role": "admin"}, headers={"If-Match": seen})
    assert answer.status_code == 200


def test_a_user_who_was_removed_and_added_again_is_another(superuser: Caller) -> None:
    first = call(superuser, "post", "users", json={"id": "ada"})
    call(superuser, "delete", "users/ada")
    call(superuser, "post", "users", json={"id": "ada"})
    seen = {"If-Match": first.headers["ETag"]}
    assert refusal(call(superuser, "delete", "users/ada", headers=seen)) == CHANGED
