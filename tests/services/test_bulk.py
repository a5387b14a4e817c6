from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from entities import moments
from entities.actors import Actor
from entities.exceptions import FlagsError, LifetimeError
from entities.models import Action, AuthToken, Entity, Event, RevocationReason
from entities.services import (
    add_flag,
    extend_tokens,
    prune_events,
    prune_tokens,
    remove_flag,
    revoke_entity,
    revoke_tokens,
    revoke_tokens_in_batches,
)
from tests.factories import AuthTokenFactory, EntityFactory, EventFactory

pytestmark = pytest.mark.django_db

BY = Actor.command("tests")


def test_every_token_of_an_entity_dies_by_one_row(django_assert_num_queries: Any) -> None:
    entity = EntityFactory()
    AuthTokenFactory.create_batch(3, membership__entity=entity)
    other = AuthTokenFactory()
    with django_assert_num_queries(5):  # savepoint, the row, reading it, the event, release
        revoke_entity(entity=entity, by=BY)
    assert entity.token_epoch == 1
    assert AuthToken.objects.live(at=moments.now()).get() == other
    assert AuthToken.objects.unrevoked().count() == 4


def test_an_epoch_counts_up_whatever_was_read_before() -> None:
    stale = EntityFactory()
    revoke_entity(entity=Entity.objects.get(), by=BY)
    revoke_entity(entity=stale, by=BY)
    assert Entity.objects.get().token_epoch == stale.token_epoch == 2


def test_matching_tokens_are_revoked_in_one_statement(django_assert_num_queries: Any) -> None:
    entity = EntityFactory()
    AuthTokenFactory.create_batch(3, membership__entity=entity)
    before = AuthTokenFactory(membership__entity=entity, revoked=True)
    other = AuthTokenFactory()
    with django_assert_num_queries(4):  # savepoint, the statement, the events, release
        count = revoke_tokens(
            tokens=AuthToken.objects.filter(membership__entity=entity).order_by("pk"),
            reason=RevocationReason.COMMAND,
            by=BY,
        )
    assert count == 3
    assert AuthToken.objects.unrevoked().get() == other
    assert AuthToken.objects.get(pk=before.pk).revocation_reason == RevocationReason.STAFF


def test_pruning_deletes_what_is_finished_in_batches_and_nothing_else() -> None:
    long_ago = moments.now() - timedelta(days=90)
    AuthTokenFactory.create_batch(5, issued_at=long_ago)
    AuthTokenFactory.create_batch(2, revoked_at=long_ago, revocation_reason=RevocationReason.STAFF)
    kept = [AuthTokenFactory(), AuthTokenFactory(expired=True), AuthTokenFactory(revoked=True)]
    before = moments.now() - timedelta(days=30)
    assert list(prune_tokens(before=before, batch_size=3)) == [3, 3, 1]
    assert set(AuthToken.objects.all()) == set(kept)


def test_pruning_that_is_stopped_keeps_what_it_did() -> None:
    AuthTokenFactory.create_batch(3, issued_at=moments.now() - timedelta(days=90))
    next(iter(prune_tokens(before=moments.now(), batch_size=1)))
    assert AuthToken.objects.count() == 2


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entities.services.bulk.BATCH_SIZE", 2)


@pytest.mark.usefixtures("small_batches")
def test_many_are_revoked_in_batches_each_with_its_event() -> None:
    tokens = AuthTokenFactory.create_batch(5)
    AuthTokenFactory(revoked=True)
    live = AuthToken.objects.live(at=moments.now())

    counts = list(revoke_tokens_in_batches(tokens=live, reason=RevocationReason.STAFF, by=BY))

    assert counts == [2, 2, 1]
    assert not live.exists()
    told = Event.objects.filter(action=Action.TOKEN_REVOKED).order_by("id")
    assert {event.credential_id for event in told} == {token.pk for token in tokens}
    first = told[0]
    token = AuthToken.objects.select_related("membership").get(pk=first.credential_id)
    owner = token.membership
    assert (first.entity_id, first.user_id) == (owner.entity_id, owner.user_id)
    assert (first.at, first.details) == (token.revoked_at, {"reason": "staff"})
    assert (first.actor_kind, first.actor_id, first.api_key_id) == ("command", "tests", None)


@pytest.mark.usefixtures("small_batches")
def test_what_stops_a_change_in_batches_keeps_what_was_done() -> None:
    AuthTokenFactory.create_batch(3)
    changes = revoke_tokens_in_batches(
        tokens=AuthToken.objects.all(), reason=RevocationReason.STAFF, by=BY
    )
    assert next(changes) == 2
    assert AuthToken.objects.unrevoked().count() == 1
    assert Event.objects.count() == 2


def test_each_batch_is_one_statement_beside_choosing_and_recording(
    django_assert_num_queries: Any,
) -> None:
    AuthTokenFactory.create_batch(31)
    # Savepoint, the keys, the events, the statement, release; and once more, to find no more.
    with django_assert_num_queries(8):
        sum(add_flag(tokens=AuthToken.objects.all(), flag="a", by=BY))


@pytest.mark.usefixtures("small_batches")
def test_live_tokens_are_extended_and_none_is_shortened_or_outlives_its_entitys_policy() -> None:
    now = moments.now()
    week = timedelta(days=7)
    short = [AuthTokenFactory(lifetime=timedelta(days=1)) for _ in range(3)]
    longer = AuthTokenFactory()
    strict = AuthTokenFactory(
        lifetime=timedelta(days=1),
        membership__entity__default_lifetime=timedelta(days=1),
        membership__entity__max_lifetime=timedelta(days=2),
    )
    AuthTokenFactory(expired=True)

    assert sum(extend_tokens(tokens=AuthToken.objects.all(), lifetime=week, by=BY)) == 3

    for token in short:
        token.refresh_from_db()
        assert token.lifetime == week
        assert token.expires_at - now >= week
    for token in (longer, strict):
        was = token.expires_at
        token.refresh_from_db()
        assert token.expires_at == was
    with pytest.raises(LifetimeError):
        extend_tokens(tokens=AuthToken.objects.all(), lifetime=timedelta(0), by=BY)


@pytest.mark.usefixtures("small_batches")
def test_a_flag_is_added_where_it_lacks_and_fits_and_removed_where_it_is() -> None:
    bare = AuthTokenFactory.create_batch(3)
    has = AuthTokenFactory(flags=["x", "y"])
    full = AuthTokenFactory(flags=[f"f{number}" for number in range(32)])
    AuthTokenFactory(revoked=True)
    every = AuthToken.objects.all()

    assert sum(add_flag(tokens=every, flag="x", by=BY)) == 3
    assert {tuple(AuthToken.objects.get(pk=token.pk).flags) for token in bare} == {("x",)}
    assert len(AuthToken.objects.get(pk=full.pk).flags) == 32
    assert sum(remove_flag(tokens=every.with_flag("y"), flag="x", by=BY)) == 1
    assert AuthToken.objects.get(pk=has.pk).flags == ["y"]
    assert sum(remove_flag(tokens=every, flag="x", by=BY)) == 3
    with pytest.raises(FlagsError):
        add_flag(tokens=every, flag="no flag", by=BY)
    last = Event.objects.latest("id")
    assert (last.action, last.details) == ("token_updated", {"removed": ["x"]})


def test_old_events_are_pruned_in_batches() -> None:
    EventFactory.create_batch(5, at=moments.now() - timedelta(days=400))
    kept = EventFactory()
    before = moments.now() - timedelta(days=365)
    assert list(prune_events(before=before, batch_size=2)) == [2, 2, 1]
    assert Event.objects.get() == kept
