"""Users whom the provider knows and an entity does not: refused, or members where that is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from entities.exceptions import NotAuthenticatedError
from entities.models import Event, KeyAccess, Membership, Role, User
from entities.services import issue_api_key, issue_user_token, revoke_user_token
from entities.signals import member_added, user_created
from entities.verification import Presented, verify_request
from tests.api.test_concurrency import at_once
from tests.conftest import BY
from tests.factories import EntityFactory, MembershipFactory, UserFactory

if TYPE_CHECKING:
    from entities.models import Entity
    from entities.verification import Principal
    from tests.identity.provider import IdentityProvider


@pytest.fixture(autouse=True)
def configured(provider: IdentityProvider, settings: Any) -> None:
    settings.ENTITIES = provider.settings(JWT_CREATE_USERS=True)


@pytest.fixture
def what(entity: Entity, api_key: str, provider: IdentityProvider) -> Presented:
    return Presented(api_key, "alice", provider.token(), entity.pk)


def key_of(entity: Entity, access: str = KeyAccess.STANDARD) -> str:
    return issue_api_key(entity=entity, name="x", by=BY, access=access)[1]


def people() -> tuple[int, int]:
    return User.objects.count(), Membership.objects.count()


def test_unknown_users_are_refused_unless_it_is_set(what: Presented, settings: Any) -> None:
    del settings.ENTITIES["JWT_CREATE_USERS"]
    with pytest.raises(NotAuthenticatedError):
        verify_request(what)
    assert people() == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_an_unknown_user_becomes_a_member_and_is_recorded_and_told_of(
    what: Presented, entity: Entity, django_assert_num_queries: Any
) -> None:
    heard: list[object] = []

    def hear(signal: object, **facts: Any) -> None:
        heard.append(signal)

    for signal in (user_created, member_added):
        signal.connect(hear)
    try:
        principal = verify_request(what)
    finally:
        for signal in (user_created, member_added):
            signal.disconnect(hear)
    membership = Membership.objects.get()
    assert (membership.entity, membership.user_id, membership.role) == (
        entity,
        "alice",
        Role.MEMBER,
    )
    assert (principal.membership_id, principal.is_admin) == (membership.pk, False)
    assert heard == [user_created, member_added]
    events = Event.objects.filter(user_id="alice").order_by("at")
    assert [(event.action, event.actor_kind, event.actor_id) for event in events] == [
        ("user_created", "command", "identity provider"),
        ("member_added", "command", "identity provider"),
    ]
    with django_assert_num_queries(1):
        verify_request(what)


@pytest.mark.django_db(transaction=True)
def test_of_many_first_requests_at_once_all_succeed(what: Presented) -> None:
    answers: list[Principal] = at_once(*[lambda: verify_request(what)] * 8)  # type: ignore[list-item,assignment]
    assert {answer.user.id for answer in answers} == {"alice"}
    assert people() == (1, 1)


def test_a_user_of_another_entity_joins_and_stays_what_he_is_there(
    what: Presented, entity: Entity
) -> None:
    there = MembershipFactory(user__id="alice", user__name="Alice", admin=True)
    assert verify_request(what).user.name == "Alice"
    there.refresh_from_db()
    assert there.role == Role.ADMIN
    assert Membership.objects.get(entity=entity).role == Role.MEMBER


def test_who_holds_a_user_token_of_elsewhere_is_not_let_in_by_it(
    what: Presented, entity: Entity
) -> None:
    """Whoever issued it before the user came would get into this entity by it."""
    there = MembershipFactory(user__id="alice")
    token, _text = issue_user_token(user=there.user, name="in wait", by=BY)
    with pytest.raises(NotAuthenticatedError):
        verify_request(what)
    assert not Membership.objects.filter(entity=entity).exists()
    revoke_user_token(token=token, by=BY)
    assert verify_request(what)


def test_whoever_was_switched_off_stays_so(what: Presented, entity: Entity) -> None:
    membership = MembershipFactory(entity=entity, user__id="alice", off=True)
    with pytest.raises(NotAuthenticatedError):
        verify_request(what)
    membership.refresh_from_db()
    assert not membership.is_active


def test_a_user_who_is_off_joins_nothing(what: Presented) -> None:
    UserFactory(id="alice", off=True)
    with pytest.raises(NotAuthenticatedError):
        verify_request(what)
    assert people() == (1, 0)


def test_nobody_joins_by_a_wrong_key_a_reading_key_or_for_another(
    what: Presented, entity: Entity, provider: IdentityProvider
) -> None:
    other = EntityFactory()
    for wrong in (
        Presented("ek_forged", "alice", what.token, entity.pk),
        Presented(key_of(other), "alice", what.token, entity.pk),
        Presented(key_of(entity, KeyAccess.READ_ONLY), "alice", what.token, entity.pk),
        Presented(key_of(other, KeyAccess.SUPERUSER), "alice", what.token, entity.pk),
        Presented(what.api_key, "bob", what.token, entity.pk),
        Presented(what.api_key, "alice", provider.token(exp=1), entity.pk),
    ):
        with pytest.raises(NotAuthenticatedError):
            verify_request(wrong)
    assert people() == (0, 0)


def test_nobody_joins_an_entity_that_the_token_does_not_name(
    what: Presented, entity: Entity, provider: IdentityProvider, settings: Any
) -> None:
    settings.ENTITIES |= {"JWT_ENTITY_CLAIM": "org"}
    other = Presented(what.api_key, "alice", provider.token(org="e-other"), entity.pk)
    with pytest.raises(NotAuthenticatedError):
        verify_request(other)
    assert people() == (0, 0)
    named = Presented(what.api_key, "alice", provider.token(org=entity.pk), None)
    assert verify_request(named).entity_id == entity.pk
