"""The dashboard counts what the lists list, in two queries, whatever there is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test.utils import CaptureQueriesContext

from entities import moments
from entities.admin import dashboard as module
from tests.databases import connection
from tests.factories import AuthTokenFactory, EntityFactory

INDEX = "/admin/"


@pytest.fixture
def tokens(db):
    now = moments.now()
    AuthTokenFactory.create_batch(2)
    AuthTokenFactory(lifetime=timedelta(days=3))
    AuthTokenFactory(expired=True)
    AuthTokenFactory(revoked=True)
    AuthTokenFactory(
        revoked_at=now - timedelta(days=2),
        revocation_reason="staff",
        issued_at=now - timedelta(days=40),
        expires_at=now + timedelta(days=2),
    )
    AuthTokenFactory(epoch=0, membership__entity__token_epoch=1)


def shown(client, url=INDEX):
    return client.get(url).context["dashboard"]


def test_each_number_is_the_length_of_the_list_it_leads_to(boss, tokens):
    totals = shown(boss).totals

    assert [(total.label, total.count) for total in totals] == [
        ("Live", 3),
        ("Expiring within 7 days", 1),
        ("Expired", 1),
        ("Revoked today", 1),
    ]
    for total in totals:
        assert len(boss.get(total.url).context["cl"].result_list) == total.count


def test_the_charts_count_by_day_and_can_be_read_without_being_seen(boss, tokens):
    coming, past = shown(boss).charts
    assert (coming.total, past.total) == ("3", "5")
    assert [count for _, count in coming.rows] == ["1", "2"]
    page = boss.get(INDEX).content.decode()
    assert page.count("<svg viewBox") == 2
    assert '<table class="visually-hidden">' in page
    assert " style=" not in page.split("entities-dashboard")[1].split("</section>")[0]


def test_it_takes_two_queries(boss, tokens):
    boss.get(INDEX)
    with CaptureQueriesContext(connection) as asked:
        boss.get(INDEX)
    mine = [query for query in asked.captured_queries if "entities_authtoken" in query["sql"]]
    assert len(mine) == 2


def test_who_sees_no_tokens_sees_no_dashboard(staff, tokens):
    assert shown(staff("view_entity")) is None
    assert shown(staff("view_authtoken")).totals[0].count == 3


def test_the_page_of_the_app_has_it_once(boss, tokens):
    page = boss.get("/admin/entities/").content.decode()
    assert page.count('class="entities-dashboard"') == 1
    assert boss.get(INDEX).content.decode().count('class="entities-dashboard"') == 1
    assert "entities-dashboard" not in boss.get("/admin/auth/").content.decode()


@pytest.mark.usefixtures("counting_cache")
def test_what_takes_long_to_count_is_kept_and_counted_anew_beside(boss, tokens, monkeypatch):
    monkeypatch.setattr(module, "WORTH_KEEPING", 0)
    began = []

    class AtOnce:
        def __init__(self, target, **kwargs):
            self.target = target

        def start(self):
            began.append(1)
            self.target()

    monkeypatch.setattr(module, "Thread", AtOnce)
    monkeypatch.setattr(module, "_close", lambda: None)
    assert not shown(boss).is_kept
    AuthTokenFactory()

    kept = shown(boss)
    assert (kept.is_kept, kept.totals[0].count, began) == (True, 3, [])
    assert "Counted at" in boss.get(INDEX).content.decode()

    monkeypatch.setattr(module, "FRESH", -1)
    assert shown(boss).totals[0].count == 3  # the old numbers, while others are counted
    assert began == [1]
    monkeypatch.setattr(module, "FRESH", 60)
    assert shown(boss).totals[0].count == 4


def test_no_tokens_are_no_error(boss):
    assert [total.count for total in shown(boss).totals] == [0, 0, 0, 0]
    EntityFactory()
    assert shown(boss).charts[0].rows == []
