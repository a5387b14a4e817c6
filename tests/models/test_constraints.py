"""What must never be is refused by the database, whoever writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from entities import moments
from entities.models import Entity, Membership, User
from tests.factories import (
    ApiKeyFactory,
    AuthTokenFactory,
    EntityFactory,
    MembershipFactory,
    UserFactory,
    UserTokenFactory,
)

pytestmark = pytest.mark.django_db

NOW = moments.now()


@pytest.mark.parametrize(
    ("factory", "facts", "constraint"),
    [
        (EntityFactory, {"id": ""}, "entities_entity_id_not_empty"),
        (UserFactory, {"id": ""}, "entities_user_id_not_empty"),
        (
            EntityFactory,
            {"default_lifetime": timedelta(days=2), "max_lifetime": timedelta(days=1)},
            "entities_entity_lifetimes_in_order",
        ),
        (
            EntityFactory,
            {"default_lifetime": timedelta(0)},
            "entities_entity_lifetimes_in_order",
        ),
        (
            EntityFactory,
            {"max_lifetime": timedelta(days=36525, microseconds=1)},
            "entities_entity_lifetimes_in_order",
        ),
        (MembershipFactory, {"role": "owner"}, "entities_membership_role_known"),
        (
            ApiKeyFactory,
            {"created_at": NOW, "expires_at": NOW},
            "entities_apikey_expires_after_issue",
        ),
        (ApiKeyFactory, {"access": "root"}, "entities_apikey_access_known"),
        (
            UserTokenFactory,
            {"created_at": NOW, "expires_at": NOW},
            "entities_usertoken_expires_after_issue",
        ),
        (
            AuthTokenFactory,
            {"issued_at": NOW, "expires_at": NOW},
            "entities_authtoken_expires_after_issue",
        ),
        (AuthTokenFactory, {"revoked_at": NOW}, "entities_authtoken_reason_when_revoked"),
        (
            AuthTokenFactory,
            {"revocation_reason": "staff"},
            "entities_authtoken_reason_when_revoked",
        ),
        (
            AuthTokenFactory,
            {"previous_nonce": b"n" * 12},
            "entities_authtoken_previous_complete",
        ),
    ],
)
def test_the_database_refuses(factory: Any, facts: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        factory(**facts)


def test_two_unrevoked_tokens_of_a_membership_cannot_be() -> None:
    token = AuthTokenFactory(expired=True)
    with pytest.raises(IntegrityError, match=r"membership|one_unrevoked"):
        AuthTokenFactory(membership=token.membership)


def test_any_number_of_revoked_tokens_can_stand_beside_one() -> None:
    token = AuthTokenFactory()
    AuthTokenFactory.create_batch(2, membership=token.membership, revoked=True)
    assert token.membership.auth_tokens.count() == 3


def test_a_user_is_in_an_entity_once() -> None:
    membership = MembershipFactory()
    with pytest.raises(IntegrityError):
        Membership.objects.create(entity=membership.entity, user=membership.user)


@pytest.mark.parametrize("model", [Entity, User])
def test_nobody_with_tokens_is_deleted_by_accident(model: type[Entity | User]) -> None:
    token = AuthTokenFactory()
    owner = token.membership.entity if model is Entity else token.membership.user
    with pytest.raises(IntegrityError):
        owner.delete()
