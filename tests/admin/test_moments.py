"""The admin shows and takes times of the host's clock, with USE_TZ and without it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from entities.models import AuthToken
from tests.admin.conftest import url_of
from tests.factories import AuthTokenFactory, EntityFactory

NOW = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 1:30 in New York, for the first time that night
EVENING = datetime(2026, 11, 11, 2, 30, tzinfo=UTC)  # of the day before, there

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[True, False], ids=["USE_TZ", "naive"], autouse=True)
def clock(request, settings):
    settings.USE_TZ = request.param
    settings.TIME_ZONE = "America/New_York"
    with time_machine.travel(NOW, tick=False):
        yield


def test_pages_show_the_hosts_clock(boss):
    entity = EntityFactory()
    token = AuthTokenFactory(expires_at=EVENING)
    assert "Nov. 1, 2026, 1:30 a.m." in boss.get(url_of(entity, "change")).content.decode()
    page = boss.get(url_of(token, "change")).content.decode()
    assert 'value="2026-11-10"' in page
    assert 'value="21:30:00"' in page
    assert "Nov. 10, 2026, 9:30 p.m." in boss.get(url_of(token, "revoke")).content.decode()


def test_forms_take_the_hosts_clock(boss):
    token = AuthTokenFactory(expires_at=EVENING)
    typed = {"expires_at_0": "2026-11-12", "expires_at_1": "21:30:00", "flags": ""}
    assert boss.post(url_of(token, "change"), typed).status_code == 302
    assert AuthToken.objects.get().expires_at == EVENING + timedelta(days=2)


def test_a_form_that_is_sent_back_changes_nothing(boss):
    token = AuthTokenFactory(expires_at=EVENING)
    shown = {"expires_at_0": "2026-11-10", "expires_at_1": "21:30:00", "flags": ""}
    assert boss.post(url_of(token, "change"), shown).status_code == 302
    assert AuthToken.objects.get().lifetime == token.lifetime


def test_the_dashboard_counts_by_the_hosts_days(boss):
    AuthTokenFactory(issued_at=NOW - timedelta(hours=2), expires_at=EVENING)
    coming, past = boss.get("/admin/").context["dashboard"].charts
    assert (coming.rows, past.rows) == ([("11/10/2026", "1")], [("10/31/2026", "1")])
