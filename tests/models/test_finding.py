"""The membership of a path, as the ORM finds it, and quicker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db.models import Model

from entities.models import Membership
from entities.models.finding import find_membership
from entities.services import refresh_token, revoke_token
from tests.factories import EntityFactory, MembershipFactory, UserFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Caller


def columns(instance: Model | None) -> dict[str, Any] | None:
    """Give all columns of a row, none of which may be deferred."""
    if instance is None:
        return None
    assert not instance.get_deferred_fields()
    state = (instance._state.adding, instance._state.db)
    return {
        field.attname: vars(instance)[field.attname] for field in instance._meta.concrete_fields
    } | {"state": state}


LIVES: dict[str, Callable[[Caller], object]] = {
    "no token": lambda caller: None,
    "a token": lambda caller: caller.post(json={"flags": ["a", "b"]}),
    "a refreshed token": lambda caller: (
        caller.post(),
        refresh_token(membership=caller.membership, by=caller.actor),
    ),
    "a revoked token": lambda caller: (
        caller.post(),
        revoke_token(membership=caller.membership, by=caller.actor),
    ),
    "a revoked token and another": lambda caller: (caller.post(), caller.delete(), caller.post()),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("live", LIVES.values(), ids=LIVES)
def test_it_is_what_the_orm_finds(
    live: Callable[[Caller], object], member: Caller, django_assert_num_queries: Any
) -> None:
    MembershipFactory(user=member.membership.user)
    live(member)
    path = {"entity_id": member.membership.entity_id, "user_id": member.membership.user_id}
    expected = Membership.objects.with_token().get(**path)
    with django_assert_num_queries(1):
        found = find_membership(**path)
        token = found.current_token
        assert found.had_token is expected.had_token
        assert columns(found) == columns(expected)
        assert columns(found.entity) == columns(expected.entity)
        assert columns(found.user) == columns(expected.user)
        assert columns(token) == columns(expected.current_token)
        assert token is None or token.membership is found


def test_where_there_is_none_it_says_so(db: None) -> None:
    MembershipFactory(entity__id="e-one", user__id="u-one")
    EntityFactory(id="e-two")
    UserFactory(id="u-two")
    for entity_id, user_id in (("e-one", "u-two"), ("e-two", "u-one"), ("", "")):
        with pytest.raises(Membership.DoesNotExist):
            find_membership(entity_id=entity_id, user_id=user_id)
