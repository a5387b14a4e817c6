"""Entities, users and memberships in the admin."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.test.utils import CaptureQueriesContext

from entities.actors import Actor
from entities.exceptions import FlagsError
from entities.models import ApiKey, AuthToken, Entity, Event, Membership, User, UserToken
from entities.models.directory import Role
from entities.services import issue_api_key, issue_token, issue_user_token
from tests.admin.conftest import act, admin_url, terms_of, url_of
from tests.databases import connection
from tests.factories import EntityFactory, MembershipFactory, UserFactory

IDS = ["auth0|abc", "a b", "jo@example.org", "ü", "a_40b", "100%", "a?b#c", "%2F", "add", '"<b>']
POLICY = {"default_lifetime": "30", "max_lifetime": "365"}


def form_errors(page):
    assert page.status_code == 200
    return page.context["adminform"].form.errors


@pytest.mark.parametrize(("model", "prefix"), [(Entity, "e-"), (User, "u-")])
def test_an_id_left_empty_is_made(boss, model, prefix):
    page = boss.post(admin_url(model, "add"), {"id": "", "name": "Acme", "_continue": "1"} | POLICY)

    record = model.objects.get()
    assert record.pk.startswith(prefix)
    assert page.url == url_of(record, "change")
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.object_repr) == (record.pk, "Acme")
    assert boss.get(entry.get_admin_url()).status_code in (200, 301, 302)
    assert boss.get(page.url).status_code == 200


@pytest.mark.parametrize("model", [Entity, User])
@pytest.mark.parametrize("key", IDS)
def test_an_id_of_the_customers_own_works_in_every_address(boss, model, key):
    boss.post(admin_url(model, "add"), {"id": key, "name": ""} | POLICY)
    record = model.objects.get()
    assert record.pk == key

    for page in ("change", "history", "delete"):
        assert boss.get(url_of(record, page)).status_code == 200
    assert boss.post(url_of(record, "change"), {"name": "Renamed"} | POLICY).status_code == 302
    record.refresh_from_db()
    assert record.name == "Renamed"
    if model is Entity:
        assert act(boss, record, "revoke", confirmation=key).url == url_of(record, "change")
        assert boss.get(url_of(record, "change")).status_code == 200


@pytest.mark.parametrize("model", [Entity, User])
@pytest.mark.parametrize("key", ["a/b", ".", "..", "a\nb", "x" * 129])
def test_an_id_that_cannot_be_is_an_error_at_its_field(boss, model, key):
    page = boss.post(admin_url(model, "add"), {"id": key} | POLICY)

    assert list(form_errors(page)) == ["id"]
    assert model.objects.count() == 0


@pytest.mark.parametrize("factory", [EntityFactory, UserFactory])
def test_an_id_never_changes(boss, factory):
    record = factory()

    boss.post(url_of(record, "change"), {"id": "other"} | POLICY)

    assert list(type(record).objects.values_list("pk", flat=True)) == [record.pk]


@pytest.mark.parametrize("factory", [EntityFactory, UserFactory])
def test_an_id_that_exists_is_not_taken_again(boss, factory):
    record = factory()

    page = boss.post(admin_url(type(record), "add"), {"id": record.pk, "name": "Thief"} | POLICY)

    assert list(form_errors(page)) == ["id"]
    record.refresh_from_db()
    assert record.name != "Thief"


def test_the_policy_of_an_entity_is_edited_in_words_of_people(boss):
    entity = EntityFactory(restricted_flags=["root"])
    page = boss.get(url_of(entity, "change")).content.decode()
    assert 'value="30"' in page
    assert "root</textarea>" in page

    boss.post(
        url_of(entity, "change"),
        {"default_lifetime": "0.5", "max_lifetime": "90", "restricted_flags": "root, sudo\nroot"},
    )

    entity.refresh_from_db()
    assert entity.default_lifetime == timedelta(hours=12)
    assert entity.max_lifetime == timedelta(days=90)
    assert entity.restricted_flags == ["root", "sudo"]
    assert LogEntry.objects.get().get_change_message().startswith("Changed ")


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"default_lifetime": "31", "max_lifetime": "30"}, "__all__"),
        ({"default_lifetime": "0"}, "__all__"),
        ({"default_lifetime": "-1"}, "default_lifetime"),
        ({"default_lifetime": ""}, "default_lifetime"),
        ({"default_lifetime": "NaN"}, "default_lifetime"),
        ({"default_lifetime": "1e400"}, "default_lifetime"),
        ({"max_lifetime": "36501"}, "max_lifetime"),
        ({"restricted_flags": "a!"}, "restricted_flags"),
    ],
)
def test_a_policy_that_cannot_be_is_an_error_in_the_form(boss, terms, field):
    entity = EntityFactory()

    page = boss.post(url_of(entity, "change"), POLICY | terms)

    assert list(form_errors(page)) == [field]


def test_a_user_is_put_into_an_entity(boss):
    entity, user = EntityFactory(), UserFactory()

    boss.post(
        admin_url(Membership, "add"),
        {"entity": entity.pk, "user": user.pk, "role": "admin", "is_active": "on"},
    )

    membership = Membership.objects.get()
    assert (membership.entity, membership.user, membership.role) == (entity, user, Role.ADMIN)


def test_a_user_is_in_an_entity_once(boss):
    membership = MembershipFactory()

    page = boss.post(
        admin_url(Membership, "add"),
        {"entity": membership.entity_id, "user": membership.user_id, "role": "member"},
    )

    assert form_errors(page)["__all__"] == ["This user is in this entity already."]


@pytest.mark.parametrize("garbage", ["nobody", "\x00"])
def test_garbage_for_an_entity_is_an_error_in_the_form(boss, garbage):
    page = boss.post(
        admin_url(Membership, "add"), {"entity": garbage, "user": garbage, "role": "member"}
    )

    assert set(form_errors(page)) == {"entity", "user"}


def test_whose_a_membership_is_never_changes(boss):
    membership, other = MembershipFactory(), MembershipFactory()

    boss.post(
        url_of(membership, "change"),
        {"entity": other.entity_id, "user": other.user_id, "role": "admin"},
    )

    changed = Membership.objects.get(pk=membership.pk)
    assert (changed.entity, changed.user) == (membership.entity, membership.user)
    assert (changed.role, changed.is_active) == (Role.ADMIN, False)


def test_a_refusal_of_a_service_is_shown_in_the_form_and_nothing_is_kept(boss, monkeypatch):
    def refuse(user, by):
        user.save()
        raise FlagsError

    monkeypatch.setattr("entities.admin.directory.save_user", refuse)

    page = boss.post(admin_url(User, "add"), {"id": "jo"})

    assert form_errors(page)["__all__"] == [FlagsError.message]
    assert User.objects.count() == 0
    assert LogEntry.objects.count() == 0


def test_an_account_of_the_project_is_chosen_by_searching(boss):
    account = get_user_model().objects.create_user("somebody")
    user = UserFactory()

    boss.post(url_of(user, "change"), {"name": "Jo", "account": account.pk})

    user.refresh_from_db()
    assert user.account == account
    assert "admin-autocomplete" in boss.get(url_of(user, "change")).content.decode()


def test_where_the_hosts_admin_has_no_accounts_their_keys_are_typed(boss, monkeypatch):
    from django.contrib import admin

    account = get_user_model().objects.create_user("somebody")
    monkeypatch.delitem(admin.site._registry, get_user_model())
    user = UserFactory()

    page = boss.get(url_of(user, "change")).content.decode()
    boss.post(url_of(user, "change"), {"account": account.pk})

    assert '<input type="text" name="account"' in page
    user.refresh_from_db()
    assert user.account == account


def test_what_has_tokens_is_protected_from_deletion(boss):
    token = issue_token(membership=MembershipFactory(), by=Actor.staff(1))
    membership = token.membership

    for record in (membership, membership.user, membership.entity):
        page = boss.post(url_of(record, "delete"), {"post": "yes"})
        assert page.status_code == 200
        assert "Cannot delete" in page.content.decode()
    boss.post(
        admin_url(Membership, "changelist"),
        {"action": "delete_selected", "_selected_action": membership.pk, "post": "yes"},
    )

    assert (Membership.objects.count(), AuthToken.objects.count()) == (1, 1)


# Revoke every token of an entity


@pytest.fixture
def entity_with_tokens(db):
    entity = EntityFactory(id="acme|1")
    for _ in range(3):
        issue_token(membership=MembershipFactory(entity=entity), by=Actor.staff(1))
    return entity


def test_every_token_of_an_entity_is_revoked_by_one_row(boss, entity_with_tokens):
    page = boss.get(url_of(entity_with_tokens, "revoke"))
    assert "3 live authentication tokens stop being good at once." in page.content.decode()
    rows = list(AuthToken.objects.order_by("pk").values())

    answer = act(boss, entity_with_tokens, "revoke", confirmation="acme|1")

    assert answer.url == url_of(entity_with_tokens, "change")
    assert Entity.objects.get().token_epoch == 1
    assert list(AuthToken.objects.order_by("pk").values()) == rows
    entry = LogEntry.objects.get()
    assert entry.get_change_message() == "Revoked every authentication token."
    revoked = boss.get(admin_url(AuthToken, "changelist"), {"status": "entity_revoked"})
    assert len(revoked.context["cl"].result_list) == 3


@pytest.mark.parametrize("typed", ["", "acme", "ACME|1", "acme|12"])
def test_an_id_that_is_not_typed_rightly_revokes_nothing(boss, entity_with_tokens, typed):
    page = act(boss, entity_with_tokens, "revoke", confirmation=typed)

    assert list(page.context["form"].errors) == ["confirmation"]
    assert Entity.objects.get().token_epoch == 0


def test_a_confirmation_sent_again_revokes_nothing_more(boss, entity_with_tokens):
    url = url_of(entity_with_tokens, "revoke")
    terms = terms_of(boss.get(url), confirmation="acme|1")
    boss.post(url, terms)

    page = boss.post(url, terms)

    assert "nothing was done" in page.content.decode()
    assert Entity.objects.get().token_epoch == 1


# Ways from one page to the next


def test_pages_lead_to_what_belongs_to_them(boss):
    membership = MembershipFactory(entity__id="a b", user__id="auth0|abc")
    MembershipFactory()
    issue_token(membership=membership, by=Actor.staff(1))

    for record in (membership, membership.user, membership.entity):
        page = boss.get(url_of(record, "change"))
        for link in page.context["entities_links"]:
            assert boss.get(link.url).status_code == 200
        lists = [link.url for link in page.context["entities_links"] if "?" in link.url]
        tokens = next(url for url in lists if "/authtoken/?" in url)
        assert len(boss.get(tokens).context["cl"].result_list) == 1


def test_autocompletion_finds_a_membership_by_both_of_its_sides(boss):
    membership = MembershipFactory(entity__name="Acme", user__name="Ada")
    MembershipFactory(entity__name="Acme")
    query = {"app_label": "entities", "model_name": "authtoken", "field_name": "membership"}

    page = boss.get("/admin/autocomplete/", query | {"term": "ada acme\x00"})

    assert [each["id"] for each in json.loads(page.content)["results"]] == [str(membership.pk)]


@pytest.mark.parametrize("model", [Entity, User, Membership, ApiKey, UserToken, AuthToken])
def test_a_nul_in_an_address_is_not_found(boss, model):
    page = boss.get(f"/admin/entities/{model._meta.model_name}/a%00b/change/")

    assert page.status_code == 302


# Members


def add_member(client, **terms):
    return client.post(admin_url(Membership, "add"), {"role": "member", "is_active": "on"} | terms)


def test_a_new_user_is_made_and_put_into_the_entity_in_one_go(boss):
    entity = EntityFactory()

    answer = add_member(
        boss, entity=entity.pk, new_user_id="ada@example.org", new_user_name="Ada", role="admin"
    )

    membership = Membership.objects.get()
    assert answer.status_code == 302
    assert (membership.entity, membership.role) == (entity, Role.ADMIN)
    assert (membership.user.pk, membership.user.name) == ("ada@example.org", "Ada")
    assert LogEntry.objects.get().object_id == str(membership.pk)


def test_the_id_of_a_user_who_exists_puts_that_one_into_the_entity(boss):
    user = UserFactory(name="Ada")
    add_member(boss, entity=EntityFactory().pk, new_user_id=user.pk, new_user_name="Eve")
    assert Membership.objects.get().user == user
    assert User.objects.get().name == "Ada"


@pytest.mark.parametrize("both", [True, False])
def test_a_user_is_chosen_or_typed_not_both_and_not_neither(boss, both):
    terms = {"user": UserFactory().pk, "new_user_id": "x"} if both else {}
    page = add_member(boss, entity=EntityFactory().pk, **terms)
    assert form_errors(page)["__all__"] == [
        "Choose a user, or give the id of one: either, not both."
    ]
    assert not Membership.objects.exists()


def test_an_id_that_cannot_be_one_is_an_error_at_its_field(boss):
    page = add_member(boss, entity=EntityFactory().pk, new_user_id="a/b")
    assert set(form_errors(page)) == {"new_user_id"}
    assert not User.objects.exists()


def test_a_member_twice_by_a_typed_id_is_an_error_in_the_form(boss):
    membership = MembershipFactory()
    page = add_member(boss, entity=membership.entity_id, new_user_id=membership.user_id)
    assert form_errors(page)["__all__"] == [
        "This user is in this entity already. Change the role instead."
    ]
    assert Membership.objects.count() == 1


# Origins


def save_origins(client, entity, origins):
    return client.post(url_of(entity, "change"), POLICY | {"allowed_origins": origins})


def test_origins_are_typed_one_a_line_and_kept_as_browsers_write_them(boss):
    entity = EntityFactory()
    save_origins(boss, entity, "https://app.example.com/\nhttp://localhost:5173, https://a.b")
    entity.refresh_from_db()
    assert entity.allowed_origins == [
        "https://app.example.com",
        "http://localhost:5173",
        "https://a.b",
    ]


@pytest.mark.parametrize(
    "origin",
    [
        "app.example.com",
        "https://app.example.com/path",
        "https://APP.example.com",
        "https://app.example.com:443",
        "http://a.b:80",
        "https://*.example.com",
        "*",
        "null",
        "ftp://a.b",
        "https://user@a.b",
        "https://a_b",
        "https://-a.b",
    ],
)
def test_what_no_browser_sends_as_an_origin_is_refused(boss, origin):
    entity = EntityFactory()
    page = save_origins(boss, entity, origin)
    assert set(form_errors(page)) == {"allowed_origins"}
    entity.refresh_from_db()
    assert entity.allowed_origins == []


# What hangs on them


def panels_of(client, obj):
    panels = client.get(url_of(obj, "change")).context["entities_panels"]
    return {str(panel.title): panel for panel in panels}


def test_the_page_of_an_entity_shows_members_keys_counts_and_history(boss):
    entity = EntityFactory(id="acme")
    member = MembershipFactory(entity=entity, user__name="Ada", admin=True)
    MembershipFactory()
    issue_token(membership=member, by=Actor.staff(1))
    key, _ = issue_api_key(entity=entity, name="shop", by=Actor.staff(1))

    panels = panels_of(boss, entity)

    assert list(panels) == ["Counts", "Members", "API keys", "What happened"]
    assert [cell.value for cell in panels["Counts"].rows[0]] == ["1", "1", "1"]
    assert panels["Counts"].rows[0][1].url.endswith("authtoken/?entity=acme&status=live")
    ((user, role, active),) = panels["Members"].rows
    assert (user.value, role.value, active.value) == (f"Ada ({member.user_id})", "admin", "yes")
    assert user.url == url_of(member, "change")
    assert panels["API keys"].rows[0][0].url == url_of(key, "change")
    assert len(panels["What happened"].rows) == 2


def test_the_page_of_a_user_shows_memberships_and_tokens_across_entities(boss):
    user = UserFactory()
    for entity in ("acme", "globex"):
        member = MembershipFactory(entity__id=entity, user=user)
        issue_token(membership=member, by=Actor.staff(1), flags=[entity])
    issue_token(membership=MembershipFactory(), by=Actor.staff(1))

    panels = panels_of(boss, user)

    assert list(panels) == [
        "Memberships",
        "Authentication tokens",
        "User tokens",
        "What happened",
    ]
    assert [len(panels[name].rows) for name in panels] == [2, 2, 0, 2]
    assert panels["User tokens"].links[0].url.endswith(f"usertoken/add/?user={user.pk}")


def test_panels_show_the_first_rows_and_lead_to_all(boss):
    entity = EntityFactory(id="acme")
    MembershipFactory.create_batch(11, entity=entity)
    panel = panels_of(boss, entity)["Members"]
    assert len(panel.rows) == 10
    assert panel.more.url == "/admin/entities/membership/?entity=acme"


def test_what_is_beyond_a_thousand_is_not_counted(boss, monkeypatch):
    monkeypatch.setattr("entities.admin.panels._MOST_COUNTED", 2)
    entity = EntityFactory()
    MembershipFactory.create_batch(3, entity=entity)
    assert panels_of(boss, entity)["Counts"].rows[0][0].value == "2+"


def test_panels_of_what_staff_may_not_see_are_not_there(staff):
    entity = EntityFactory()
    issue_api_key(entity=entity, name="shop", by=Actor.staff(1))
    assert list(panels_of(staff("view_entity"), entity)) == []
    panels = panels_of(staff("view_entity", "view_apikey"), entity)
    assert list(panels) == ["Counts", "API keys"]
    assert panels["API keys"].links == []


@pytest.mark.parametrize("factory", [EntityFactory, UserFactory])
def test_a_page_with_panels_costs_the_same_for_1_row_and_for_9(boss, factory):
    obj = factory()
    of = {"entity": obj} if factory is EntityFactory else {"user": obj}

    def queries():
        with CaptureQueriesContext(connection) as asked:
            assert boss.get(url_of(obj, "change")).status_code == 200
        return len(asked)

    issue_token(membership=MembershipFactory(**of), by=Actor.staff(1))
    queries()
    one = queries()
    for _ in range(8):
        issue_token(membership=MembershipFactory(**of), by=Actor.staff(1))
    assert queries() == one


# Sign out


def test_a_user_is_signed_out_everywhere(boss):
    user = UserFactory()
    for _ in range(2):
        issue_token(membership=MembershipFactory(user=user), by=Actor.staff(1))
    issue_user_token(user=user, name="phone", by=Actor.staff(1))
    asked = boss.get(url_of(user, "signout")).content.decode()
    assert "Live authentication tokens" in asked

    answer = act(boss, user, "signout")

    assert answer.url == url_of(user, "change")
    assert not AuthToken.objects.unrevoked().exists()
    assert not UserToken.objects.filter(revoked_at__isnull=True).exists()
    assert Event.objects.latest("id").action == "user_signed_out"


def test_deleting_goes_through_the_service_and_is_recorded(boss):
    user, entity = UserFactory(), EntityFactory()
    boss.post(url_of(user, "delete"), {"post": "yes"})
    boss.post(
        admin_url(Entity, "changelist"),
        {"action": "delete_selected", "_selected_action": [entity.pk], "post": "yes"},
    )
    assert not User.objects.exists()
    assert not Entity.objects.exists()
    actions = Event.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["user_deleted", "entity_deleted"]
