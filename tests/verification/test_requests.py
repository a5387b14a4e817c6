"""Three credentials in one query, forged ones in none, and one refusal for every cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test.utils import CaptureQueriesContext

from entities import moments
from entities.actors import Actor, Application
from entities.codec import Kind
from entities.exceptions import NotAuthenticatedError
from entities.models import ApiKey, AuthToken, Entity, Membership, Role, User, UserToken
from entities.services import (
    issue_api_key,
    issue_token,
    issue_user_token,
    refresh_token,
    revoke_api_key,
    revoke_entity,
    revoke_token,
    revoke_user_token,
    update_token,
)
from entities.verification import Presented, UserProof, verify_request
from tests.databases import connection
from tests.factories import EntityFactory, MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Caller

BY = Actor.command("tests")


def presented(caller: Caller, **others: Any) -> Presented:
    return replace(
        Presented(
            api_key=caller.api_key,
            user_id=caller.membership.user_id,
            token=caller.token,
            entity_id=caller.membership.entity_id,
        ),
        **others,
    )


def issue(caller: Caller, **terms: Any) -> str:
    token = issue_token(membership=caller.membership, by=caller.actor, **terms)
    text = token.derive_text()
    assert text is not None
    return text


def other_char(text: str, *, at: int) -> str:
    """Mistype one character."""
    chars = list(text)
    chars[at] = "0" if chars[at] != "0" else "1"
    return "".join(chars)


def refused(what: Presented, *, queries: int | None = None) -> None:
    with CaptureQueriesContext(connection) as asked, pytest.raises(NotAuthenticatedError):
        verify_request(what)
    assert len(asked) == queries if queries is not None else len(asked) <= 1


def test_a_user_token_proves_its_user_in_one_query(
    member: Caller, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        principal = verify_request(presented(member))
        assert principal.user.name == member.membership.user.name
    key, token = ApiKey.objects.get(), UserToken.objects.get()
    assert (principal.entity_id, principal.user) == (
        member.membership.entity_id,
        member.membership.user,
    )
    assert (principal.membership_id, principal.role) == (member.membership.pk, Role.MEMBER)
    assert (principal.api_key_id, principal.api_key_name) == (key.pk, key.name)
    assert (principal.token_id, principal.flags, principal.proof) == (token.pk, None, None)
    assert principal.actor == replace(
        member.actor, name=principal.user.name, application=Application(key.pk, key.name)
    )
    assert not principal.is_admin


def test_an_authentication_token_proves_its_user_in_one_query_and_is_a_ceiling(
    admin: Caller, django_assert_num_queries: Any
) -> None:
    text = issue(admin, flags=["a", "b"])
    with django_assert_num_queries(1):
        principal = verify_request(presented(admin, token=text))
    assert principal.user == admin.membership.user
    assert principal.flags == principal.actor.flags == frozenset({"a", "b"})
    assert principal.is_admin
    assert principal.actor.is_admin
    assert principal.token_id == AuthToken.objects.get().pk
    assert principal.proof is not None
    assert principal.proof.kind is Kind.AUTH_TOKEN


def test_without_an_entity_in_the_path_it_is_the_api_keys_own(member: Caller) -> None:
    principal = verify_request(presented(member, entity_id=None))
    assert principal.entity_id == member.membership.entity_id


@pytest.mark.parametrize("header", ["%C3%BC%2C%20100%25", "ü, 100%"])
def test_an_id_is_named_as_it_is_or_percent_encoded(
    header: str, entity: Entity, api_key: str
) -> None:
    membership = MembershipFactory(entity=entity, user__id="ü, 100%")
    token = issue_user_token(user=membership.user, name="x", by=BY)[1]
    what = Presented(api_key=api_key, user_id=header, token=token, entity_id=entity.pk)
    assert verify_request(what).user == membership.user


def test_forged_mistyped_and_wrong_kind_credentials_cost_no_query(
    member: Caller, django_assert_num_queries: Any
) -> None:
    text = issue(member)
    with django_assert_num_queries(0):
        for wrong in (
            "",
            "test",
            member.token,
            text,
            member.api_key[:-1],
            other_char(member.api_key, at=10),
            member.api_key.replace("ek_", "ut_"),
            "ek_\udcff\n\x00",
            member.api_key + "\n",
        ):
            refused(presented(member, api_key=wrong))
        for wrong in (
            "",
            "dummy-token",
            member.api_key,
            other_char(member.token, at=-1),
            member.token.replace("ut_", "eat_"),
            text.replace("eat_", "ut_"),
            text + "\n",
            "eat_\udcff\n\x00",
        ):
            refused(presented(member, token=wrong))


def test_credentials_that_do_not_belong_together_are_refused(
    member: Caller, other_member: Caller, foreigner: Caller
) -> None:
    text = issue(member)
    foreign_text = issue(foreigner)
    wrong: list[dict[str, Any]] = [
        {"api_key": foreigner.api_key},
        {"entity_id": foreigner.membership.entity_id},
        {"entity_id": "e-nowhere"},
        {"api_key": foreigner.api_key, "entity_id": foreigner.membership.entity_id},
        {"user_id": other_member.membership.user_id},
        {"user_id": ""},
        {"user_id": member.membership.user_id.upper()},
        {"token": other_member.token},
        {"token": foreigner.token},
        {"token": foreigner.token, "user_id": foreigner.membership.user_id},
        {"token": foreign_text, "user_id": foreigner.membership.user_id},
        {"token": text, "user_id": other_member.membership.user_id},
        {"token": text, "api_key": foreigner.api_key},
    ]
    for others in wrong:
        refused(presented(member, **others))


def test_an_authentication_token_of_another_entity_opens_nothing_here(
    member: Caller, api_key: str
) -> None:
    elsewhere = MembershipFactory(user=member.membership.user)
    text = issue_token(membership=elsewhere, by=member.actor).derive_text()
    refused(presented(member, token=text))
    key = issue_api_key(entity=elsewhere.entity, name="x", by=BY)[1]
    assert verify_request(presented(member, token=text, api_key=key, entity_id=elsewhere.entity_id))


def _off(model: type[Any], pk: Callable[[Caller], object]) -> Callable[[Caller], object]:
    return lambda caller: model.objects.filter(pk=pk(caller)).update(is_active=False)


DEATHS: dict[str, Callable[[Caller], object]] = {
    "user off": _off(User, lambda caller: caller.membership.user_id),
    "membership off": _off(Membership, lambda caller: caller.membership.pk),
    "entity off": _off(Entity, lambda caller: caller.membership.entity_id),
    "API key revoked": lambda caller: revoke_api_key(api_key=ApiKey.objects.get(), by=BY),
    "API key expired": lambda caller: ApiKey.objects.update(
        created_at=moments.now() - timedelta(2), expires_at=moments.now() - timedelta(1)
    ),
}
USER_TOKEN_DEATHS: dict[str, Callable[[Caller], object]] = DEATHS | {
    "user token revoked": lambda caller: revoke_user_token(token=UserToken.objects.get(), by=BY),
    "user token expired": lambda caller: UserToken.objects.update(
        created_at=moments.now() - timedelta(2), expires_at=moments.now() - timedelta(1)
    ),
}
AUTH_TOKEN_DEATHS: dict[str, Callable[[Caller], object]] = DEATHS | {
    "token revoked": lambda caller: revoke_token(membership=caller.membership, by=caller.actor),
    "token expired": lambda caller: AuthToken.objects.update(
        issued_at=moments.now() - timedelta(2), expires_at=moments.now() - timedelta(1)
    ),
    "entity's tokens revoked": lambda caller: revoke_entity(
        entity=caller.membership.entity, by=caller.actor
    ),
}


@pytest.mark.parametrize("kill", USER_TOKEN_DEATHS.values(), ids=USER_TOKEN_DEATHS)
def test_a_dead_user_token_is_refused_at_once(
    kill: Callable[[Caller], object], member: Caller
) -> None:
    assert verify_request(presented(member))
    kill(member)
    refused(presented(member))


@pytest.mark.parametrize("kill", AUTH_TOKEN_DEATHS.values(), ids=AUTH_TOKEN_DEATHS)
def test_a_dead_authentication_token_is_refused_at_once(
    kill: Callable[[Caller], object], member: Caller
) -> None:
    text = issue(member)
    assert verify_request(presented(member, token=text))
    kill(member)
    refused(presented(member, token=text))


@pytest.mark.parametrize("model", [ApiKey, UserToken, AuthToken])
def test_a_text_with_another_nonce_than_the_row_is_refused(
    model: type[ApiKey | UserToken | AuthToken], member: Caller
) -> None:
    """What a restored backup holds is no longer what the text was made of."""
    text = issue(member)
    what = presented(member, token=text if model is AuthToken else member.token)
    assert verify_request(what)
    model.objects.update(nonce=b"restored row")
    refused(what)


class TestGrace:
    """The one text before a refresh, for REFRESH_GRACE."""

    @pytest.fixture
    def old(self, member: Caller) -> str:
        text = issue(member)
        refresh_token(membership=member.membership, by=member.actor)
        return text

    def verifies(self, member: Caller, text: str, after: timedelta) -> bool:
        at = AuthToken.objects.get().issued_at + after
        try:
            return bool(verify_request(presented(member, token=text), at=at))
        except NotAuthenticatedError:
            return False

    def test_it_verifies_until_just_before_its_end(self, member: Caller, old: str) -> None:
        grace, tick = timedelta(seconds=30), timedelta(microseconds=1)
        assert self.verifies(member, old, timedelta(0))
        assert self.verifies(member, old, grace - tick)
        assert not self.verifies(member, old, grace)
        assert not self.verifies(member, old, grace + tick)

    def test_none_older_verifies(self, member: Caller, old: str) -> None:
        refresh_token(membership=member.membership, by=member.actor)
        assert not self.verifies(member, old, timedelta(0))

    def test_zero_turns_it_off(self, member: Caller, old: str, settings: Any) -> None:
        settings.ENTITIES = {"REFRESH_GRACE": timedelta(0)}
        assert not self.verifies(member, old, timedelta(0))

    def test_it_ends_with_revocation(self, member: Caller, old: str) -> None:
        revoke_token(membership=member.membership, by=member.actor)
        assert not self.verifies(member, old, timedelta(0))

    def test_it_ends_with_an_expiry_set_nearer(self, member: Caller, old: str) -> None:
        now = moments.now()
        update_token(
            membership=member.membership, by=member.actor, expires_at=now + timedelta(seconds=9)
        )
        issued_at = AuthToken.objects.get().issued_at
        assert not self.verifies(member, old, now - issued_at + timedelta(seconds=10))

    def test_refreshing_an_expired_token_brings_no_old_text_to_life(self, member: Caller) -> None:
        text = issue(member)
        AuthToken.objects.update(
            issued_at=moments.now() - timedelta(2), expires_at=moments.now() - timedelta(1)
        )
        refresh_token(membership=member.membership, by=member.actor, text=text)
        assert not self.verifies(member, text, timedelta(0))

    def test_it_is_for_the_text_before_and_no_other_of_its_generation(
        self, member: Caller, old: str
    ) -> None:
        AuthToken.objects.update(previous_nonce=b"another one!")
        assert not self.verifies(member, old, timedelta(0))


def test_keys_rotate_without_a_token_issued_anew(member: Caller, settings: Any) -> None:
    old, new = "old-" + "o" * 40, "new-" + "n" * 40
    settings.ENTITIES = {"SIGNING_KEYS": [old]}
    key = issue_api_key(entity=member.membership.entity, name="x", by=BY)[1]
    token = issue_user_token(user=member.membership.user, name="x", by=BY)[1]
    text = issue(member)
    settings.ENTITIES = {"SIGNING_KEYS": [new, old]}
    what = presented(member, api_key=key)
    assert verify_request(replace(what, token=token))
    assert verify_request(replace(what, token=text))
    assert AuthToken.objects.get().derive_text() == text  # the same, until the next refresh
    refreshed = refresh_token(membership=member.membership, by=member.actor).derive_text()
    assert refreshed is not None
    settings.ENTITIES = {"SIGNING_KEYS": [new]}
    assert AuthToken.objects.get().derive_text() == refreshed
    refused(replace(what, token=refreshed))  # the API key was of the old one


def test_secret_key_rotates_through_its_fallbacks(member: Caller, settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 10
    assert verify_request(presented(member))
    settings.SECRET_KEY_FALLBACKS = []
    refused(presented(member), queries=0)


class Alice:
    """Proves one user to whoever knows the word."""

    def prove(self, presented: Presented) -> UserProof | None:
        if not presented.token.startswith("word:"):
            return None
        if presented.token != "word:sesame":
            raise NotAuthenticatedError
        return UserProof("alice", flags=frozenset({"read"}))


def test_a_host_plugs_in_its_own_proof_of_the_user(
    entity: Entity, api_key: str, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.ENTITIES = {
        "USER_AUTHENTICATORS": [
            "tests.verification.test_requests.Alice",
            "entities.verification.UserTokenAuthenticator",
        ]
    }
    alice = MembershipFactory(entity=entity, user__id="alice")
    what = Presented(api_key=api_key, user_id="alice", token="word:sesame", entity_id=entity.pk)
    with django_assert_num_queries(1):
        principal = verify_request(what)
    assert (principal.user, principal.token_id) == (alice.user, None)
    assert principal.flags == frozenset({"read"})
    refused(replace(what, token="word:other"), queries=0)
    refused(replace(what, user_id="bob"))
    refused(replace(what, entity_id=EntityFactory().pk))
    user_token = issue_user_token(user=alice.user, name="x", by=BY)[1]
    assert verify_request(replace(what, token=user_token))
    text = issue_token(membership=alice, by=principal.actor, flags=["read"]).derive_text()
    assert text is not None
    refused(replace(what, token=text))  # this host takes no authentication tokens
    refused(replace(what, token=f"{user_token[:-1]}-"), queries=0)


def test_a_prefix_that_begins_another_takes_none_of_its_texts(
    member: Caller, settings: Any
) -> None:
    settings.ENTITIES = {"USER_TOKEN_PREFIX": "t", "AUTH_TOKEN_PREFIX": "t_eat"}
    text = issue(member)
    assert text.startswith("t_eat_")
    assert verify_request(presented(member, token=text)).proof is not None
    settings.ENTITIES |= {"USER_AUTHENTICATORS": ["entities.verification.UserTokenAuthenticator"]}
    refused(presented(member, token=text), queries=0)


def test_only_so_many_texts_are_kept_parsed(
    member: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entities.verification.verify._MOST_PARSED", 1)
    texts = [member.token, issue(member)] * 2
    assert [bool(verify_request(presented(member, token=text))) for text in texts] == [True] * 4


def test_no_credential_shows_in_the_repr_of_what_was_presented(member: Caller) -> None:
    what = presented(member)
    assert member.api_key not in repr(what)
    assert member.token not in repr(what)
