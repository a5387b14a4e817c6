"""API keys and user tokens in the admin: issued with a text shown once, revoked, never edited."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages

from entities import keys, moments
from entities.actors import Actor
from entities.codec import Kind
from entities.models import ApiKey, KeyAccess, UserToken
from entities.services import issue_api_key, issue_user_token, revoke_api_key, revoke_user_token
from tests.admin.conftest import (
    act,
    admin_url,
    assert_nowhere,
    issue,
    terms_of,
    text_on,
    url_of,
)
from tests.factories import ApiKeyFactory, EntityFactory, UserFactory

BY = Actor.command("tests")

KINDS = [
    pytest.param(ApiKey, "entity", EntityFactory, Kind.API_KEY, id="api-key"),
    pytest.param(UserToken, "user", UserFactory, Kind.USER_TOKEN, id="user-token"),
]
each_kind = pytest.mark.parametrize(("model", "field", "factory", "kind"), KINDS)


def make(model, owner, name="tests"):
    if model is ApiKey:
        return issue_api_key(entity=owner, name=name, by=BY)
    return issue_user_token(user=owner, name=name, by=BY)


def revoke(credential):
    if isinstance(credential, ApiKey):
        revoke_api_key(api_key=credential, by=BY)
    else:
        revoke_user_token(token=credential, by=BY)


def errors_of(page):
    assert page.status_code == 200
    return [str(error) for each in page.context["form"].errors.values() for error in each]


@each_kind
def test_issuing_shows_the_text_once_and_keeps_it_nowhere(
    boss, caplog, model, field, factory, kind
):
    owner = factory(id="auth0|ü b")

    page = issue(boss, model, **{field: owner.pk}, name="web")

    credential = model.objects.get()
    text = text_on(page)
    parsed = keys.parse(text)
    assert (parsed.kind, parsed.id) == (kind, credential.pk)
    assert (getattr(credential, field), credential.name) == (owner, "web")
    assert "no-store" in page["Cache-Control"]
    assert list(get_messages(page.wsgi_request)) == []
    assert LogEntry.objects.get().get_change_message() == "Issued."
    assert_nowhere(text, client=boss)
    assert text not in caplog.text


@each_kind
def test_a_reload_of_the_answer_issues_nothing(boss, model, field, factory, kind):
    url = admin_url(model, "add")
    terms = terms_of(boss.get(url), **{field: factory().pk}, name="web")
    text = text_on(boss.post(url, terms))
    revoke(model.objects.get())

    again = boss.post(url, terms)

    assert "was sent before" in errors_of(again)[0]
    assert text not in again.content.decode()
    assert model.objects.count() == 1


@each_kind
def test_two_live_ones_of_an_owner_have_two_names(boss, model, field, factory, kind):
    owner = factory()
    credential, _ = make(model, owner, "web")

    assert (
        "of this name exists" in errors_of(issue(boss, model, **{field: owner.pk}, name="web"))[0]
    )

    text_on(issue(boss, model, **{field: factory().pk}, name="web"))
    revoke(credential)
    text_on(issue(boss, model, **{field: owner.pk}, name="web"))


@each_kind
@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"name": ""}, "required"),
        ({"name": "x" * 101}, "at most 100"),
        ({"name": "\x00"}, "Null characters"),
        ({"expires_at_0": "2001-01-01", "expires_at_1": "00:00"}, "expiry in the future"),
        ({"expires_at_0": "9999-12-31", "expires_at_1": "23:59"}, "Enter a valid"),
    ],
)
def test_terms_that_cannot_be_are_errors_in_the_form(
    boss, settings, model, field, factory, kind, terms, sentence
):
    settings.TIME_ZONE = "America/New_York"

    page = issue(boss, model, **{field: factory().pk, "name": "web"} | terms)

    assert any(sentence in error for error in errors_of(page)), errors_of(page)
    assert model.objects.count() == 0


@each_kind
@pytest.mark.parametrize("garbage", ["", "nobody", "\x00", "x" * 300])
def test_an_owner_that_does_not_exist_is_an_error_in_the_form(
    boss, model, field, factory, kind, garbage
):
    assert errors_of(issue(boss, model, **{field: garbage}, name="web"))
    assert boss.get(admin_url(model, "add"), {field: garbage}).status_code == 200


@each_kind
def test_revoking_is_confirmed_and_done_for_good(boss, model, field, factory, kind):
    credential, text = make(model, factory())

    page = act(boss, credential, "revoke")

    credential.refresh_from_db()
    assert page.url == url_of(credential, "change")
    assert credential.revoked_at is not None
    assert LogEntry.objects.get().get_change_message() == "Revoked."
    assert_nowhere(text, client=boss)


@each_kind
def test_what_was_revoked_before_is_said_to_be(boss, model, field, factory, kind):
    credential, _ = make(model, factory())
    revoke(credential)
    credential.refresh_from_db()
    at = credential.revoked_at

    page = boss.post(url_of(credential, "revoke"), {"seen": "0"})

    assert "This was revoked before." in page.content.decode()
    credential.refresh_from_db()
    assert credential.revoked_at == at
    assert LogEntry.objects.count() == 0


@each_kind
def test_a_revocation_that_was_faster_is_an_error_on_the_page(
    boss, monkeypatch, model, field, factory, kind
):
    credential, _ = make(model, factory())
    service = "revoke_api_key" if model is ApiKey else "revoke_user_token"
    monkeypatch.setattr(f"entities.admin.credentials.{service}", lambda **kwargs: False)

    assert errors_of(act(boss, credential, "revoke")) == ["This was revoked before."]


@each_kind
def test_nothing_is_edited_or_deleted(boss, model, field, factory, kind):
    credential, _ = make(model, factory())

    assert boss.post(url_of(credential, "change"), {"name": "other"}).status_code == 403
    assert boss.post(url_of(credential, "delete"), {"post": "yes"}).status_code == 403

    page = boss.get(url_of(credential, "change")).content.decode()
    assert "nonce" not in page
    assert str(credential.signing_key) not in page
    assert bytes(credential.nonce).hex() not in page


@each_kind
def test_a_dead_one_is_listed_as_what_it_is(boss, model, field, factory, kind):
    make(model, factory(off=True), "suspended")
    revoked, _ = make(model, factory(), "revoked")
    revoke(revoked)
    expired, _ = make(model, factory(), "expired")
    model.objects.filter(pk=expired.pk).update(
        created_at=moments.now() - timedelta(days=2),
        expires_at=moments.now() - timedelta(days=1),
    )
    make(model, factory(), "live")

    for status in ("live", "expired", "revoked", "suspended"):
        page = boss.get(admin_url(model, "changelist"), {"status": status})
        assert [row.name for row in page.context["cl"].result_list] == [status]
        assert f"entities-status-{status}" in page.content.decode()


@pytest.mark.parametrize("access", KeyAccess.values)
def test_an_api_key_is_issued_with_an_access_which_a_rotation_keeps(boss, access):
    page = issue(boss, ApiKey, entity=EntityFactory().pk, name="web", access=access)

    key = ApiKey.objects.get()
    assert key.access == access
    text = text_on(page)
    assert keys.parse(text).id == key.pk
    assert str(KeyAccess(access).label) in page.content.decode()
    assert_nowhere(text, client=boss)
    rotated(boss, key)
    assert [each.access for each in ApiKey.objects.all()] == [access, access]


def test_an_api_key_is_standard_unless_another_access_is_chosen(boss):
    assert boss.get(admin_url(ApiKey, "add")).context["form"]["access"].value() == "standard"
    issue(boss, ApiKey, entity=EntityFactory().pk, name="web", access="")
    assert ApiKey.objects.get().access == "standard"
    page = issue(boss, ApiKey, entity=EntityFactory().pk, name="web", access="root")
    assert "Select a valid choice" in errors_of(page)[0]
    assert ApiKey.objects.count() == 1


def test_api_keys_are_listed_shown_and_filtered_by_access(boss):
    for access in KeyAccess.values:
        ApiKeyFactory(name=access, access=access)

    for access in KeyAccess:
        page = boss.get(admin_url(ApiKey, "changelist"), {"access__exact": access.value})
        (key,) = page.context["cl"].result_list
        assert key.name == access.value
        assert f'<td class="field-access">{access.label}</td>' in page.content.decode()
        assert str(access.label) in boss.get(url_of(key, "change")).content.decode()


def rotated(client, credential, overlap="24"):
    return act(client, credential, "rotate", overlap=overlap)


@each_kind
def test_rotating_shows_a_new_text_once_and_ends_the_old_after_the_overlap(
    boss, model, field, factory, kind
):
    old, old_text = make(model, factory())

    page = rotated(boss, old)

    text = text_on(page)
    new = model.objects.exclude(pk=old.pk).get()
    assert new.name == old.name
    assert keys.parse(text).id == new.pk
    old.refresh_from_db()
    assert timedelta(hours=23) < old.expires_at - moments.now() <= timedelta(hours=24)
    assert (old.revoked_at, new.expires_at) == (None, None)
    assert_nowhere(text, old_text, client=boss)


@each_kind
def test_without_an_overlap_the_old_one_ends_at_once(boss, model, field, factory, kind):
    old, _ = make(model, factory())
    rotated(boss, old, overlap="0")
    old.refresh_from_db()
    assert old.revoked_at is not None


@each_kind
def test_a_reload_of_a_rotation_rotates_nothing(boss, model, field, factory, kind):
    old, _ = make(model, factory())
    url = url_of(old, "rotate")
    terms = terms_of(boss.get(url), overlap="720")
    assert boss.post(url, terms).status_code == 200

    again = boss.post(url, terms)

    assert "nothing was done" in again.content.decode()
    assert model.objects.count() == 2


@pytest.mark.parametrize("overlap", ["", "5", "-1", "x"])
def test_an_overlap_that_is_not_offered_is_an_error(boss, overlap):
    old, _ = make(ApiKey, EntityFactory())
    page = rotated(boss, old, overlap=overlap)
    assert set(page.context["form"].errors) == {"overlap"}
    assert ApiKey.objects.count() == 1


@each_kind
def test_what_has_ended_is_not_rotated(boss, model, field, factory, kind):
    old, _ = make(model, factory())
    revoke(old)
    page = boss.get(url_of(old, "rotate"))
    assert "cannot be rotated" in page.content.decode()
    assert boss.post(url_of(old, "rotate"), {"seen": "0", "overlap": "1"}).status_code == 200
    assert model.objects.count() == 1
