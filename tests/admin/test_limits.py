"""Staff who are limited to some entities: nothing of another is seen, counted, found or touched."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

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
from entities.services import (
    issue_api_key,
    issue_token,
    issue_user_token,
    lift_staff_limit,
    limit_staff,
    save_entity,
)
from tests.admin.conftest import STAFF_ACTOR, act, admin_url, issue, text_on, url_of
from tests.factories import EntityFactory, MembershipFactory, UserFactory

MODELS = (Entity, User, Membership, ApiKey, UserToken, AuthToken, Event, StaffLimit)
HIDDEN = "zebra"  # in every id and name of what is somebody else's


class World:
    """An entity that is seen, one that is not, and a user who is in both."""

    def __init__(self):
        self.mine = EntityFactory(id="mine", name="Mine")
        theirs = EntityFactory(id=f"{HIDDEN}-e", name=f"{HIDDEN} entity")
        self.both = UserFactory(id="both", name="Both")
        stranger = UserFactory(id=f"{HIDDEN}-u", name=f"{HIDDEN} user")
        self.member = MembershipFactory(entity=self.mine, user=self.both)
        memberships = [
            MembershipFactory(entity=theirs, user=self.both),
            MembershipFactory(entity=theirs, user=stranger),
        ]
        self.token = issue_token(membership=self.member, by=STAFF_ACTOR, flags=["ours"])
        tokens = [
            issue_token(membership=each, by=STAFF_ACTOR, flags=[f"{HIDDEN}-flag"])
            for each in memberships
        ]
        key, self.key_text = issue_api_key(entity=theirs, name=f"{HIDDEN} key", by=STAFF_ACTOR)
        user_token, _ = issue_user_token(user=self.both, name=f"{HIDDEN} laptop", by=STAFF_ACTOR)
        account = get_user_model().objects.create_user(f"{HIDDEN}-clerk")
        limit = limit_staff(limit=StaffLimit(account=account), entities=[], by=STAFF_ACTOR)
        save_entity(entity=theirs, by=STAFF_ACTOR)
        self.theirs = {
            Entity: [theirs],
            User: [stranger],
            Membership: memberships,
            ApiKey: [key],
            UserToken: [user_token],
            AuthToken: tokens,
            Event: list(Event.objects.exclude(entity_id="mine")),
            StaffLimit: [limit],
        }
        self.strange_token_text = tokens[0].derive_text()


@pytest.fixture
def world(db):
    return World()


def limited(*entities, **kwargs):
    """Log in staff with every permission there is, limited to `entities`."""
    account = get_user_model().objects.create_user("clerk", is_staff=True, **kwargs)
    account.user_permissions.set(Permission.objects.filter(content_type__app_label="entities"))
    limit = limit_staff(limit=StaffLimit(account=account), entities=entities, by=STAFF_ACTOR)
    client = Client()
    client.force_login(account)
    client.limit = limit
    return client


@pytest.fixture
def clerk(world):
    return limited(world.mine)


def addresses_with_an_object():
    """The names of the admin's pages about one object of ours, each as a template of its path."""
    for model in MODELS:
        for pattern in admin.site.get_model_admin(model).get_urls():
            if "object_id" in str(pattern.pattern) and pattern.name:
                page = pattern.name.removeprefix(f"entities_{model._meta.model_name}_")
                yield model, page


def addresses_of_lists():
    for model in MODELS:
        for page in ("changelist", "add"):
            yield admin_url(model, page)
    yield "/admin/"
    yield "/admin/entities/"
    yield "/admin/entities/event/export/"
    yield "/admin/entities/authtoken/known-flags/"


def content_of(answer):
    return b"".join(answer.streaming_content if answer.streaming else [answer.content]).decode()


def snapshot():
    models = (Entity, User, Membership, ApiKey, UserToken, AuthToken, StaffLimit)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def test_the_walk_meets_every_page_there_is():
    assert set(addresses_with_an_object()) >= {
        (AuthToken, "refresh"),
        (AuthToken, "revoke"),
        (ApiKey, "rotate"),
        (UserToken, "rotate"),
        (User, "signout"),
        (Entity, "revoke"),
        (Event, "change"),
        (StaffLimit, "delete"),
        (Membership, "history"),
    }


@pytest.mark.parametrize(("model", "page"), [*addresses_with_an_object()])
def test_no_page_about_anything_of_another_entity_opens_and_none_changes_it(
    world, clerk, model, page
):
    before = snapshot()
    for obj in world.theirs[model]:
        terms = {
            "seen": "0",
            "confirmation": obj.pk,
            "overlap": "0",
            "post": "yes",
            "name": "taken over",
            "role": "admin",
            "flags": "root",
        }
        for answer in (
            clerk.get(url_of(obj, page)),
            clerk.post(url_of(obj, page), terms),
        ):
            assert answer.status_code in {302, 403, 404}, url_of(obj, page)
            assert (
                answer.status_code != 302
                or answer.url in {"/admin/", "../../change/"}
                or (answer.url == url_of(obj, "change"))
            )
    assert snapshot() == before


@pytest.mark.parametrize(("model", "page"), [*addresses_with_an_object()])
def test_a_shared_user_is_looked_at_and_not_touched(world, clerk, model, page):
    if model is not User:
        return
    before = snapshot()
    answer = clerk.get(url_of(world.both, page))
    expected = {"change": 200, "history": 200}.get(page, 403)
    assert answer.status_code in {expected, 302}
    assert HIDDEN not in content_of(answer)
    assert clerk.post(url_of(world.both, page), {"name": "x", "seen": "0"}).status_code in {
        302,
        403,
        200,
    }
    assert snapshot() == before


def test_no_list_no_number_and_no_export_shows_anything_of_another_entity(world, clerk):
    for url in addresses_of_lists():
        answer = clerk.get(url)
        assert answer.status_code in {200, 403}, url
        assert HIDDEN not in content_of(answer), url
    for query in ("q=zebra", f"entity={HIDDEN}-e", f"user={HIDDEN}-u", f"flag={HIDDEN}-flag"):
        for model in MODELS:
            answer = clerk.get(f"{admin_url(model, 'changelist')}?{query}")
            if answer.status_code == 200:
                assert list(answer.context["cl"].result_list) == [], (model, query)
    dashboard = clerk.get("/admin/").context["dashboard"]
    assert dashboard.totals[0].count == 1
    assert [chart.total for chart in dashboard.charts] == ["1", "1"]


def test_what_is_theirs_to_see_is_seen(world, clerk):
    assert clerk.get(url_of(world.token, "change")).status_code == 200
    assert clerk.get(url_of(world.mine, "revoke")).status_code == 200
    assert list(clerk.get("/admin/entities/user/").context["cl"].result_list) == [world.both]
    page = clerk.get(url_of(world.both, "change"))
    titles = [str(panel.title) for panel in page.context["entities_panels"]]
    assert titles == ["Memberships", "Authentication tokens", "What happened"]
    assert len(page.context["entities_panels"][0].rows) == 1
    assert "account" not in page.context["adminform"].form.fields


@pytest.mark.parametrize(
    ("model", "field", "kind"),
    [
        ("membership", "user", "none"),
        ("membership", "entity", "none"),
        ("authtoken", "membership", "some"),
        ("apikey", "entity", "none"),
        ("stafflimit", "entities", "none"),
        ("usertoken", "user", "none"),
    ],
)
def test_autocompletion_completes_nothing_of_another_entity(world, clerk, model, field, kind):
    for term in ("", HIDDEN):
        answer = clerk.get(
            "/admin/autocomplete/",
            {"app_label": "entities", "model_name": model, "field_name": field, "term": term},
        )
        assert answer.status_code == 200
        assert HIDDEN not in content_of(answer)


def test_a_foreign_choice_is_refused_by_every_form(world, clerk):
    theirs = world.theirs
    before = snapshot()
    for model, terms in (
        (AuthToken, {"membership": theirs[Membership][0].pk}),
        (ApiKey, {"entity": theirs[Entity][0].pk, "name": "new"}),
        (Membership, {"entity": theirs[Entity][0].pk, "user": "both", "role": "admin"}),
        (Membership, {"entity": "mine", "user": theirs[User][0].pk, "role": "admin"}),
    ):
        page = clerk.post(admin_url(model, "add"), {"form_id": "x", **terms})
        assert page.status_code == 200, model
        assert "Select a valid choice" in content_of(page), model
    assert snapshot() == before


def test_no_key_of_every_entity_is_issued_by_who_is_limited(world, clerk):
    form = clerk.get(admin_url(ApiKey, "add")).context["form"]
    assert [value for value, _ in form["access"].field.choices] == ["standard", "read_only"]
    terms = {"entity": "mine", "name": "new"}
    page = issue(clerk, ApiKey, **terms, access="superuser")
    assert page.status_code == 200
    assert "Select a valid choice" in content_of(page)
    assert not ApiKey.objects.filter(name="new").exists()
    text_on(issue(clerk, ApiKey, **terms, access="read_only"))


def test_no_key_of_every_entity_is_rotated_by_who_is_limited(world, clerk, boss):
    every, one = (
        issue_api_key(entity=world.mine, name=access, by=STAFF_ACTOR, access=access)[0]
        for access in ("superuser", "standard")
    )
    assert clerk.get(url_of(every, "rotate")).status_code == 403
    terms = {"seen": "0", "overlap": "24"}
    assert clerk.post(url_of(every, "rotate"), terms).status_code == 403
    assert url_of(every, "rotate") not in content_of(clerk.get(url_of(every, "change")))
    assert ApiKey.objects.filter(name="superuser").count() == 1

    text_on(act(clerk, one, "rotate", overlap="24"))
    assert act(clerk, every, "revoke").status_code == 302
    other = issue_api_key(entity=world.mine, name="other", by=STAFF_ACTOR, access="superuser")[0]
    text_on(act(boss, other, "rotate", overlap="24"))


def test_bulk_acts_reach_what_is_seen_and_nothing_else(world, clerk):
    every = [str(token.pk) for token in AuthToken.objects.all()]
    terms = {
        "action": "revoke_many",
        "select_across": "1",
        "_selected_action": every,
        "entities_confirmed": "yes",
    }
    clerk.post(admin_url(AuthToken, "changelist"), terms)
    assert AuthToken.objects.unrevoked().count() == 2
    clerk.post(admin_url(AuthToken, "changelist"), terms | {"select_across": "0"})
    assert AuthToken.objects.unrevoked().count() == 2


def test_a_pasted_text_of_another_entity_is_not_found(world, clerk):
    for text in (world.strange_token_text, world.key_text):
        answer = clerk.post(admin_url(AuthToken, "find"), {"q": text})
        assert answer.url == admin_url(AuthToken, "changelist")


def test_flags_of_another_entity_are_not_offered(world, clerk):
    def offered(membership):
        url = "/admin/entities/authtoken/known-flags/"
        return clerk.get(url, {"membership": membership.pk}).json()["flags"]

    assert offered(world.member) == ["ours"]
    assert offered(world.theirs[Membership][0]) == []


def test_a_user_of_another_entity_can_be_added_by_the_id_without_a_word_on_the_other(world, clerk):
    url = admin_url(Membership, "add")
    form = clerk.get(url)
    assert HIDDEN not in content_of(form)

    answer = clerk.post(url, {"entity": "mine", "new_user_id": f"{HIDDEN}-u", "role": "member"})

    assert answer.status_code == 302
    assert Membership.objects.filter(entity="mine", user=f"{HIDDEN}-u").exists()
    assert User.objects.get(pk=f"{HIDDEN}-u").name == f"{HIDDEN} user"


def test_a_limit_without_entities_shows_nothing(world):
    client = limited()
    for model in (Entity, User, Membership, ApiKey, AuthToken, Event):
        assert list(client.get(admin_url(model, "changelist")).context["cl"].result_list) == []


def test_a_lifted_limit_shows_everything_again(world, clerk):
    lift_staff_limit(limit=clerk.limit, by=STAFF_ACTOR)
    assert len(clerk.get(admin_url(Entity, "changelist")).context["cl"].result_list) == 2
    assert clerk.get(admin_url(UserToken, "changelist")).status_code == 200


def test_a_superuser_is_never_limited(world):
    client = limited(world.mine, is_superuser=True)
    assert len(client.get(admin_url(Entity, "changelist")).context["cl"].result_list) == 2


def test_the_limit_costs_one_query_a_request(world, clerk, django_assert_num_queries):
    url = admin_url(Entity, "changelist")
    clerk.get(url)
    from django.test.utils import CaptureQueriesContext

    from tests.databases import connection

    with CaptureQueriesContext(connection) as asked:
        clerk.get(url)
    limits = [each for each in asked.captured_queries if "stafflimit" in each["sql"]]
    assert len(limits) == 1


def test_staff_set_and_lift_limits_and_both_are_recorded(boss, world):
    account = get_user_model().objects.create_user("new", is_staff=True)
    url = admin_url(StaffLimit, "add")

    answer = boss.post(url, {"account": account.pk, "entities": ["mine"]})

    assert answer.status_code == 302, answer.content
    limit = StaffLimit.objects.get(account=account)
    assert [entity.pk for entity in limit.entities.all()] == ["mine"]
    page = boss.post(url, {"account": account.pk, "entities": ["mine"]})
    assert "already exists" in content_of(page)
    boss.post(url_of(limit, "change"), {"entities": []})
    assert limit.entities.count() == 0
    boss.post(url_of(limit, "delete"), {"post": "yes"})
    assert not StaffLimit.objects.filter(account=account).exists()
    last = list(Event.objects.order_by("-id").values_list("action", flat=True)[:3])
    assert last == ["staff_unlimited", "staff_limited", "staff_limited"]


def test_no_page_of_a_limited_member_of_staff_links_to_what_is_closed(world, clerk):
    for obj in (world.mine, world.both, world.member, world.token):
        source = content_of(clerk.get(url_of(obj, "change")))
        main = source.split('id="content"')[1]
        for url in re.findall(r'href="(/admin/entities/[^"]+)"', main):
            assert clerk.get(url.replace("&amp;", "&")).status_code == 200, url


def test_extending_by_a_limited_member_of_staff_leaves_others_alone(world, clerk):
    terms = {
        "action": "extend_many",
        "select_across": "1",
        "_selected_action": [str(world.token.pk)],
        "entities_confirmed": "yes",
        "lifetime": "365",
    }
    clerk.post(admin_url(AuthToken, "changelist"), terms)
    world.token.refresh_from_db()
    assert world.token.lifetime == timedelta(days=365)
    assert AuthToken.objects.filter(lifetime=timedelta(days=365)).count() == 1
