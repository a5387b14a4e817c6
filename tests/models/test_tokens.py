"""The rule of what is live stands in Python and in SQL: one test binds the two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from entities.models import ApiKey, AuthToken, Death, Membership, UserToken
from tests.factories import ApiKeyFactory, AuthTokenFactory, MembershipFactory, UserTokenFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("facts", "death"),
    [
        ({}, None),
        ({"expires_at": NOW + TICK}, None),
        ({"expires_at": NOW}, Death.EXPIRED),
        ({"expires_at": NOW - TICK}, Death.EXPIRED),
        ({"revoked_at": NOW + TICK, "revocation_reason": "staff"}, Death.REVOKED),
        ({"revoked_at": NOW - TICK, "revocation_reason": "staff"}, Death.REVOKED),
        ({"epoch": 3}, None),
        ({"epoch": 2}, Death.ENTITY_REVOKED),
        ({"epoch": 4}, Death.ENTITY_REVOKED),
        ({"membership__off": True}, Death.SUSPENDED),
        ({"membership__user__off": True}, Death.SUSPENDED),
        ({"membership__entity__off": True}, Death.SUSPENDED),
    ],
)
def test_live_tokens_are_the_same_in_python_and_in_sql(
    facts: dict[str, Any], death: Death | None
) -> None:
    facts = {"issued_at": NOW - timedelta(days=1), "membership__entity__token_epoch": 3} | facts
    token = AuthTokenFactory(**facts)
    assert token.dead_because(at=NOW) is death
    assert AuthToken.objects.live(at=NOW).exists() is (death is None)


@pytest.mark.parametrize("factory", [ApiKeyFactory, UserTokenFactory])
@pytest.mark.parametrize(
    ("facts", "is_live"),
    [
        ({}, True),
        ({"expires_at": NOW + TICK}, True),
        ({"expires_at": NOW}, False),
        ({"revoked_at": NOW + TICK}, False),
        ({"revoked_at": NOW, "expires_at": NOW + TICK}, False),
    ],
)
def test_live_keys_are_the_same_in_python_and_in_sql(
    factory: Any, facts: dict[str, Any], is_live: bool
) -> None:
    credential: ApiKey | UserToken = factory(created_at=NOW - timedelta(days=1), **facts)
    assert credential.is_live(at=NOW) is is_live
    assert type(credential).objects.live(at=NOW).exists() is is_live


@pytest.mark.parametrize(
    ("facts", "is_live"),
    [
        ({}, True),
        ({"off": True}, False),
        ({"user__off": True}, False),
        ({"entity__off": True}, False),
    ],
)
def test_live_memberships_are_the_same_in_python_and_in_sql(
    facts: dict[str, Any], is_live: bool
) -> None:
    membership = MembershipFactory(**facts)
    assert membership.is_live is is_live
    assert Membership.objects.live().exists() is is_live


def test_a_membership_comes_with_its_token_in_one_query(django_assert_num_queries: Any) -> None:
    token = AuthTokenFactory()
    AuthTokenFactory(membership=token.membership, revoked=True)
    with django_assert_num_queries(1):
        membership = Membership.objects.with_token().get()
        assert membership.current_token == token
        assert membership.current_token.membership.entity == membership.entity
        assert membership.had_token is True


def test_a_membership_without_a_token_says_so() -> None:
    MembershipFactory()
    membership = Membership.objects.with_token().get()
    assert (membership.current_token, membership.had_token) == (None, False)


def test_no_name_of_a_row_has_anything_secret() -> None:
    token, key, user_token = AuthTokenFactory(), ApiKeyFactory(), UserTokenFactory()
    assert str(token) == f"authentication token {token.pk}"
    assert str(key) == f"{key.name} ({key.entity_id})"
    assert str(user_token) == f"{user_token.name} ({user_token.user_id})"
    assert str(token.membership) == f"{token.membership.user_id} in {token.membership.entity_id}"


def test_finished_tokens_are_those_revoked_or_expired_before() -> None:
    issued = NOW - timedelta(days=90)
    old = AuthTokenFactory(issued_at=issued, lifetime=timedelta(days=1))
    gone = AuthTokenFactory(
        issued_at=issued,
        expires_at=NOW + TICK,
        revoked_at=NOW - TICK,
        revocation_reason="staff",
    )
    AuthTokenFactory(issued_at=issued, expires_at=NOW)
    assert set(AuthToken.objects.finished(before=NOW)) == {old, gone}


def test_the_columns_of_lists_are_kept_by_triggers() -> None:
    """The factory leaves them out; a row that was read before they were written is saved again."""
    token = AuthTokenFactory(flags=["a"])
    token.save()
    stored = AuthToken.objects.get()
    assert stored.listed_in == token.membership.entity
    AuthToken.objects.update(flags=["b"])
    (row,) = stored.flag_rows.all()
    assert (row.flag, row.listed_in, row.created_at) == (
        "b",
        token.membership.entity,
        token.created_at,
    )
