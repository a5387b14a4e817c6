from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command

from entities import moments
from entities.models import IdempotencyKey
from entities.models.retries import KEPT_FOR
from entities.services import prune_idempotency_keys

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept() -> IdempotencyKey:
    """Make three keys that ended, and one that has a minute left."""
    now = moments.now()
    for number in range(3):
        begun = now - KEPT_FOR - timedelta(minutes=number)
        IdempotencyKey.objects.create(id=f"{number}", fingerprint="f", started_at=begun)
    begun = now - KEPT_FOR + timedelta(minutes=1)
    return IdempotencyKey.objects.create(id="kept", fingerprint="f", started_at=begun)


def test_it_deletes_keys_that_ended_and_prints_how_many(
    kept: IdempotencyKey, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("prune_idempotency_keys", "--dry-run")
    assert (capsys.readouterr().out, IdempotencyKey.objects.count()) == ("3\n", 4)
    call_command("prune_idempotency_keys")
    assert capsys.readouterr().out == "3\n"
    assert IdempotencyKey.objects.get() == kept


def test_it_deletes_in_batches(kept: IdempotencyKey) -> None:
    assert list(prune_idempotency_keys(batch_size=2)) == [2, 1]
