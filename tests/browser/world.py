"""An entity with people and tokens in every state, for the pages to show."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth import get_user_model

from entities import moments
from entities.actors import Actor, Origin
from entities.models import Entity, StaffLimit
from entities.services import (
    issue_api_key,
    issue_token,
    issue_user_token,
    limit_staff,
    revoke_token,
)
from tests.factories import AuthTokenFactory, EntityFactory, MembershipFactory, UserFactory

STAFF = Actor.staff(1, name="boss", origin=Origin("req-1", "192.0.2.10"))


def build_world() -> Entity:
    """Make it, and return the entity that most of it is in."""
    now = moments.now()
    entity = EntityFactory(
        id="acme",
        name="Acme Corporation",
        restricted_flags=["billing", "root"],
        allowed_origins=["https://app.acme.example"],
    )
    other = EntityFactory(id="globex", name="Globex")
    for name in ("Grace Hopper", "Alan Turing", "Edsger Dijkstra"):
        membership = MembershipFactory(entity=entity, user__name=name)
        issue_token(membership=membership, by=STAFF, flags=["read", "reports:daily"])
    revoke_token(membership=membership, by=STAFF)
    AuthTokenFactory(expired=True, membership__entity=entity, membership__user__name="Kurt Gödel")
    for days in (1, 3, 9, 12, 12, 20):
        AuthTokenFactory(
            membership__entity=entity,
            membership__user__name=f"Member {days}",
            lifetime=timedelta(days=days),
            last_used_at=now - timedelta(hours=days),
            flags=["read"],
        )
    AuthTokenFactory(
        membership__entity=other,
        membership__user__id="auth0|5f7c",
        membership__is_active=False,
        last_used_at=now - timedelta(hours=3),
    )
    AuthTokenFactory(
        epoch=0, membership__entity=EntityFactory(token_epoch=1), flags=["a", "b", "c", "d", "e"]
    )
    MembershipFactory(
        entity=entity, user=UserFactory(id="ada@example.org", name="Ada Lovelace"), admin=True
    )
    issue_user_token(user=membership.user, name="Laptop", by=STAFF)
    issue_api_key(entity=entity, name="Web shop", by=STAFF)
    account = get_user_model().objects.create_user("clerk", is_staff=True)
    limit_staff(limit=StaffLimit(account=account), entities=[other], by=STAFF)
    return entity
