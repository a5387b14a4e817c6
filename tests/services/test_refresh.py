"""Compare-and-swap, grace and reuse. Spec: RFC 9700 section 4.14.2."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from entities import keys
from entities.actors import Actor
from entities.exceptions import (
    FlagCeilingError,
    LifetimeError,
    TokenChangedError,
    TokenMismatchError,
    TokenNotFoundError,
    TokenReusedError,
    TokenRevokedError,
    TokenSuspendedError,
)
from entities.models import AuthToken, Entity, Membership, RevocationReason
from entities.services import (
    issue_token,
    issue_user_token,
    refresh_token,
    revoke_entity,
    revoke_token,
    update_token,
)
from entities.services.transactions import atomic
from tests.factories import AuthTokenFactory, MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

BY = Actor.command("tests")

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
MEMBER = Actor.user("u-member")
STAFF = Actor.staff(1)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def membership() -> Membership:
    return MembershipFactory(entity__max_lifetime=365 * DAY)


def issue(membership: Membership, **terms: Any) -> str:
    return text_of(issue_token(membership=membership, by=STAFF, **terms))


def refresh(membership: Membership, text: str | None = None, **terms: Any) -> str:
    return text_of(refresh_token(membership=membership, by=MEMBER, text=text, **terms))


def text_of(token: AuthToken) -> str:
    text = token.derive_text()
    assert text is not None
    return text


def test_a_refresh_gives_the_same_token_a_new_text(membership: Membership) -> None:
    old = issue(membership, flags=["a"])
    with time_machine.travel(NOW + 5 * DAY, tick=False):
        token = refresh_token(membership=membership, by=MEMBER, text=old)
    stored = AuthToken.objects.get()
    assert text_of(token) == text_of(stored) != old
    assert (stored.generation, stored.flags, stored.created_at) == (1, ["a"], NOW)
    assert (stored.issued_at, stored.expires_at) == (NOW + 5 * DAY, NOW + 35 * DAY)
    assert (stored.previous_expires_at, stored.revoked_at) == (NOW + 30 * DAY, None)
    for name in ("issued_at", "expires_at", "previous_expires_at", "generation", "lifetime"):
        assert getattr(token, name) == getattr(stored, name)
    assert bytes(token.previous_nonce) == bytes(stored.previous_nonce)


def test_the_new_expiry_is_as_far_off_as_the_last_one_was(
    membership: Membership, clock: time_machine.Traveller
) -> None:
    issue(membership)
    clock.shift(10 * DAY)
    update_token(membership=membership, by=MEMBER, expires_at=NOW + 13 * DAY)
    clock.shift(DAY)
    refresh(membership)
    assert AuthToken.objects.get().expires_at == NOW + 14 * DAY
    clock.shift(DAY)
    refresh(membership, expires_at=NOW + 112 * DAY)
    assert AuthToken.objects.get().expires_at == NOW + 112 * DAY
    clock.shift(DAY)
    refresh(membership)
    assert AuthToken.objects.get().expires_at == NOW + 113 * DAY


def test_the_new_expiry_stays_within_a_longest_lifetime_made_shorter_since(
    membership: Membership,
) -> None:
    issue(membership)
    Entity.objects.update(default_lifetime=DAY, max_lifetime=7 * DAY)
    refresh(Membership.objects.get())
    assert AuthToken.objects.get().expires_at == NOW + 7 * DAY


@pytest.mark.parametrize("expires_at", [NOW, NOW + 366 * DAY])
def test_a_bad_expiry_refreshes_nothing(expires_at: datetime, membership: Membership) -> None:
    text = issue(membership)
    with pytest.raises(LifetimeError):
        refresh(membership, text, expires_at=expires_at)
    assert text_of(AuthToken.objects.get()) == text


def test_a_refresh_after_key_rotation_signs_by_the_new_key(
    membership: Membership, settings: Any
) -> None:
    old, new = "o" * 40, "n" * 40
    settings.ENTITIES = {"SIGNING_KEYS": [old]}
    text = issue(membership)
    settings.ENTITIES = {"SIGNING_KEYS": [new, old]}
    refreshed = refresh(membership, text)
    assert keys.parse(text).key_id != keys.parse(refreshed).key_id
    settings.ENTITIES = {"SIGNING_KEYS": [new]}
    assert text_of(AuthToken.objects.get()) == refreshed


def test_a_token_of_a_retired_key_can_be_refreshed_without_its_text(
    membership: Membership, settings: Any
) -> None:
    issue(membership)
    settings.SECRET_KEY = "another" * 10
    assert refresh(membership)


class TestGrace:
    def test_a_repeated_refresh_answers_the_same_new_text_and_slides_nothing(
        self, membership: Membership, clock: time_machine.Traveller
    ) -> None:
        old = issue(membership)
        new = refresh(membership, old)
        for _ in range(3):
            clock.shift(9 * SECOND)
            assert refresh(membership, old) == new
        token = AuthToken.objects.get()
        assert (token.generation, token.issued_at) == (1, NOW)
        clock.shift(3 * SECOND)
        with pytest.raises(TokenReusedError):
            refresh(membership, old)

    def test_zero_turns_it_off(self, membership: Membership, settings: Any) -> None:
        settings.ENTITIES = {"REFRESH_GRACE": timedelta(0)}
        old = issue(membership)
        refresh(membership, old)
        with pytest.raises(TokenReusedError):
            refresh(membership, old)

    def test_it_is_for_the_one_text_before_and_none_older(self, membership: Membership) -> None:
        first = issue(membership)
        second = refresh(membership, first)
        third = refresh(membership, second)
        assert refresh(membership, second) == third
        with pytest.raises(TokenReusedError):
            refresh(membership, first)

    def test_it_ends_with_expiry(
        self, membership: Membership, clock: time_machine.Traveller
    ) -> None:
        old = issue(membership)
        refresh(membership, old, expires_at=NOW + 10 * SECOND)
        clock.shift(10 * SECOND)
        with pytest.raises(TokenReusedError):
            refresh(membership, old)

    def test_it_ends_with_revocation(self, membership: Membership) -> None:
        old = issue(membership)
        refresh(membership, old)
        revoke_token(membership=membership, by=MEMBER)
        with pytest.raises(TokenRevokedError):
            refresh(membership, old)

    def test_a_lost_answer_of_an_expired_tokens_refresh_can_be_asked_for_again(
        self, membership: Membership, clock: time_machine.Traveller
    ) -> None:
        old = issue(membership)
        clock.shift(31 * DAY)
        assert refresh(membership, old) == refresh(membership, old)


class TestReuse:
    def test_a_late_refresh_with_an_old_text_revokes_the_token(
        self, membership: Membership, clock: time_machine.Traveller
    ) -> None:
        old = issue(membership)
        refresh(membership, old)
        clock.shift(30 * SECOND)
        with pytest.raises(TokenReusedError):
            refresh(membership, old)
        token = AuthToken.objects.get()
        assert (token.revoked_at, token.revocation_reason) == (
            NOW + 30 * SECOND,
            RevocationReason.REUSED,
        )
        with pytest.raises(TokenRevokedError):
            refresh(membership, old)

    def test_a_repeat_just_before_the_end_of_the_grace_does_not(
        self, membership: Membership, clock: time_machine.Traveller
    ) -> None:
        old = issue(membership)
        new = refresh(membership, old)
        clock.shift(30 * SECOND - timedelta(microseconds=1))
        assert refresh(membership, old) == new

    @pytest.mark.django_db(transaction=True)
    def test_the_revocation_is_committed_before_the_error_is_raised(
        self, membership: Membership
    ) -> None:
        first = issue(membership)
        refresh(membership, refresh(membership, first))
        with pytest.raises(RuntimeError), atomic():
            refresh(membership, first)  # the caller's transaction would undo it
        assert AuthToken.objects.get().revoked_at is None
        with pytest.raises(TokenReusedError):
            refresh(membership, first)
        assert AuthToken.objects.get().revoked_at == NOW

    def test_the_actors_own_proof_stands_in_for_a_text(
        self, membership: Membership, clock: time_machine.Traveller
    ) -> None:
        """Else the grace slides: the old text would refresh, and the one after it, and so on."""
        old = issue(membership)
        new = refresh(membership, old)
        proof = keys.parse(old)
        again = refresh_token(membership=membership, by=MEMBER, proof=proof)
        assert text_of(again) == new
        assert AuthToken.objects.get().generation == 1

    def test_a_text_in_the_body_counts_before_the_proof(self, membership: Membership) -> None:
        old = issue(membership)
        new = refresh(membership, old)
        newer = refresh_token(membership=membership, by=MEMBER, text=new, proof=keys.parse(old))
        assert newer.generation == 2


class TestRefusedWithoutHarm:
    """Whatever is no older text of this very token revokes nothing."""

    def refused(self, membership: Membership, text: str) -> None:
        before = AuthToken.objects.filter(membership=membership).values().get()
        with pytest.raises(TokenMismatchError):
            refresh(membership, text)
        assert AuthToken.objects.filter(membership=membership).values().get() == before

    @pytest.mark.parametrize("text", ["", "dummy", "eat_" + "0" * 83, "é\x00\ud800"])
    def test_noise(self, text: str, membership: Membership) -> None:
        issue(membership)
        self.refused(membership, text)

    def test_a_mistyped_text(self, membership: Membership) -> None:
        text = issue(membership)
        self.refused(membership, text[:-1] + ("0" if text[-1] != "0" else "1"))

    def test_a_text_of_another_user(self, membership: Membership) -> None:
        issue(membership)
        self.refused(membership, issue(MembershipFactory(entity=membership.entity)))

    def test_an_older_generation_of_another_users_token(self, membership: Membership) -> None:
        issue(membership)
        refresh(membership, refresh(membership))
        self.refused(membership, issue(MembershipFactory(entity=membership.entity)))

    def test_a_text_of_a_token_before(self, membership: Membership) -> None:
        text = issue(membership)
        revoke_token(membership=membership, by=MEMBER)
        token = issue_token(membership=membership, by=MEMBER)
        with pytest.raises(TokenMismatchError):
            refresh(membership, text)
        token.refresh_from_db()
        assert token.revoked_at is None

    def test_a_credential_of_another_kind(self, membership: Membership) -> None:
        issue(membership)
        self.refused(membership, issue_user_token(user=membership.user, name="x", by=BY)[1])

    @pytest.mark.parametrize("lost", [1, 2])
    def test_a_text_of_a_refresh_that_a_restored_backup_forgot(
        self, lost: int, membership: Membership
    ) -> None:
        issue(membership)
        backup = AuthToken.objects.values("generation", "nonce").get()
        for _ in range(lost):
            text = refresh(membership)
        AuthToken.objects.update(**backup, previous_nonce=None, previous_expires_at=None)
        self.refused(membership, text)

    def test_a_text_of_the_same_generation_and_another_nonce(self, membership: Membership) -> None:
        text = issue(membership)
        AuthToken.objects.update(nonce=b"another one!")
        self.refused(membership, text)


def test_an_expired_token_can_be_refreshed_with_and_without_its_text(
    membership: Membership, clock: time_machine.Traveller
) -> None:
    text = issue(membership)
    clock.shift(30 * DAY)
    assert refresh(membership, text) != text
    clock.shift(31 * DAY)
    assert refresh(membership)


def test_nothing_to_refresh_is_said_as_for_the_other_services(membership: Membership) -> None:
    with pytest.raises(TokenNotFoundError):
        refresh(membership)
    issue(membership)
    Membership.objects.update(is_active=False)
    with pytest.raises(TokenSuspendedError):
        refresh(Membership.objects.get())
    Membership.objects.update(is_active=True)
    revoke_entity(entity=membership.entity, by=STAFF)
    with pytest.raises(TokenRevokedError):
        refresh(Membership.objects.get())
    assert AuthToken.objects.get().generation == 0


def test_a_weak_authentication_token_refreshes_no_stronger_one(membership: Membership) -> None:
    text = issue(membership, flags=["a"])
    weak = Actor.user("x", is_admin=True, flags=frozenset())
    with pytest.raises(FlagCeilingError):
        refresh_token(membership=membership, by=weak, text=text)
    assert text_of(AuthToken.objects.get()) == text


class TestRaces:
    """Others come between the read and the swap; stale reads play their part without threads."""

    def test_a_stale_read_with_the_text_answers_what_the_winner_made(
        self, membership: Membership
    ) -> None:
        text = issue(membership)
        stale = Membership.objects.with_token().get()
        new = refresh(membership, text)
        assert refresh(stale, text) == new

    def test_a_stale_read_without_a_text_answers_what_the_winner_made(
        self, membership: Membership
    ) -> None:
        issue(membership)
        stale = Membership.objects.with_token().get()
        new = refresh(membership)
        assert refresh(stale) == new
        assert AuthToken.objects.get().generation == 1

    @pytest.mark.parametrize("is_stale", [True, False])
    def test_a_token_that_is_no_longer_as_it_was_seen_is_left_alone(
        self, is_stale: bool, membership: Membership
    ) -> None:
        """Of two buttons pressed at once, one refreshes: the other would void its text."""
        issue(membership)
        seen = AuthToken.objects.get()
        stale = Membership.objects.with_token().get()
        new = refresh(membership, seen=seen)
        with pytest.raises(TokenChangedError):
            refresh(stale if is_stale else membership, seen=seen)
        assert text_of(AuthToken.objects.get()) == new

    def test_another_token_than_the_one_seen_is_left_alone(self, membership: Membership) -> None:
        issue(membership)
        seen = AuthToken.objects.get()
        revoke_token(membership=membership, by=STAFF)
        issue(membership)
        with pytest.raises(TokenChangedError):
            refresh(membership, seen=seen)

    def test_a_revocation_in_between_wins(self, membership: Membership) -> None:
        text = issue(membership)
        stale = Membership.objects.with_token().get()
        revoke_token(membership=membership, by=STAFF)
        with pytest.raises(TokenRevokedError):
            refresh(stale, text)

    def test_a_revocation_of_the_entity_in_between_is_not_undone(
        self, membership: Membership
    ) -> None:
        text = issue(membership)
        stale = Membership.objects.with_token().get()
        revoke_entity(entity=Entity.objects.get(), by=STAFF)
        refresh(stale, text)
        assert not AuthToken.objects.live(at=NOW).exists()

    def test_reuse_found_by_two_is_told_to_both(
        self, membership: Membership, clock: time_machine.Traveller
    ) -> None:
        text = issue(membership)
        refresh(membership, text)
        clock.shift(DAY)
        stale = Membership.objects.with_token().get()
        for each in (membership, stale):
            with pytest.raises((TokenReusedError, TokenRevokedError)):
                refresh(each, text)


def test_the_factory_makes_tokens_that_services_take(membership: Membership) -> None:
    token = AuthTokenFactory(membership=membership, issued_at=NOW)
    assert refresh(membership, text_of(token))
