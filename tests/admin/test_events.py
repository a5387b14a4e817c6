"""The record, as staff read it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from uuid import uuid4

import pytest

from entities import moments
from entities.actors import Actor, Application
from entities.models import Action, AuthToken, Event
from entities.services import issue_token, revoke_token
from tests.admin.conftest import STAFF_ACTOR, admin_url, url_of
from tests.factories import EventFactory, MembershipFactory

LIST = "/admin/entities/event/"


def found(client, **query):
    page = client.get(LIST, query)
    assert page.status_code == 200
    return list(page.context["cl"].result_list)


def exported(client, **query):
    answer = client.get(f"{LIST}export/", query)
    assert answer.status_code == 200
    assert answer.streaming
    lines = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(lines)))


def test_a_page_of_a_token_has_its_history(boss):
    membership = MembershipFactory()
    token = issue_token(membership=membership, by=STAFF_ACTOR, flags=["read"])
    revoke_token(membership=membership, by=STAFF_ACTOR)
    issue_token(membership=MembershipFactory(), by=STAFF_ACTOR)

    (panel,) = boss.get(url_of(token, "change")).context["entities_panels"]

    what = [str(row[1].value) for row in panel.rows]
    assert what == ["token revoked", "token issued"]
    assert panel.rows[0][3].value == "reason: deleted"
    assert panel.more.url == f"{LIST}?credential={token.pk}"
    assert len(found(boss, credential=str(token.pk))) == 2


def test_an_application_that_acted_for_itself_is_named_once(boss):
    membership = MembershipFactory()
    token = issue_token(membership=membership, by=STAFF_ACTOR)
    key = uuid4()
    revoke_token(membership=membership, by=Actor.api_key(Application(key, "shop")))

    (panel,) = boss.get(url_of(token, "change")).context["entities_panels"]
    assert str(panel.rows[0][2].value) == "application shop"
    (row,) = exported(boss, q=str(key))
    assert (row["actor_kind"], row["actor_id"], row["actor_name"], row["application"]) == (
        "application",
        str(key),
        "shop",
        "shop",
    )


@pytest.mark.parametrize("by", ["entity_id", "user_id", "actor_id", "actor_name", "request_id"])
def test_events_are_found_by_whole_ids_and_names(boss, by):
    event = EventFactory(**{by: "needle"})
    EventFactory(**{by: "needle-not"})
    assert found(boss, q="needle") == [event]


def test_events_are_found_by_credential_and_address(boss):
    credential = uuid4()
    event = EventFactory(credential_id=credential, client_address="2001:db8::1")
    EventFactory(credential_id=uuid4(), client_address="192.0.2.1")
    assert found(boss, q=str(credential)) == [event]
    assert found(boss, q="2001:DB8::1") == [event]
    assert found(boss, q="192.0.2.1 needle") == []


def test_events_are_filtered(boss):
    old = EventFactory(at=moments.now() - timedelta(days=8), entity_id="acme", user_id="ada")
    new = EventFactory(action=Action.TOKEN_REUSED)
    assert found(boss, action="token_reused") == found(boss, when="7") == [new]
    assert found(boss, when="today") == [new]
    assert found(boss, entity="acme") == found(boss, user="ada") == [old]
    assert found(boss, when="30") == found(boss, action="nonsense") == [new, old]
    assert found(boss, credential="nonsense") == []


def test_nobody_changes_an_event(boss):
    event = EventFactory()
    for page in ("change", "delete"):
        assert boss.post(url_of(event, page), {"post": "yes"}).status_code == 403
    assert boss.get(admin_url(Event, "add")).status_code == 403
    page = boss.get(url_of(event, "change"))
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()


def test_what_is_filtered_is_exported_the_newest_first(boss, monkeypatch):
    monkeypatch.setattr("entities.admin.events._CHUNK", 2)
    events = EventFactory.create_batch(5, entity_id="acme", details={"reason": "ü"})
    EventFactory(entity_id="globex")

    rows = exported(boss, entity="acme")

    assert [row["id"] for row in rows] == [str(event.pk) for event in reversed(events)]
    assert rows[0]["details"] == '{"reason": "ü"}'
    assert rows[0]["at"] == moments.written(events[-1].at)
    assert rows[0]["client_address"] == ""
    link = boss.get(LIST, {"entity": "acme"}).context["entities_list_links"][0]
    assert link.url == f"{LIST}export/?entity=acme"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_what_a_spreadsheet_would_run_is_exported_as_text(boss, start):
    EventFactory(user_id=f"{start}cmd|x", actor_name=f"{start}1")
    (row,) = exported(boss)
    assert (row["user_id"], row["actor_name"]) == (f"'{start}cmd|x", f"'{start}1")


def test_exporting_is_a_permission_of_its_own(staff):
    client = staff("view_event")
    assert client.get(f"{LIST}export/").status_code == 403
    assert "entities_list_links" not in client.get(LIST).context
    assert staff("export_event").get(f"{LIST}export/").status_code == 403
    assert exported(staff("view_event", "export_event")) == []


def test_exporting_costs_a_query_a_chunk(boss, django_assert_max_num_queries):
    EventFactory.create_batch(50)
    exported(boss)
    with django_assert_max_num_queries(12):
        assert len(exported(boss)) == 50


def test_an_event_of_a_later_version_is_shown(boss):
    event = EventFactory(action="unheard_of", details={"x": None, "y": [], "z": ["a", "b"]})
    page = boss.get(url_of(event, "change")).content.decode()
    assert "unheard_of" in page
    assert "x: none" in page
    assert "z: a, b" in page


def test_events_lead_to_what_they_are_about(boss):
    token = issue_token(membership=MembershipFactory(), by=STAFF_ACTOR)
    page = boss.get(LIST).content.decode()
    assert f'href="{admin_url(AuthToken, "change", token.pk)}"' in page
