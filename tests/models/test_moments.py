"""A moment is the same one whatever the host's USE_TZ says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from entities import moments
from entities.models import AuthToken, Entity
from entities.models.moments import MomentField
from entities.services import issue_token, read_token
from tests.conftest import BY
from tests.factories import AuthTokenFactory, EntityFactory, MembershipFactory

pytestmark = pytest.mark.django_db

# On this night New York's clocks showed 1:30 twice.
FIRST = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
SECOND = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
CLOCK = datetime(2026, 11, 1, 1, 30)  # noqa: DTZ001  what it showed


@pytest.fixture
def naive(settings: Any) -> None:
    settings.USE_TZ = False
    settings.TIME_ZONE = "America/New_York"


@pytest.mark.usefixtures("naive")
def test_the_hour_that_comes_twice_is_told_apart() -> None:
    for expires_at in (SECOND, FIRST):
        AuthTokenFactory(issued_at=FIRST - timedelta(days=1), expires_at=expires_at)
    first, second = AuthToken.objects.order_by("expires_at")
    assert (first.expires_at, second.expires_at) == (FIRST, SECOND)
    assert second.expires_at - first.expires_at == timedelta(hours=1)
    between = FIRST + timedelta(minutes=30)
    assert AuthToken.objects.live(at=between).get() == second
    assert (first.status_at(between), second.status_at(between)) == ("expired", "live")
    assert AuthToken.objects.get(expires_at=SECOND) == second
    assert list(AuthToken.objects.values_list("expires_at", flat=True).order_by("expires_at")) == [
        FIRST,
        SECOND,
    ]


@pytest.mark.usefixtures("naive")
def test_what_is_read_shows_the_hosts_clock_and_counts_by_the_moment() -> None:
    for created_at in (FIRST, SECOND):
        EntityFactory(created_at=created_at)
    first, second = Entity.objects.order_by("created_at")
    shown = [each.created_at.replace(tzinfo=None) for each in (first, second)]
    assert shown == [CLOCK, CLOCK]
    assert first.created_at < second.created_at
    assert second.created_at - timedelta(hours=1) == first.created_at


@pytest.mark.parametrize("writes", [True, False])
def test_the_setting_can_be_changed_over_rows_that_are_there(settings: Any, writes: bool) -> None:
    settings.TIME_ZONE = "America/New_York"
    settings.USE_TZ = writes
    for created_at in (FIRST, SECOND):
        EntityFactory(created_at=created_at)
    settings.USE_TZ = not writes
    kept = Entity.objects.order_by("created_at").values_list("created_at", flat=True)
    assert list(kept) == [FIRST, SECOND]


@pytest.mark.usefixtures("naive")
def test_a_naive_time_is_one_of_the_hosts_clock() -> None:
    entity = EntityFactory(created_at=CLOCK + timedelta(days=1))
    assert entity.created_at == SECOND + timedelta(days=1)  # an instance that was saved, too
    assert Entity.objects.get(created_at=CLOCK + timedelta(days=1)) == entity
    assert not Entity.objects.filter(created_at__gt=CLOCK + timedelta(days=1)).exists()


@pytest.mark.usefixtures("naive")
def test_the_services_take_and_give_moments() -> None:
    membership = MembershipFactory()
    ends = moments.now() + timedelta(days=3)
    issue_token(membership=membership, by=BY, expires_at=ends)
    token = read_token(membership=membership, by=BY)
    assert (token.expires_at, token.lifetime < timedelta(days=3)) == (ends, True)
    assert moments.now() - token.created_at < timedelta(minutes=1)


def test_in_migrations_it_is_djangos_own_field() -> None:
    field = MomentField(default=moments.now)
    _, path, args, kwargs = field.deconstruct()
    stock = {"default": timezone.now}  # noqa: TID251
    assert (path, args, kwargs) == ("django.db.models.DateTimeField", [], stock)


def test_with_time_zones_reading_one_costs_nothing(settings: Any) -> None:
    from tests.databases import connection

    settings.USE_TZ = True
    assert AuthToken._meta.get_field("expires_at").get_db_converters(connection) == []


def test_what_is_recorded_is_written_in_utc() -> None:
    assert moments.written(moments.localized(FIRST)) == "2026-11-01T05:30:00+00:00"
