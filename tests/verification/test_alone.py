"""An authentication token, or an API key, that comes without anything else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from entities import moments
from entities.actors import Actor, Application
from entities.exceptions import NotAuthenticatedError
from entities.models import ApiKey, AuthToken, Entity, KeyAccess, User
from entities.services import (
    issue_api_key,
    issue_token,
    refresh_token,
    revoke_api_key,
    revoke_entity,
    revoke_token,
)
from entities.verification import (
    Presented,
    verify_api_key,
    verify_bearer,
    verify_request,
    verify_token,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Caller

BY = Actor.command("tests")


def issue(caller: Caller, *, by: Actor | None = None, **terms: Any) -> str:
    token = issue_token(membership=caller.membership, by=by or caller.actor, **terms)
    text = token.derive_text()
    assert text is not None
    return text


def actor_of(caller: Caller) -> Actor:
    """Give the actor that a request of `caller` has, with its application."""
    membership = caller.membership
    what = Presented(caller.api_key, membership.user_id, caller.token, membership.entity_id)
    return verify_request(what).actor


def test_a_token_alone_names_its_entity_and_user_in_one_query(
    admin: Caller, django_assert_num_queries: Any
) -> None:
    text = issue(admin, by=actor_of(admin), flags=["a", "b"])
    with django_assert_num_queries(1):
        verified = verify_token(text)
    row, key, principal = AuthToken.objects.get(), ApiKey.objects.get(), verified.principal
    assert (verified.issued_at, verified.expires_at) == (row.issued_at, row.expires_at)
    assert verified.issued_through == key.pk
    assert (principal.entity_id, principal.user, principal.is_admin) == (
        admin.membership.entity_id,
        admin.membership.user,
        True,
    )
    assert (principal.flags, principal.token_id) == (frozenset({"a", "b"}), row.pk)
    assert (principal.api_key_id, principal.actor.application) == (None, None)
    assert [use.id for use in principal.used] == [row.pk]
    assert not principal.is_superuser


def test_the_application_is_that_of_the_issue_or_of_the_last_refresh(member: Caller) -> None:
    text = issue(member)
    assert verify_token(text).issued_through is None
    by = actor_of(member)
    text = refresh_token(membership=member.membership, by=by).derive_text() or ""
    assert by.application == Application(ApiKey.objects.get().pk, ApiKey.objects.get().name)
    assert verify_token(text).issued_through == by.application.api_key_id
    text = refresh_token(membership=member.membership, by=BY).derive_text() or ""
    assert verify_token(text).issued_through is None


def test_forged_texts_and_other_kinds_cost_no_query(
    member: Caller, django_assert_num_queries: Any
) -> None:
    text = issue(member)
    with django_assert_num_queries(0):
        for wrong in ("", "x", text[:-1], text + " ", "eat_\udcff", member.token, member.api_key):
            for verify in (verify_token, verify_bearer):
                with pytest.raises(NotAuthenticatedError):
                    verify(wrong)
        for wrong in ("", "x", member.api_key[:-1], member.api_key + " ", member.token, text):
            with pytest.raises(NotAuthenticatedError):
                verify_api_key(wrong)


TOKEN_DEATHS: dict[str, Callable[[Caller], object]] = {
    "user off": lambda caller: User.objects.update(is_active=False),
    "membership off": lambda caller: type(caller.membership).objects.update(is_active=False),
    "entity off": lambda caller: Entity.objects.update(is_active=False),
    "revoked": lambda caller: revoke_token(membership=caller.membership, by=caller.actor),
    "entity revoked": lambda caller: revoke_entity(entity=caller.membership.entity, by=BY),
    "expired": lambda caller: AuthToken.objects.update(
        issued_at=moments.now() - timedelta(2), expires_at=moments.now() - timedelta(1)
    ),
    "of another row": lambda caller: AuthToken.objects.update(nonce=b"restored row"),
}


@pytest.mark.parametrize("kill", TOKEN_DEATHS.values(), ids=TOKEN_DEATHS)
def test_a_dead_token_is_refused_at_once(kill: Callable[[Caller], object], member: Caller) -> None:
    text = issue(member)
    assert verify_token(text)
    kill(member)
    with pytest.raises(NotAuthenticatedError):
        verify_token(text)


def test_the_text_before_a_refresh_verifies_in_its_grace(member: Caller) -> None:
    old = issue(member)
    refreshed = refresh_token(membership=member.membership, by=BY)
    assert verify_token(old).principal.token_id == refreshed.pk
    late = refreshed.issued_at + timedelta(seconds=30)
    with pytest.raises(NotAuthenticatedError):
        verify_token(old, at=late)


KEY_DEATHS: dict[str, Callable[[], object]] = {
    "entity off": lambda: Entity.objects.update(is_active=False),
    "revoked": lambda: revoke_api_key(api_key=ApiKey.objects.get(), by=BY),
    "expired": lambda: ApiKey.objects.update(
        created_at=moments.now() - timedelta(2), expires_at=moments.now() - timedelta(1)
    ),
    "of another row": lambda: ApiKey.objects.update(nonce=b"restored row"),
}


@pytest.mark.parametrize("kill", KEY_DEATHS.values(), ids=KEY_DEATHS)
def test_a_dead_api_key_is_refused_at_once(kill: Callable[[], object], api_key: str) -> None:
    assert verify_api_key(api_key)
    kill()
    with pytest.raises(NotAuthenticatedError):
        verify_api_key(api_key)


def test_an_api_key_alone_names_its_entity_and_access_in_one_query(
    entity: Entity, django_assert_num_queries: Any
) -> None:
    key, text = issue_api_key(entity=entity, name="reader", by=BY, access=KeyAccess.READ_ONLY)
    with django_assert_num_queries(1):
        verified = verify_api_key(text)
    assert (verified.entity_id, verified.id, verified.name, verified.access) == (
        entity.pk,
        key.pk,
        "reader",
        KeyAccess.READ_ONLY,
    )
    assert [use.id for use in verified.used] == [key.pk]
