"""A user whom an identity provider proved, and whom the entity does not have yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from entities.actors import Actor
from entities.exceptions import NotAuthenticatedError
from entities.models import Entity, KeyAccess, Membership, User
from entities.services import add_member, issue_api_key, revoke_api_key
from entities.verification import Presented, UserProof, verify_request
from tests.databases import connection
from tests.factories import EntityFactory, MembershipFactory, UserFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from entities.models import ApiKey

BY = Actor.command("tests")


class Admitting:
    """Proves whoever is named behind `word:`, and puts him where he is not."""

    def prove(self, presented: Presented) -> UserProof | None:
        _, found, user_id = presented.token.partition("word:")

        def admit(entity_id: str) -> None:
            add_member(entity=Entity.objects.get(pk=entity_id), user_id=user_id, by=BY)

        return UserProof(user_id, admit=admit) if found else None


@pytest.fixture(autouse=True)
def authenticators(settings: Any) -> None:
    settings.ENTITIES = {"USER_AUTHENTICATORS": [f"{__name__}.Admitting"]}


def new_key(entity: Entity, **terms: Any) -> tuple[ApiKey, str]:
    return issue_api_key(entity=entity, name="tests", by=BY, **terms)


def test_an_unknown_user_is_put_into_the_entity_of_the_api_key(
    entity: Entity, api_key: str, django_assert_num_queries: Any
) -> None:
    what = Presented(api_key, "alice", "word:alice", entity.pk)
    assert verify_request(what).user.id == "alice"
    assert Membership.objects.get().entity == entity
    with django_assert_num_queries(1):
        verify_request(replace(what, entity_id=None))


REFUSED: dict[str, Callable[[Presented, Entity], Presented]] = {
    "API key forged": lambda what, entity: replace(what, api_key=what.api_key[:-1]),
    "API key of another entity": lambda what, entity: replace(
        what, api_key=new_key(EntityFactory())[1]
    ),
    "API key revoked": lambda what, entity: replace(what, api_key=revoked(entity)),
    "API key reads only": lambda what, entity: replace(
        what, api_key=new_key(entity, access=KeyAccess.READ_ONLY)[1]
    ),
    "superuser API key, another entity": lambda what, entity: replace(
        what,
        api_key=new_key(entity, access=KeyAccess.SUPERUSER)[1],
        entity_id=EntityFactory().pk,
    ),
    "another user named": lambda what, entity: replace(what, user_id="bob"),
    "entity off": lambda what, entity: (
        Entity.objects.filter(pk=entity.pk).update(is_active=False),
        what,
    )[1],
}


def revoked(entity: Entity) -> str:
    key, text = new_key(entity)
    revoke_api_key(api_key=key, by=BY)
    return text


@pytest.mark.parametrize("spoil", REFUSED.values(), ids=REFUSED)
def test_nobody_is_put_anywhere_by_wrong_credentials(
    spoil: Callable[[Presented, Entity], Presented], entity: Entity, api_key: str
) -> None:
    what = spoil(Presented(api_key, "alice", "word:alice", entity.pk), entity)
    with pytest.raises(NotAuthenticatedError):
        verify_request(what)
    assert (User.objects.count(), Membership.objects.count()) == (0, 0)


def test_whoever_was_switched_off_stays_so(entity: Entity, api_key: str) -> None:
    MembershipFactory(entity=entity, user__id="alice", is_active=False)
    UserFactory(id="bob", is_active=False)
    for user_id in ("alice", "bob"):
        with pytest.raises(NotAuthenticatedError):
            verify_request(Presented(api_key, user_id, f"word:{user_id}", entity.pk))
    assert Membership.objects.count() == 1
    assert not Membership.objects.get().is_active


def test_who_was_put_there_meanwhile_by_another_first_request_gets_in(
    entity: Entity, api_key: str
) -> None:
    asked = iter([True])

    def once(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if "entities_apikey" in sql and "entities_membership" not in sql and next(asked, False):
            add_member(entity=entity, user_id="alice", by=BY)
        return execute(sql, *rest)

    with connection.execute_wrapper(once):
        assert verify_request(Presented(api_key, "alice", "word:alice", entity.pk))
    assert Membership.objects.count() == 1
