from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from entities import keys, moments
from entities.actors import Actor
from entities.codec import Kind
from entities.exceptions import LifetimeError, SuperuserKeyError
from entities.models import ApiKey, Entity, KeyAccess, Membership, User, UserToken
from entities.services import (
    issue_api_key,
    issue_user_token,
    revoke_api_key,
    revoke_entity,
    revoke_user_token,
    rotate_api_key,
    save_entity,
    save_membership,
    save_user,
)
from entities.services.credentials import derive_text
from tests.factories import EntityFactory, MembershipFactory, UserFactory

BY = Actor.command("tests")

pytestmark = pytest.mark.django_db


def test_an_api_key_comes_with_its_text() -> None:
    entity = EntityFactory()
    api_key, text = issue_api_key(entity=entity, name="shop", by=BY)
    parsed = keys.parse(text)
    assert (parsed.kind, parsed.id) == (Kind.API_KEY, api_key.pk)
    assert ApiKey.objects.get() == api_key
    assert derive_text(api_key) == text


def test_a_user_token_comes_with_its_text() -> None:
    ends = moments.now() + timedelta(days=1)
    token, text = issue_user_token(user=UserFactory(), name="phone", by=BY, expires_at=ends)
    assert keys.parse(text).kind is Kind.USER_TOKEN
    assert UserToken.objects.get().expires_at == token.expires_at == ends


def test_an_expiry_that_is_past_is_refused() -> None:
    past = moments.now() - timedelta(seconds=1)
    with pytest.raises(LifetimeError):
        issue_api_key(entity=EntityFactory(), name="shop", by=BY, expires_at=past)
    with pytest.raises(LifetimeError):
        issue_user_token(user=UserFactory(), name="phone", by=BY, expires_at=past)


def test_a_revocation_is_final_and_tells_who_was_first() -> None:
    api_key, _ = issue_api_key(entity=EntityFactory(), name="shop", by=BY)
    token, _ = issue_user_token(user=UserFactory(), name="phone", by=BY)
    assert [revoke_api_key(api_key=api_key, by=BY), revoke_user_token(token=token, by=BY)] == [
        True,
        True,
    ]
    moment = ApiKey.objects.get().revoked_at
    assert moment is not None
    assert [revoke_api_key(api_key=api_key, by=BY), revoke_user_token(token=token, by=BY)] == [
        False,
        False,
    ]
    assert ApiKey.objects.get().revoked_at == api_key.revoked_at == moment


def test_an_id_is_made_where_none_is_given() -> None:
    entity = save_entity(entity=Entity(name="Acme"), by=BY)
    user = save_user(user=User(), by=BY)
    membership = save_membership(membership=Membership(entity=entity, user=user), by=BY)
    assert entity.pk.startswith("e-")
    assert user.pk.startswith("u-")
    assert Membership.objects.get() == membership


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        (Entity(id="a/b", restricted_flags=["a b"]), {"id", "restricted_flags"}),
        (Entity(restricted_flags={"a": 1}), {"restricted_flags"}),
        (Entity(restricted_flags=[1]), {"restricted_flags"}),
        (Entity(default_lifetime=timedelta(days=400)), {"__all__"}),
        (User(id="\n"), {"id"}),
    ],
)
def test_a_bad_record_is_refused_by_field(record: Any, fields: set[str]) -> None:
    save = save_entity if isinstance(record, Entity) else save_user
    name = "entity" if isinstance(record, Entity) else "user"
    with pytest.raises(ValidationError) as caught:
        save(**{name: record}, by=BY)
    assert set(caught.value.message_dict) == fields
    assert not type(record).objects.exists()


def test_a_user_is_put_into_an_entity_once() -> None:
    membership = MembershipFactory()
    with pytest.raises(ValidationError):
        save_membership(
            membership=Membership(entity=membership.entity, user=membership.user), by=BY
        )


def test_of_two_entities_that_bring_one_id_at_once_neither_changes_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other comes between the check and the insert."""
    late = Entity(id="e-1", name="late")
    check = late.full_clean

    def overtaken() -> None:
        check()
        EntityFactory(id="e-1", name="first")
        monkeypatch.setattr(late, "full_clean", check)

    monkeypatch.setattr(late, "full_clean", overtaken)
    with pytest.raises(ValidationError) as caught:
        save_entity(entity=late, by=BY)
    assert set(caught.value.message_dict) == {"id"}


def test_a_change_of_an_entity_undoes_no_revocation_that_came_between() -> None:
    entity = EntityFactory()
    stale = Entity.objects.get()
    revoke_entity(entity=entity, by=BY)
    stale.name = "New"
    save_entity(entity=stale, by=BY)
    assert Entity.objects.values_list("name", "token_epoch").get() == ("New", 1)


class TestSuperuserKeys:
    ADMIN = Actor.user("ada", is_admin=True)
    SUPERUSER = Actor.user("ada", is_admin=True, is_superuser=True)

    @pytest.mark.parametrize("by", [ADMIN, SUPERUSER])
    def test_no_api_user_issues_one(self, by: Actor) -> None:
        with pytest.raises(SuperuserKeyError):
            issue_api_key(entity=EntityFactory(), name="x", by=by, access=KeyAccess.SUPERUSER)
        assert not ApiKey.objects.exists()

    @pytest.mark.parametrize("by", [BY, Actor.staff(1), SUPERUSER])
    def test_a_rotation_keeps_the_access(self, by: Actor) -> None:
        key, _ = issue_api_key(entity=EntityFactory(), name="x", by=BY, access=KeyAccess.SUPERUSER)
        new, _ = rotate_api_key(api_key=key, by=by, overlap=timedelta(0))
        assert ApiKey.objects.get(pk=new.pk).access == KeyAccess.SUPERUSER

    def test_an_admin_of_its_entity_gets_no_text_of_one_by_rotation(self) -> None:
        key, _ = issue_api_key(entity=EntityFactory(), name="x", by=BY, access=KeyAccess.SUPERUSER)
        with pytest.raises(SuperuserKeyError):
            rotate_api_key(api_key=key, by=self.ADMIN, overlap=timedelta(0))
        assert ApiKey.objects.get().revoked_at is None
