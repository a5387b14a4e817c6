from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from entities.actors import Actor
from entities.models import AuthToken, Entity, RevocationReason
from entities.services import prune_tokens, revoke_entity, revoke_tokens
from tests.factories import AuthTokenFactory, EntityFactory

pytestmark = pytest.mark.django_db

BY = Actor.command("tests")


def test_every_token_of_an_entity_dies_by_one_row(django_assert_num_queries: Any) -> None:
    entity = EntityFactory()
    AuthTokenFactory.create_batch(3, membership__entity=entity)
    other = AuthTokenFactory()
    with django_assert_num_queries(4):  # savepoint, the row, reading it, release
        revoke_entity(entity=entity, by=BY)
    assert entity.token_epoch == 1
    assert AuthToken.objects.live(at=timezone.now()).get() == other
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
    with django_assert_num_queries(3):  # savepoint, the statement, release
        count = revoke_tokens(
            tokens=AuthToken.objects.filter(membership__entity=entity).order_by("pk"),
            reason=RevocationReason.COMMAND,
        )
    assert count == 3
    assert AuthToken.objects.unrevoked().get() == other
    assert AuthToken.objects.get(pk=before.pk).revocation_reason == RevocationReason.STAFF


def test_pruning_deletes_what_is_finished_in_batches_and_nothing_else() -> None:
    long_ago = timezone.now() - timedelta(days=90)
    AuthTokenFactory.create_batch(5, issued_at=long_ago)
    AuthTokenFactory.create_batch(2, revoked_at=long_ago, revocation_reason=RevocationReason.STAFF)
    kept = [AuthTokenFactory(), AuthTokenFactory(expired=True), AuthTokenFactory(revoked=True)]
    before = timezone.now() - timedelta(days=30)
    assert list(prune_tokens(before=before, batch_size=3)) == [3, 3, 1]
    assert set(AuthToken.objects.all()) == set(kept)


def test_pruning_that_is_stopped_keeps_what_it_did() -> None:
    AuthTokenFactory.create_batch(3, issued_at=timezone.now() - timedelta(days=90))
    next(iter(prune_tokens(before=timezone.now(), batch_size=1)))
    assert AuthToken.objects.count() == 2
