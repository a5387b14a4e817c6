"""Factories make rows; services make tokens. Traits name the states."""

from __future__ import annotations

from datetime import timedelta

import factory
from factory.django import DjangoModelFactory

from entities import keys, moments
from entities.codec import new_id, new_nonce
from entities.models import (
    Action,
    ApiKey,
    AuthToken,
    Entity,
    Event,
    Membership,
    RevocationReason,
    Role,
    User,
    UserToken,
)
from entities.models.ids import new_entity_id, new_user_id


class EntityFactory(DjangoModelFactory[Entity]):
    id = factory.LazyFunction(new_entity_id)
    name = factory.Sequence("Entity {}".format)

    class Meta:
        model = Entity

    class Params:
        off = factory.Trait(is_active=False)


class UserFactory(DjangoModelFactory[User]):
    id = factory.LazyFunction(new_user_id)
    name = factory.Sequence("User {}".format)

    class Meta:
        model = User

    class Params:
        off = factory.Trait(is_active=False)


class MembershipFactory(DjangoModelFactory[Membership]):
    entity = factory.SubFactory(EntityFactory)
    user = factory.SubFactory(UserFactory)

    class Meta:
        model = Membership

    class Params:
        admin = factory.Trait(role=Role.ADMIN)
        off = factory.Trait(is_active=False)


class CredentialFactory(DjangoModelFactory):
    id = factory.LazyFunction(new_id)
    nonce = factory.LazyFunction(new_nonce)
    signing_key = factory.LazyFunction(lambda: keys.current_key().id)

    class Meta:
        abstract = True


class ApiKeyFactory(CredentialFactory):
    entity = factory.SubFactory(EntityFactory)
    name = factory.Sequence("App {}".format)

    class Meta:
        model = ApiKey


class UserTokenFactory(CredentialFactory):
    user = factory.SubFactory(UserFactory)
    name = factory.Sequence("Device {}".format)

    class Meta:
        model = UserToken


class AuthTokenFactory(CredentialFactory):
    membership = factory.SubFactory(MembershipFactory)
    epoch = factory.LazyAttribute(lambda token: token.membership.entity.token_epoch)
    lifetime = timedelta(days=30)
    issued_at = factory.LazyFunction(moments.now)
    created_at = factory.SelfAttribute("issued_at")
    expires_at = factory.LazyAttribute(lambda token: token.issued_at + token.lifetime)

    class Meta:
        model = AuthToken

    class Params:
        expired = factory.Trait(
            issued_at=factory.LazyFunction(lambda: moments.now() - timedelta(days=31))
        )
        revoked = factory.Trait(
            revoked_at=factory.LazyFunction(moments.now),
            revocation_reason=RevocationReason.STAFF,
        )


class EventFactory(DjangoModelFactory[Event]):
    action = Action.TOKEN_ISSUED
    actor_kind = "staff"
    actor_id = factory.Sequence(str)

    class Meta:
        model = Event
