"""Signals go out after the commit, and once for each change."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from entities import moments, signals
from entities.actors import Actor
from entities.exceptions import TokenReusedError
from entities.models import AuthToken, RevocationReason
from entities.services import (
    add_flag,
    issue_token,
    read_token,
    refresh_token,
    revoke_entity,
    revoke_token,
    revoke_tokens,
    revoke_tokens_in_batches,
    update_token,
)
from entities.services.transactions import atomic
from tests.databases import connection
from tests.factories import MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)

BY = Actor.user("u-1")
NAMES = [
    "token_issued",
    "token_refreshed",
    "token_updated",
    "token_revoked",
    "token_reused",
    "token_text_read",
    "entity_revoked",
    "tokens_revoked",
    "tokens_updated",
]


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Any]]]:
    """Collect the name and the facts of each signal."""
    sent: list[tuple[str, Any]] = []
    receivers = {}
    for name in NAMES:

        def receive(name: str = name, **facts: Any) -> None:
            sent.append((name, facts))

        receivers[name] = receive
        getattr(signals, name).connect(receive)
    yield sent
    for name, receive in receivers.items():
        getattr(signals, name).disconnect(receive)


def test_each_change_is_told_once(heard: list[tuple[str, Any]]) -> None:
    membership = MembershipFactory(user__id="u-1")
    token = issue_token(membership=membership, by=BY)
    update_token(membership=membership, by=BY, flags=["a"])
    refresh_token(membership=membership, by=BY)
    revoke_token(membership=membership, by=BY)
    revoke_entity(entity=membership.entity, by=BY)
    assert [name for name, _ in heard] == [
        "token_issued",
        "token_updated",
        "token_refreshed",
        "token_revoked",
        "entity_revoked",
    ]
    assert all(facts["actor"] == BY for _, facts in heard)
    assert all(facts["token"] == token for _, facts in heard[:4])
    assert heard[4][1]["entity"] == membership.entity


def test_reuse_is_told_and_then_the_revocation(heard: list[tuple[str, Any]]) -> None:
    membership = MembershipFactory()
    old = issue_token(membership=membership, by=BY).derive_text()
    refresh_token(membership=membership, by=BY)
    AuthToken.objects.update(issued_at=moments.now() - timedelta(minutes=1))
    heard.clear()
    with pytest.raises(TokenReusedError):
        refresh_token(membership=membership, by=BY, text=old)
    assert [name for name, _ in heard] == ["token_reused", "token_revoked"]


def test_a_change_of_many_is_told_as_one(heard: list[tuple[str, Any]]) -> None:
    for _ in range(2):
        issue_token(membership=MembershipFactory(), by=BY)
    heard.clear()
    every, reason = AuthToken.objects.all(), RevocationReason.STAFF
    assert list(add_flag(tokens=every, flag="a", by=BY)) == [2]
    assert list(revoke_tokens_in_batches(tokens=every, reason=reason, by=BY)) == [2]
    issue_token(membership=MembershipFactory(), by=BY)
    assert revoke_tokens(tokens=every, reason=reason, by=BY) == 1
    told = [(name, facts["count"], facts.get("reason")) for name, facts in heard if name[5] == "s"]
    assert told == [
        ("tokens_updated", 2, None),
        ("tokens_revoked", 2, reason),
        ("tokens_revoked", 1, reason),
    ]


def test_a_change_that_is_rolled_back_is_not_told(heard: list[tuple[str, Any]]) -> None:
    membership = MembershipFactory()
    with atomic():
        issue_token(membership=membership, by=BY)
        connection.set_rollback(True)
    assert heard == []


def test_a_text_shown_to_anybody_but_its_user_is_told(
    heard: list[tuple[str, Any]], settings: Any
) -> None:
    membership = MembershipFactory(user__id="u-1")
    issue_token(membership=membership, by=BY)
    heard.clear()
    read_token(membership=membership, by=BY)
    assert heard == []
    for other in (Actor.user("u-2", is_admin=True), Actor.staff("u-1")):
        read_token(membership=membership, by=other)
    assert [name for name, _ in heard] == ["token_text_read", "token_text_read"]
    update_token(membership=membership, by=Actor.user("u-2"), flags=["a"])
    assert [name for name, _ in heard[2:]] == ["token_updated", "token_text_read"]
    heard.clear()
    update_token(membership=membership, by=BY, flags=[])
    update_token(membership=membership, by=Actor.staff(1), flags=["a"])  # who sees no text there
    assert [name for name, _ in heard] == ["token_updated", "token_updated"]
    settings.ENTITIES = {"TOKEN_READBACK": False}  # then nothing is shown
    read_token(membership=membership, by=Actor.staff(1))
    assert len(heard) == 2


def test_a_failing_receiver_undoes_nothing() -> None:
    def fail(**facts: Any) -> None:
        raise ZeroDivisionError

    signals.token_issued.connect(fail)
    try:
        issue_token(membership=MembershipFactory(), by=BY)
    finally:
        signals.token_issued.disconnect(fail)
    assert AuthToken.objects.exists()
