"""Who may do what: every address of the admin, as each kind of staff."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from entities.actors import Actor
from entities.models import (
    ApiKey,
    AuthToken,
    Entity,
    Event,
    Membership,
    StaffLimit,
    User,
    UserToken,
)
from entities.services import issue_api_key, issue_token, issue_user_token
from tests.admin.conftest import MODELS, admin_url, url_of
from tests.factories import EventFactory, MembershipFactory

BY = Actor.command("tests")

ACTS = [
    (Entity, "revoke"),
    (User, "signout"),
    (ApiKey, "rotate"),
    (ApiKey, "revoke"),
    (UserToken, "rotate"),
    (UserToken, "revoke"),
    (AuthToken, "refresh"),
    (AuthToken, "revoke"),
]
ISSUED = [ApiKey, UserToken, AuthToken]
VIEW_ALL = tuple(f"view_{model._meta.model_name}" for model in MODELS)
STOCK_ALL = tuple(
    f"{verb}_{model._meta.model_name}"
    for model in MODELS
    for verb in ("view", "add", "change", "delete")
    if f"{verb}_{model._meta.model_name}" not in {"add_event", "change_event", "delete_event"}
)


@pytest.fixture
def rows(db):
    """One row of each model, by model."""
    membership = MembershipFactory(entity__id="acme", user__id="ada")
    return {
        Entity: membership.entity,
        User: membership.user,
        Membership: membership,
        ApiKey: issue_api_key(entity=membership.entity, name="a", by=BY)[0],
        UserToken: issue_user_token(user=membership.user, name="a", by=BY)[0],
        AuthToken: issue_token(membership=membership, by=Actor.staff(1)),
        Event: EventFactory(),
        StaffLimit: StaffLimit.objects.create(
            account=get_user_model().objects.create_user("limited")
        ),
    }


@pytest.fixture
def terms(rows):
    """What a form of any of our pages could carry."""
    return {
        "form_id": "x",
        "seen": "0",
        "confirmation": "acme",
        "overlap": "24",
        "account": get_user_model().objects.create_user("to be limited").pk,
        "new_user_id": "new",
        "membership": MembershipFactory().pk,
        "entity": "acme",
        "user": "ada",
        "name": "new",
        "id": "new",
        "post": "yes",
        "role": "member",
        "default_lifetime": "30",
        "max_lifetime": "365",
    }


def addresses(rows):
    """Every address of the admin for our models, with the permission that opens it to change."""
    for model, row in rows.items():
        name = model._meta.model_name
        if model is Event:
            for page in ("change", "delete"):
                yield url_of(row, page), None
            yield admin_url(Event, "add"), None
            continue
        verb = "issue" if model in ISSUED else "add"
        yield admin_url(model, "add"), f"{verb}_{name}"
        yield url_of(row, "delete"), f"delete_{name}" if model not in ISSUED else None
        yield url_of(row, "change"), f"change_{name}" if model not in {ApiKey, UserToken} else None
    for model, verb in ACTS:
        yield url_of(rows[model], verb), f"{verb}_{model._meta.model_name}"


def snapshot():
    return [list(model._default_manager.order_by("pk").values()) for model in MODELS]


def readable(rows):
    for model, row in rows.items():
        yield admin_url(model, "changelist")
        yield url_of(row, "change")
        yield url_of(row, "history")


def test_a_superuser_opens_every_address(boss, rows):
    for url in readable(rows):
        assert boss.get(url).status_code == 200
    for url, permission in addresses(rows):
        expected = 200 if permission or url.endswith("/change/") else 403
        assert boss.get(url).status_code == expected, url


def test_staff_who_only_view_see_everything_and_change_nothing(staff, rows, terms):
    client = staff(*VIEW_ALL)
    before = snapshot()

    for url in readable(rows):
        assert client.get(url).status_code == 200, url
    for url, _ in addresses(rows):
        if not url.endswith("/change/"):
            assert client.get(url).status_code == 403, url
        assert client.post(url, terms).status_code == 403, url

    assert snapshot() == before
    assert LogEntry.objects.count() == 0


def test_staff_who_only_view_are_offered_no_act(staff, rows):
    client = staff(*VIEW_ALL)

    for model, row in rows.items():
        page = client.get(url_of(row, "change"))
        offered = [link.url for link in page.context["entities_links"] if "?" not in link.url]
        assert offered == []
        assert 'type="submit"' not in page.content.decode().split('id="content-main"')[1]
        listed = client.get(admin_url(model, "changelist")).content.decode()
        assert "addlink" not in listed.split('id="content-main"')[1]
    assert "?membership=" not in client.get(url_of(rows[Membership], "change")).content.decode()


def test_all_of_djangos_own_permissions_open_no_act_of_ours(staff, rows, terms):
    client = staff(*STOCK_ALL)
    own = [admin_url(model, "add") for model in ISSUED]
    own += [url_of(rows[model], verb) for model, verb in ACTS]
    own += [url_of(rows[model], "delete") for model in ISSUED]
    before = snapshot()

    for url in own:
        assert client.get(url).status_code == 403, url
        assert client.post(url, terms).status_code == 403, url

    assert snapshot() == before


@pytest.mark.parametrize(("model", "verb"), ACTS)
def test_one_permission_opens_one_act(staff, rows, terms, model, verb):
    client = staff(f"{verb}_{model._meta.model_name}", *VIEW_ALL)
    mine = url_of(rows[model], verb)

    offered = client.get(url_of(rows[model], "change")).context["entities_links"]
    assert [link.url for link in offered if "?" not in link.url] == [mine]
    for url, _ in addresses(rows):
        if url != mine:
            assert client.post(url, terms).status_code == 403, url
    assert client.get(mine).status_code == 200
    assert client.post(mine, terms).status_code in {200, 302}
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize(("model", "verb"), ACTS)
def test_who_may_not_see_an_object_cannot_act_on_it(staff, rows, terms, model, verb):
    client = staff(f"{verb}_{model._meta.model_name}")
    before = snapshot()

    assert client.get(url_of(rows[model], verb)).status_code == 403
    assert client.post(url_of(rows[model], verb), terms).status_code == 403
    assert snapshot() == before


@pytest.mark.parametrize("model", ISSUED)
def test_who_may_only_issue_issues_and_sees_the_text_once(staff, rows, terms, model):
    client = staff(f"issue_{model._meta.model_name}")
    url = admin_url(model, "add")
    count = model.objects.count()

    assert client.get(reverse("admin:index")).context["app_list"][0]["models"][0]["add_url"] == url
    assert client.get(url).status_code == 200
    page = client.post(url, terms)

    assert page.status_code == 200
    assert model.objects.count() == count + 1
    assert str(page.context["text"]) in page.content.decode()
    assert client.get(admin_url(model, "changelist")).status_code == 403
    for row in rows.values():
        assert client.get(url_of(row, "change")).status_code == 403


def test_no_page_leads_to_a_list_that_is_not_open(staff, rows):
    client = staff("view_entity", "view_apikey")

    links = client.get(url_of(rows[Entity], "change")).context["entities_links"]

    assert [link.url for link in links] == [f"{admin_url(ApiKey, 'changelist')}?entity=acme"]


def test_who_may_change_a_token_edits_it_and_does_nothing_else(staff, rows, terms):
    client = staff("change_authtoken")
    token = rows[AuthToken]

    page = client.get(url_of(token, "change"))

    assert 'name="_save"' in page.content.decode()
    assert page.context["entities_links"] == []
    assert client.post(url_of(token, "refresh"), terms).status_code == 403
    assert client.post(url_of(token, "revoke"), terms).status_code == 403


@pytest.mark.parametrize("kind", ["nobody", "no staff", "switched off"])
def test_who_is_no_staff_is_sent_to_the_login(staff, rows, terms, kind):
    client = Client() if kind == "nobody" else staff(is_staff=False, is_superuser=True)
    if kind == "switched off":
        client = staff(is_superuser=True)
        get_user_model().objects.update(is_active=False)
    before = snapshot()

    for url in [*readable(rows), *(url for url, _ in addresses(rows))]:
        for answer in (client.get(url), client.post(url, terms)):
            assert answer.status_code == 302
            assert answer.url.startswith("/admin/login/")
    assert snapshot() == before


def test_staff_without_a_permission_see_nothing(staff, rows, terms):
    client = staff()

    assert client.get(reverse("admin:index")).context["app_list"] == []
    for url in [*readable(rows), *(url for url, _ in addresses(rows))]:
        assert client.get(url).status_code == 403
        assert client.post(url, terms).status_code == 403
