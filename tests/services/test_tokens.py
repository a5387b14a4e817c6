from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from entities.actors import Actor
from entities.exceptions import (
    FlagCeilingError,
    FlagNotGrantedError,
    FlagsError,
    LifetimeError,
    MembershipInactiveError,
    NothingToChangeError,
    TokenExistsError,
    TokenExpiredError,
    TokenKeyRetiredError,
    TokenNotFoundError,
    TokenRevokedError,
    TokenSuspendedError,
)
from entities.models import AuthToken, Membership, RevocationReason
from entities.services import issue_token, read_token, revoke_entity, revoke_token, update_token
from tests.factories import AuthTokenFactory, MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
STAFF = Actor.staff(1)
MEMBER = Actor.user("u-member")
STRANGER = Actor.user("u-stranger", is_admin=True)


@pytest.fixture(autouse=True)
def _frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def membership() -> Membership:
    return MembershipFactory(
        entity__default_lifetime=30 * DAY,
        entity__max_lifetime=365 * DAY,
        entity__restricted_flags=["billing", "root"],
    )


class TestIssue:
    def test_it_takes_the_entitys_default_lifetime(self, membership: Membership) -> None:
        token = issue_token(membership=membership, by=MEMBER)
        token.refresh_from_db()
        assert (token.created_at, token.issued_at, token.expires_at) == (NOW, NOW, NOW + 30 * DAY)
        assert (token.lifetime, token.flags, token.generation) == (30 * DAY, [], 0)
        assert (token.previous_nonce, token.last_used_at, token.revoked_at) == (None, None, None)

    def test_it_takes_terms_and_makes_a_set_of_the_flags(self, membership: Membership) -> None:
        token = issue_token(
            membership=membership, by=MEMBER, expires_at=NOW + DAY, flags=["b", "a", "b"]
        )
        token.refresh_from_db()
        assert (token.expires_at, token.lifetime, token.flags) == (NOW + DAY, DAY, ["b", "a"])

    def test_two_texts_are_never_the_same(self, membership: Membership) -> None:
        first = issue_token(membership=membership, by=MEMBER).derive_text()
        revoke_token(membership=membership, by=MEMBER)
        second = issue_token(membership=membership, by=MEMBER).derive_text()
        assert first != second

    @pytest.mark.parametrize("expires_at", [NOW + TICK, NOW + 365 * DAY])
    def test_an_expiry_within_the_limits_is_taken(
        self, expires_at: datetime, membership: Membership
    ) -> None:
        token = issue_token(membership=membership, by=MEMBER, expires_at=expires_at)
        assert token.expires_at == expires_at

    @pytest.mark.parametrize("expires_at", [NOW - TICK, NOW, NOW + 365 * DAY + TICK])
    def test_an_expiry_beyond_the_limits_is_refused(
        self, expires_at: datetime, membership: Membership
    ) -> None:
        with pytest.raises(LifetimeError):
            issue_token(membership=membership, by=STAFF, expires_at=expires_at)
        assert not AuthToken.objects.exists()

    def test_the_error_names_the_latest_expiry(self, membership: Membership) -> None:
        with pytest.raises(LifetimeError) as caught:
            issue_token(membership=membership, by=STAFF, expires_at=NOW + 366 * DAY)
        assert str(caught.value.message) == (
            "Choose an expiry within the longest lifetime of this entity: until "
            "2031-01-31T12:00:00+00:00."
        )

    @pytest.mark.parametrize(
        "flags",
        [[""], ["a b"], ["a\n"], ["ü"], ["x" * 65], [f"f{n}" for n in range(33)], ["a", "/"]],
    )
    def test_flags_of_the_wrong_form_are_refused(
        self, flags: list[str], membership: Membership
    ) -> None:
        with pytest.raises(FlagsError):
            issue_token(membership=membership, by=STAFF, flags=flags)

    def test_the_most_flags_of_the_longest_form_are_taken(self, membership: Membership) -> None:
        flags = [f"{n:02}" + "x" * 62 for n in range(32)]
        assert issue_token(membership=membership, by=MEMBER, flags=flags).flags == flags

    def test_a_live_one_stands_in_the_way(self, membership: Membership) -> None:
        token = issue_token(membership=membership, by=MEMBER)
        with pytest.raises(TokenExistsError):
            issue_token(membership=membership, by=STAFF)
        assert AuthToken.objects.get() == token

    def test_an_expired_one_is_replaced(self, membership: Membership) -> None:
        old = AuthTokenFactory(membership=membership, issued_at=NOW - DAY, lifetime=DAY)
        token = issue_token(membership=membership, by=MEMBER)
        old.refresh_from_db()
        assert (old.revoked_at, old.revocation_reason) == (NOW, RevocationReason.REPLACED)
        assert AuthToken.objects.live(at=NOW).get() == token

    def test_one_that_expires_a_tick_later_is_not(self, membership: Membership) -> None:
        AuthTokenFactory(membership=membership, issued_at=NOW - DAY, lifetime=DAY + TICK)
        with pytest.raises(TokenExistsError):
            issue_token(membership=membership, by=MEMBER)

    def test_one_of_an_epoch_before_is_replaced(self, membership: Membership) -> None:
        issue_token(membership=membership, by=MEMBER)
        revoke_entity(entity=membership.entity, by=STAFF)
        token = issue_token(membership=membership, by=MEMBER)
        assert token.epoch == 1
        assert AuthToken.objects.live(at=NOW).get() == token

    @pytest.mark.parametrize("who", ["", "user__", "entity__"])
    def test_nobody_who_is_off_gets_one(self, who: str) -> None:
        membership = MembershipFactory(**{f"{who}off": True})
        with pytest.raises(MembershipInactiveError):
            issue_token(membership=membership, by=STAFF)

    def test_only_an_admin_sets_restricted_flags(self, membership: Membership) -> None:
        with pytest.raises(FlagNotGrantedError):
            issue_token(membership=membership, by=MEMBER, flags=["a", "billing"])
        token = issue_token(membership=membership, by=STRANGER, flags=["a", "billing"])
        assert token.flags == ["a", "billing"]

    def test_an_authentication_token_makes_none_with_flags_that_it_lacks(
        self, membership: Membership
    ) -> None:
        weak = Actor.user("u-admin", is_admin=True, flags=frozenset({"a"}))
        with pytest.raises(FlagCeilingError):
            issue_token(membership=membership, by=weak, flags=["a", "b"])
        assert issue_token(membership=membership, by=weak, flags=["a"]).flags == ["a"]


class TestUpdate:
    def test_it_changes_what_is_given_and_keeps_the_text(self, membership: Membership) -> None:
        text = issue_token(membership=membership, by=MEMBER, flags=["a"]).derive_text()
        token = update_token(membership=membership, by=MEMBER, flags=["c", "b", "c"])
        assert (token.flags, token.expires_at) == (["c", "b"], NOW + 30 * DAY)
        token = update_token(membership=membership, by=MEMBER, expires_at=NOW + 2 * DAY)
        token.refresh_from_db()
        assert (token.flags, token.expires_at, token.lifetime) == (
            ["c", "b"],
            NOW + 2 * DAY,
            2 * DAY,
        )
        assert (token.derive_text(), token.generation, token.issued_at) == (text, 0, NOW)
        assert update_token(membership=membership, by=MEMBER, flags=[]).flags == []

    def test_nothing_to_change_is_an_error(self, membership: Membership) -> None:
        issue_token(membership=membership, by=MEMBER)
        with pytest.raises(NothingToChangeError):
            update_token(membership=membership, by=MEMBER)

    @pytest.mark.parametrize("expires_at", [NOW, NOW + 365 * DAY + TICK])
    def test_a_bad_expiry_changes_nothing_at_all(
        self, expires_at: datetime, membership: Membership
    ) -> None:
        issue_token(membership=membership, by=MEMBER, flags=["a"])
        with pytest.raises(LifetimeError):
            update_token(membership=membership, by=MEMBER, flags=["b"], expires_at=expires_at)
        token = AuthToken.objects.get()
        assert (token.flags, token.expires_at) == (["a"], NOW + 30 * DAY)

    def test_a_member_keeps_and_drops_restricted_flags_and_adds_none(
        self, membership: Membership
    ) -> None:
        issue_token(membership=membership, by=STAFF, flags=["billing"])
        kept = update_token(membership=membership, by=MEMBER, flags=["billing", "a"])
        assert kept.flags == ["billing", "a"]
        with pytest.raises(FlagNotGrantedError):
            update_token(membership=membership, by=MEMBER, flags=["billing", "root"])
        assert update_token(membership=membership, by=MEMBER, flags=["a"]).flags == ["a"]
        with pytest.raises(FlagNotGrantedError):
            update_token(membership=membership, by=MEMBER, flags=["billing"])

    def test_flags_that_an_admin_took_away_meanwhile_do_not_come_back(
        self, membership: Membership
    ) -> None:
        """The member's request read the row before the admin changed it."""
        issue_token(membership=membership, by=STAFF, flags=["billing"])
        stale = Membership.objects.with_token().get()
        update_token(membership=membership, by=STAFF, flags=[])
        with pytest.raises(FlagNotGrantedError):
            update_token(membership=stale, by=MEMBER, flags=["billing"])

    @pytest.mark.parametrize("flags", [["a", "b"], ["a"], None])
    def test_a_weak_authentication_token_touches_no_stronger_one(
        self, flags: list[str] | None, membership: Membership
    ) -> None:
        issue_token(membership=membership, by=STAFF, flags=["a", "b"])
        weak = Actor.user("u-admin", is_admin=True, flags=frozenset({"a"}))
        with pytest.raises(FlagCeilingError):
            update_token(membership=membership, by=weak, flags=flags, expires_at=NOW + DAY)

    def test_a_weak_authentication_token_makes_none_stronger(self, membership: Membership) -> None:
        issue_token(membership=membership, by=STAFF, flags=["a"])
        weak = Actor.user("u-admin", is_admin=True, flags=frozenset({"a"}))
        with pytest.raises(FlagCeilingError):
            update_token(membership=membership, by=weak, flags=["a", "b"])
        assert update_token(membership=membership, by=weak, flags=[]).flags == []


class TestRevoke:
    def test_it_is_final(self, membership: Membership) -> None:
        issue_token(membership=membership, by=MEMBER)
        token = revoke_token(membership=membership, by=MEMBER)
        token.refresh_from_db()
        assert (token.revoked_at, token.revocation_reason) == (NOW, RevocationReason.DELETED)
        with pytest.raises(TokenRevokedError):
            revoke_token(membership=membership, by=MEMBER)

    def test_an_expired_one_is_revoked_too(self, membership: Membership) -> None:
        """It could be refreshed otherwise."""
        AuthTokenFactory(membership=membership, issued_at=NOW - DAY, lifetime=DAY)
        assert revoke_token(membership=membership, by=MEMBER).revoked_at == NOW

    def test_of_two_at_once_one_wins(self, membership: Membership) -> None:
        issue_token(membership=membership, by=MEMBER)
        stale = Membership.objects.with_token().get()
        revoke_token(membership=membership, by=MEMBER)
        with pytest.raises(TokenRevokedError):
            revoke_token(membership=stale, by=MEMBER)


class TestRead:
    def test_a_live_one_is_shown(self, membership: Membership) -> None:
        token = issue_token(membership=membership, by=MEMBER)
        assert read_token(membership=membership, by=MEMBER) == token

    def test_one_with_flags_that_the_actors_own_lacks_is_not(self, membership: Membership) -> None:
        issue_token(membership=membership, by=STAFF, flags=["a"])
        with pytest.raises(FlagCeilingError):
            read_token(membership=membership, by=Actor.user("x", is_admin=True, flags=frozenset()))


def _revoke(membership: Membership) -> None:
    issue_token(membership=membership, by=STAFF)
    revoke_token(membership=membership, by=STAFF)


def _revoke_entity(membership: Membership) -> None:
    issue_token(membership=membership, by=STAFF)
    revoke_entity(entity=membership.entity, by=STAFF)


def _suspend(membership: Membership) -> None:
    issue_token(membership=membership, by=STAFF)
    Membership.objects.update(is_active=False)


def _expire(membership: Membership) -> None:
    AuthTokenFactory(membership=membership, issued_at=NOW - DAY, lifetime=DAY)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda membership: None, TokenNotFoundError),
        (_revoke, TokenRevokedError),
        (_revoke_entity, TokenRevokedError),
        (_suspend, TokenSuspendedError),
        (_expire, TokenExpiredError),
    ],
)
@pytest.mark.parametrize("service", [read_token, update_token])
def test_a_dead_token_is_neither_shown_nor_changed_and_the_error_says_why(
    service: Callable[..., object],
    make: Callable[[Membership], None],
    error: type[Exception],
    membership: Membership,
) -> None:
    make(membership)
    changes = {"flags": ["a"]} if service is update_token else {}
    with pytest.raises(error):
        service(membership=Membership.objects.get(), by=STAFF, **changes)


@pytest.mark.parametrize("service", [read_token, update_token])
def test_a_token_of_a_retired_key_is_neither_shown_nor_changed(
    service: Callable[..., object], membership: Membership, settings: Any
) -> None:
    issue_token(membership=membership, by=STAFF)
    settings.SECRET_KEY = "another" * 10
    changes = {"flags": ["a"]} if service is update_token else {}
    with pytest.raises(TokenKeyRetiredError):
        service(membership=membership, by=STAFF, **changes)
