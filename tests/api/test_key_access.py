"""What an API key allows at most: read only, standard, or every entity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from entities.actors import Actor
from entities.exceptions import NotAuthenticatedError
from entities.models import Entity, Event, KeyAccess, Membership
from entities.services import issue_token
from entities.verification import Presented, UserProof, verify_request
from tests.api.hostile import refusal
from tests.conftest import with_key
from tests.factories import MembershipFactory

if TYPE_CHECKING:
    from tests.conftest import Caller

WRITES: list[tuple[str, str, dict[str, Any]]] = [
    ("post", "", {}),
    ("patch", "", {"json": {"flags": ["a"]}}),
    ("delete", "", {}),
    ("post", "/refresh", {}),
]


class TestReadOnly:
    @pytest.mark.parametrize(("method", "path", "kwargs"), WRITES)
    def test_it_changes_nothing(
        self, method: str, path: str, kwargs: dict[str, Any], member: Caller
    ) -> None:
        before = member.post().json()
        reader = with_key(member, KeyAccess.READ_ONLY)
        answer = getattr(reader, method)(path, **kwargs)
        assert refusal(answer) == (403, "key_read_only")
        assert member.get().json() == before

    def test_it_sees_no_text_and_none_is_recorded_as_read(
        self, member: Caller, admin: Caller
    ) -> None:
        shown = member.post().json()
        reader = with_key(admin, KeyAccess.READ_ONLY)
        answer = reader.get(of=member.membership)
        assert answer.json() == shown | {"authenticationToken": None}
        assert reader.client.head(member.path, headers=reader.headers).status_code == 200
        assert not Event.objects.filter(action="token_text_read").exists()

    def test_wrong_credentials_are_a_401_first(self, member: Caller) -> None:
        reader = with_key(member, KeyAccess.READ_ONLY)
        assert refusal(reader.post(headers={"token": "x"}))[0] == 401


class TestSuperuser:
    @pytest.fixture
    def elsewhere(self, db: None) -> Membership:
        return MembershipFactory()

    def test_an_admin_of_its_entity_manages_every_entity(
        self, superuser: Caller, elsewhere: Membership, django_assert_num_queries: Any
    ) -> None:
        made = superuser.post(of=elsewhere)
        assert made.status_code == 201
        with django_assert_num_queries(3):  # credentials, token, and the event of the look
            assert superuser.get(of=elsewhere).json() == made.json()
        assert superuser.delete(of=elsewhere).status_code == 200
        event = Event.objects.latest("id")
        actor = superuser.membership.user_id
        assert (event.entity_id, event.actor_id) == (elsewhere.entity_id, actor)

    def test_a_plain_member_gains_nothing(self, member: Caller, elsewhere: Membership) -> None:
        caller = with_key(member, KeyAccess.SUPERUSER)
        assert refusal(caller.get(of=elsewhere)) == (401, "not_authenticated")
        assert caller.post().status_code == 201
        assert refusal(caller.get(of=elsewhere)) == refusal(
            caller.get(of=Membership(entity_id="e-nowhere", user_id="u"))
        )

    def test_an_admin_of_another_entity_gains_nothing(
        self, superuser: Caller, foreigner: Caller
    ) -> None:
        """The key's own entity is the one that its user must be an admin of."""
        foreign = {"apikey": superuser.api_key}
        assert refusal(foreigner.get(headers=foreign)) == (401, "not_authenticated")

    def test_a_standard_key_of_the_same_admin_stays_at_home(
        self, admin: Caller, elsewhere: Membership
    ) -> None:
        assert refusal(admin.get(of=elsewhere)) == (401, "not_authenticated")

    def test_only_a_superuser_is_told_that_there_is_no_such_entity(
        self, superuser: Caller, elsewhere: Membership
    ) -> None:
        nowhere = Membership(entity_id="e-nowhere", user_id="u-nobody")
        for method, path, kwargs in [("get", "", {}), *WRITES]:
            answer = getattr(superuser, method)(path, of=nowhere, **kwargs)
            assert refusal(answer) == (404, "entity_not_found")
        nobody = Membership(entity_id=elsewhere.entity_id, user_id="u-nobody")
        assert refusal(superuser.get(of=nobody)) == (404, "user_not_found")

    def test_an_authentication_token_proves_nobody_elsewhere(
        self, superuser: Caller, elsewhere: Membership
    ) -> None:
        text = superuser.post(json={"flags": ["a"]}).json()["authenticationToken"]
        proof = {"token": text}
        assert superuser.get(headers=proof).status_code == 200
        assert refusal(superuser.get(of=elsewhere, headers=proof)) == (401, "not_authenticated")
        issue_token(membership=elsewhere, by=Actor.command("tests"))
        assert refusal(superuser.delete(of=elsewhere, headers=proof))[0] == 401

    @pytest.mark.parametrize("off", ["user", "membership", "entity"])
    def test_who_is_switched_off_at_home_gets_in_nowhere(
        self, off: str, superuser: Caller, elsewhere: Membership
    ) -> None:
        home = superuser.membership
        row = {"user": home.user, "membership": home, "entity": home.entity}[off]
        type(row).objects.filter(pk=row.pk).update(is_active=False)
        assert refusal(superuser.get(of=elsewhere)) == (401, "not_authenticated")

    def test_restricted_flags_are_an_admins_elsewhere_too(
        self, superuser: Caller, elsewhere: Membership
    ) -> None:
        Entity.objects.update(restricted_flags=["root"])
        assert superuser.post(of=elsewhere, json={"flags": ["root"]}).status_code == 201


class Ada:
    """Proves one user, with flags as a ceiling or without."""

    def prove(self, presented: Presented) -> UserProof:
        flags = None if presented.token == "all" else frozenset({"a"})
        return UserProof("ada", flags=flags)


def test_a_proof_of_somebody_elses_crosses_entities_only_without_a_ceiling(
    superuser: Caller, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.ENTITIES = {"USER_AUTHENTICATORS": ["tests.api.test_key_access.Ada"]}
    home = MembershipFactory(entity=superuser.membership.entity, user__id="ada", admin=True)
    elsewhere = MembershipFactory().entity_id
    what = Presented(superuser.api_key, "ada", "all", elsewhere)
    with django_assert_num_queries(1):
        principal = verify_request(what)
    assert (principal.entity_id, principal.membership_id) == (elsewhere, home.pk)
    assert principal.is_superuser
    assert principal.actor.is_superuser
    with pytest.raises(NotAuthenticatedError):
        verify_request(Presented(superuser.api_key, "ada", "some", elsewhere))
    assert not verify_request(Presented(superuser.api_key, "ada", "some")).is_superuser
