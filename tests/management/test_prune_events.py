from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command

from entities import moments
from entities.models import Event
from tests.factories import EventFactory

pytestmark = pytest.mark.django_db


def test_it_deletes_old_events_and_prints_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    EventFactory(at=moments.now() - timedelta(days=366))
    EventFactory(at=moments.now() - timedelta(days=31))

    call_command("prune_events", "--dry-run")
    assert (capsys.readouterr().out, Event.objects.count()) == ("1\n", 2)
    call_command("prune_events")
    assert (capsys.readouterr().out, Event.objects.count()) == ("1\n", 1)
    call_command("prune_events", "--older-than", "30")
    assert (capsys.readouterr().out, Event.objects.count()) == ("1\n", 0)
