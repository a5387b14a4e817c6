"""Whatever changes is recorded in the same transaction: by whom, from where, and no secret."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from entities import moments, services
from entities.actors import Actor, Application, Origin
from entities.exceptions import TokenReusedError
from entities.models import (
    Action,
    AuthToken,
    Entity,
    Event,
    Membership,
    RevocationReason,
    Role,
    StaffLimit,
    User,
)
from entities.services.transactions import atomic
from tests.databases import connection
from tests.factories import (
    AuthTokenFactory,
    EntityFactory,
    MembershipFactory,
    UserFactory,
    UserTokenFactory,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User as Account

    from tests.conftest import Caller

pytestmark = pytest.mark.django_db

BY = Actor.staff(7, name="boss", origin=Origin("r-1", "192.0.2.7"))


def recorded() -> list[tuple[str, dict[str, Any]]]:
    """Action and details of each event, the oldest first; each names the actor and the origin."""
    events = list(Event.objects.order_by("id"))
    for event in events:
        assert (event.actor_kind, event.actor_id, event.actor_name) == ("staff", "7", "boss")
        assert (event.request_id, event.client_address) == ("r-1", "192.0.2.7")
    return [(event.action, event.details) for event in events]


def actions() -> list[str]:
    return [action for action, _ in recorded()]


def test_the_life_of_a_token_is_recorded() -> None:
    membership = MembershipFactory(entity__id="acme", user__id="ada")
    ends = moments.now() + timedelta(days=3)
    later = ends + timedelta(days=1)

    token = services.issue_token(membership=membership, by=BY, expires_at=ends, flags=["a"])
    services.update_token(membership=membership, by=BY, expires_at=later, flags=["b"])
    refreshed = services.refresh_token(membership=membership, by=BY)
    services.read_token(membership=membership, by=BY)
    services.revoke_token(membership=membership, by=BY, reason=RevocationReason.STAFF)

    assert recorded() == [
        ("token_issued", {"expires_at": ends.isoformat(), "flags": ["a"]}),
        (
            "token_updated",
            {
                "changes": {
                    "expires_at": [ends.isoformat(), later.isoformat()],
                    "flags": [["a"], ["b"]],
                }
            },
        ),
        ("token_refreshed", {"generation": 1, "expires_at": refreshed.expires_at.isoformat()}),
        ("token_text_read", {}),
        ("token_revoked", {"reason": "staff"}),
    ]
    about = Event.objects.values_list("entity_id", "user_id", "credential_id").distinct()
    assert list(about) == [("acme", "ada", token.pk)]
    assert Event.objects.about(credential_id=token.pk).first().action == "token_revoked"


def test_a_call_is_recorded_with_its_application_and_its_origin(
    member: Caller, settings: Any
) -> None:
    settings.ENTITIES = {**settings.ENTITIES, "TRUSTED_PROXIES": 1}
    headers = {"X-Request-ID": "abc-123", "X-Forwarded-For": "6.6.6.6, 198.51.100.4"}
    assert member.post(headers=headers).headers["X-Request-ID"] == "abc-123"

    event = Event.objects.get(action=Action.TOKEN_ISSUED)
    user = member.membership.user
    assert (event.actor_kind, event.actor_id, event.actor_name) == ("user", user.id, user.name)
    assert (event.application, event.request_id) == ("tests", "abc-123")
    assert event.api_key_id == Event.objects.get(action=Action.API_KEY_ISSUED).credential_id
    assert event.client_address == "198.51.100.4"


def test_the_own_text_is_read_without_an_event(member: Caller, admin: Caller) -> None:
    member.post()
    member.get()
    member.patch(json={"flags": []})
    assert not Event.objects.filter(action=Action.TOKEN_TEXT_READ).exists()
    admin.get(of=member.membership)
    admin.patch(json={"flags": []}, of=member.membership)
    assert Event.objects.filter(action=Action.TOKEN_TEXT_READ).count() == 2


def test_a_dead_token_in_the_way_is_recorded_as_replaced() -> None:
    dead = AuthTokenFactory(expired=True)
    services.issue_token(membership=dead.membership, by=BY)
    assert [(event.action, event.credential_id == dead.pk) for event in Event.objects.all()] == [
        ("token_revoked", True),
        ("token_issued", False),
    ]


@pytest.mark.django_db(transaction=True)
def test_reuse_is_recorded_though_it_is_an_error() -> None:
    membership = MembershipFactory()
    text = services.issue_token(membership=membership, by=BY).derive_text()
    services.refresh_token(membership=membership, by=BY)
    services.refresh_token(membership=membership, by=BY)
    with pytest.raises(TokenReusedError):
        services.refresh_token(membership=membership, by=BY, text=text)
    assert actions()[-2:] == ["token_reused", "token_revoked"]


def test_what_is_rolled_back_is_not_recorded() -> None:
    membership = MembershipFactory()
    with atomic():
        services.issue_token(membership=membership, by=BY)
        connection.set_rollback(True)
    assert actions() == []


def test_keys_and_their_rotation_are_recorded() -> None:
    entity, user = EntityFactory(id="acme"), UserFactory(id="ada")
    key, _ = services.issue_api_key(entity=entity, name="shop", by=BY)
    new, _ = services.rotate_api_key(api_key=key, by=BY, overlap=timedelta(hours=1))
    services.revoke_api_key(api_key=new, by=BY)
    token, _ = services.issue_user_token(user=user, name="phone", by=BY)
    services.revoke_user_token(token=token, by=BY)

    issued = {"name": "shop", "expires_at": None}
    ends_at = key.expires_at.isoformat()
    assert recorded() == [
        ("api_key_issued", issued),
        ("api_key_rotated", issued | {"replaces": str(key.pk), "old_ends_at": ends_at}),
        ("api_key_revoked", {"name": "shop"}),
        ("user_token_issued", {"name": "phone", "expires_at": None}),
        ("user_token_revoked", {"name": "phone"}),
    ]
    assert list(Event.objects.values_list("entity_id", "user_id", "credential_id")) == [
        ("acme", "", key.pk),
        ("acme", "", new.pk),
        ("acme", "", new.pk),
        ("", "ada", token.pk),
        ("", "ada", token.pk),
    ]


def test_people_and_roles_are_recorded_with_what_changed() -> None:
    entity = services.save_entity(entity=Entity(id="acme"), by=BY)
    entity.max_lifetime = timedelta(days=400)
    services.save_entity(entity=entity, by=BY)
    services.save_entity(entity=entity, by=BY)  # nothing changed
    member = services.add_member(entity=entity, user_id="ada", name="Ada", by=BY)
    member.role = Role.ADMIN
    services.save_membership(membership=member, by=BY)
    services.delete_record(record=member, by=BY)
    services.delete_record(record=User.objects.get(), by=BY)

    assert recorded()[1:] == [
        (
            "entity_updated",
            {"changes": {"max_lifetime": ["365 days, 0:00:00", "400 days, 0:00:00"]}},
        ),
        ("user_created", {"name": "Ada", "is_active": True, "account_id": None}),
        ("member_added", {"role": "member", "is_active": True}),
        ("member_updated", {"changes": {"role": ["member", "admin"]}}),
        ("member_removed", {"role": "admin", "is_active": True}),
        ("user_deleted", {"name": "Ada", "is_active": True, "account_id": None}),
    ]
    assert Membership.objects.count() == User.objects.count() == 0


def test_a_user_who_exists_is_taken_as_he_is() -> None:
    UserFactory(id="ada", name="Ada")
    member = services.add_member(entity=EntityFactory(), user_id="ada", name="Eve", by=BY)
    assert member.user.name == "Ada"
    assert actions() == ["member_added"]


def test_signing_out_revokes_everything_of_a_user_and_of_nobody_else() -> None:
    user = UserFactory()
    tokens = AuthTokenFactory.create_batch(2, membership__user=user)
    UserTokenFactory(user=user)
    UserTokenFactory(user=user, revoked_at=moments.now())
    others = [AuthTokenFactory(), UserTokenFactory()]

    assert services.sign_out_user(user=user, by=BY) == (2, 1)

    assert AuthToken.objects.unrevoked().get() == others[0]
    assert sorted(actions()) == ["token_revoked"] * 2 + ["user_signed_out", "user_token_revoked"]
    assert Event.objects.filter(credential_id=tokens[0].pk).count() == 1
    assert services.sign_out_user(user=user, by=BY) == (0, 0)


def test_limits_of_staff_are_recorded(django_user_model: type[Account]) -> None:
    account = django_user_model.objects.create_user("clerk")
    entities = [EntityFactory(id="a"), EntityFactory(id="b")]
    limit = services.limit_staff(limit=StaffLimit(account=account), entities=entities, by=BY)
    services.lift_staff_limit(limit=limit, by=BY)
    who = {"account": str(account.pk), "name": "clerk"}
    assert recorded() == [
        ("staff_limited", {"entities": ["a", "b"]} | who),
        ("staff_unlimited", who),
    ]


def test_no_event_holds_a_text(member: Caller, admin: Caller) -> None:
    texts = [member.token, member.api_key, member.post().json()["authenticationToken"]]
    texts.append(member.post("/refresh").json()["authenticationToken"])
    admin.get(of=member.membership)
    member.delete()
    kept = repr(list(Event.objects.values()))
    assert Event.objects.count() >= 6
    assert not [text for text in texts if text in kept or text[-20:] in kept]


def test_an_actor_of_a_long_name_is_recorded() -> None:
    by = Actor.user("x" * 200, name="y" * 300, application=Application(uuid4(), "shop"))
    services.save_user(user=User(id="u"), by=by)
    assert len(Event.objects.get().actor_id) == 128
