"""Authentication tokens in the admin: issued, refreshed, revoked, edited, and read."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client, override_settings
from django.urls import NoReverseMatch
from django.utils import timezone

from entities import keys, moments, signals
from entities.actors import Actor, ActorKind
from entities.models import AuthToken, RevocationReason
from entities.services import issue_token, refresh_token, revoke_token
from tests.admin.conftest import (
    act,
    admin_url,
    assert_nowhere,
    issue,
    terms_of,
    text_on,
    url_of,
)
from tests.conftest import path_of
from tests.factories import AuthTokenFactory, EntityFactory, MembershipFactory

STAFF = Actor.staff(1)
ISSUE_URL = "/admin/entities/authtoken/add/"


@pytest.fixture
def token(db):
    return issue_token(membership=MembershipFactory(), by=STAFF, flags=["read"])


def errors_of(page):
    assert page.status_code == 200
    return [str(error) for each in page.context["form"].errors.values() for error in each]


def last_act():
    entry = LogEntry.objects.latest("pk")
    return entry.object_id, entry.get_change_message()


# Issue


def test_issuing_shows_the_text_once_in_the_answer_and_keeps_it_nowhere(boss, caplog):
    membership = MembershipFactory()

    page = issue(boss, AuthToken, membership=membership.pk, flags="read, write")

    token = AuthToken.objects.get()
    text = text_on(page)
    assert keys.parse(text).id == token.id
    assert text == token.derive_text()
    assert token.membership == membership
    assert token.flags == ["read", "write"]
    assert "no-store" in page["Cache-Control"]
    assert "It is not shown again" in page.content.decode()
    assert list(get_messages(page.wsgi_request)) == []
    assert last_act() == (str(token.pk), "Issued.")
    assert_nowhere(text, client=boss)
    assert text not in caplog.text


def test_the_staff_member_is_the_actor(boss, django_capture_on_commit_callbacks):
    heard = []

    def listen(actor, **kwargs):
        heard.append(actor)

    signals.token_issued.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            issue(boss, AuthToken, membership=MembershipFactory().pk)
    finally:
        signals.token_issued.disconnect(listen)

    (actor,) = heard
    assert (actor.kind, actor.is_admin) == (ActorKind.STAFF, True)
    assert (actor.id, actor.name) == (boss.session["_auth_user_id"], "staff-0")
    assert actor.origin.client_address == "127.0.0.1"


def test_the_expiry_that_is_chosen_is_the_tokens(boss):
    tomorrow = timezone.localtime(moments.now() + timedelta(days=1)).replace(microsecond=0)

    issue(
        boss,
        AuthToken,
        membership=MembershipFactory().pk,
        expires_at_0=tomorrow.date().isoformat(),
        expires_at_1=tomorrow.time().isoformat(),
    )

    assert AuthToken.objects.get().expires_at == tomorrow


def test_a_membership_can_be_chosen_by_the_address(boss):
    membership = MembershipFactory()

    page = boss.get(ISSUE_URL, {"membership": membership.pk})

    assert f'<option value="{membership.pk}" selected>' in page.content.decode()


@pytest.mark.parametrize("garbage", ["", "x", "\x00", "9" * 30, "-1", "[]"])
def test_garbage_for_a_membership_is_shown_as_an_error(boss, garbage):
    assert boss.get(ISSUE_URL, {"membership": garbage}).status_code == 200
    assert errors_of(issue(boss, AuthToken, membership=garbage))


def test_a_live_token_in_the_way_is_an_error_in_the_form(boss, token):
    page = issue(boss, AuthToken, membership=token.membership_id)

    assert errors_of(page) == [
        "This user has a live authentication token. Refresh it, or delete it first."
    ]
    assert list(AuthToken.objects.all()) == [token]


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"flags": "no spaces!"}, "Flags are at most 32 labels"),
        ({"flags": ",".join(map(str, range(33)))}, "Flags are at most 32 labels"),
        ({"expires_at_0": "2001-01-01", "expires_at_1": "00:00"}, "expiry in the future"),
        ({"expires_at_0": "0001-01-01", "expires_at_1": "00:00"}, "expiry in the future"),
        ({"expires_at_0": "9998-01-01", "expires_at_1": "00:00"}, "the longest lifetime"),
        ({"expires_at_0": "9999-12-31", "expires_at_1": "23:59"}, "Enter a valid"),
        ({"expires_at_0": "soon"}, "Enter a valid"),
        ({"form_id": ""}, "required"),
    ],
)
def test_terms_that_the_service_refuses_are_errors_in_the_form(boss, terms, sentence):
    membership = MembershipFactory()

    with timezone.override("America/New_York"), override_settings(TIME_ZONE="America/New_York"):
        page = issue(boss, AuthToken, membership=membership.pk, **terms)

    assert any(sentence in error for error in errors_of(page)), errors_of(page)
    assert AuthToken.objects.count() == 0
    assert LogEntry.objects.count() == 0


def test_a_switched_off_user_gets_no_token(boss):
    page = issue(boss, AuthToken, membership=MembershipFactory(off=True).pk)

    assert errors_of(page) == ["This user is deactivated in this entity. Activate it first."]


def test_a_reload_of_the_answer_issues_nothing_and_shows_nothing(boss):
    membership = MembershipFactory()
    terms = terms_of(boss.get(ISSUE_URL), membership=membership.pk)
    text = text_on(boss.post(ISSUE_URL, terms))

    again = boss.post(ISSUE_URL, terms)

    assert "was sent before" in errors_of(again)[0]
    assert text not in again.content.decode()
    assert AuthToken.objects.count() == 1


def test_a_reload_issues_nothing_even_where_the_token_was_revoked_since(boss):
    membership = MembershipFactory()
    terms = terms_of(boss.get(ISSUE_URL), membership=membership.pk)
    boss.post(ISSUE_URL, terms)
    revoke_token(membership=membership, by=STAFF)

    again = boss.post(ISSUE_URL, terms)

    assert "was sent before" in errors_of(again)[0]
    assert AuthToken.objects.unrevoked().count() == 0


def test_a_form_that_was_refused_can_be_mended_and_sent_again(boss):
    terms = terms_of(boss.get(ISSUE_URL), membership=MembershipFactory().pk)
    assert errors_of(boss.post(ISSUE_URL, terms | {"flags": "!"}))

    text_on(boss.post(ISSUE_URL, terms))


# Refresh


def test_refreshing_shows_the_new_text_once_and_keeps_it_nowhere(boss, token, caplog):
    old = token.derive_text()

    page = act(boss, token, "refresh")

    token.refresh_from_db()
    text = text_on(page)
    assert text == token.derive_text() != old
    assert token.generation == 1
    assert old not in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert list(get_messages(page.wsgi_request)) == []
    assert last_act() == (str(token.pk), "Refreshed.")
    assert_nowhere(text, old, client=boss)
    assert text not in caplog.text


def test_the_page_before_a_refresh_says_what_will_happen_and_to_whom(boss, token):
    page = boss.get(url_of(token, "refresh")).content.decode()

    assert token.membership.user_id in page
    assert token.membership.entity_id in page
    assert "The old text stops being good 30 seconds later" in page
    assert token.derive_text() not in page
    token.refresh_from_db()
    assert token.generation == 0


def test_without_a_grace_the_page_says_that_the_old_text_ends_at_once(boss, token, settings):
    settings.ENTITIES = {"REFRESH_GRACE": timedelta(0)}

    assert "stops being good at once" in boss.get(url_of(token, "refresh")).content.decode()


def test_a_reload_of_the_answer_refreshes_nothing_and_shows_nothing(boss, token):
    url = url_of(token, "refresh")
    terms = terms_of(boss.get(url))
    text = text_on(boss.post(url, terms))

    again = boss.post(url, terms)

    token.refresh_from_db()
    assert token.generation == 1
    assert "nothing was done" in errors_of(again)[0]
    assert text not in again.content.decode()


@pytest.mark.parametrize("verb", ["issue", "refresh"])
def test_a_form_that_did_its_work_can_only_be_opened_again(boss, token, verb):
    url = ISSUE_URL if verb == "issue" else url_of(token, verb)
    terms = terms_of(boss.get(url), membership=MembershipFactory().pk)
    boss.post(url, terms)

    page = boss.post(url, terms).content.decode().split('id="content-main"')[1]

    assert "Open it again" in page
    assert 'type="submit"' not in page


def test_a_page_drawn_before_somebody_elses_refresh_refreshes_nothing(boss, token):
    url = url_of(token, "refresh")
    terms = terms_of(boss.get(url))
    refresh_token(membership=token.membership, by=STAFF)

    assert "nothing was done" in errors_of(boss.post(url, terms))[0]


def test_an_expired_token_can_be_refreshed(boss):
    token = AuthTokenFactory(expired=True)

    text_on(act(boss, token, "refresh"))


@pytest.mark.parametrize("verb", ["refresh", "revoke"])
def test_the_page_of_a_revoked_token_never_touches_the_one_after_it(boss, token, verb):
    url = url_of(token, verb)
    terms = terms_of(boss.get(url))
    revoke_token(membership=token.membership, by=STAFF)
    newer = issue_token(membership=token.membership, by=STAFF)

    page = boss.post(url, terms)

    assert page.status_code == 200
    assert "was revoked" in page.content.decode()
    newer.refresh_from_db()
    assert (newer.generation, newer.revoked_at) == (0, None)
    assert LogEntry.objects.count() == 0


def test_a_token_of_a_revoked_entity_is_neither_refreshed_nor_revoked(boss, token):
    token.membership.entity.token_epoch += 1
    token.membership.entity.save()

    for verb in ("refresh", "revoke"):
        page = boss.post(url_of(token, verb), {"seen": "0"})
        assert "was revoked" in page.content.decode()


def test_a_suspended_token_is_not_refreshed(boss, token):
    token.membership.is_active = False
    token.membership.save()

    page = boss.post(url_of(token, "refresh"), {"seen": "0"})

    assert "This user is deactivated" in page.content.decode()


@pytest.mark.django_db(transaction=True)
def test_refreshing_works_where_the_host_wraps_requests_in_transactions(boss, token):
    from tests.databases import connection

    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        text_on(act(boss, token, "refresh"))
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False


# Revoke


def test_revoking_is_confirmed_and_done_for_good(boss, token):
    page = act(boss, token, "revoke")

    token.refresh_from_db()
    assert page.status_code == 302
    assert page.url == url_of(token, "change")
    assert token.revocation_reason == RevocationReason.STAFF
    assert token.revoked_at is not None
    assert last_act() == (str(token.pk), "Revoked.")
    assert "The authentication token was revoked." in boss.get(page.url).content.decode()


def test_a_get_revokes_nothing(boss, token):
    assert boss.get(url_of(token, "revoke"), {"seen": "0"}).status_code == 200

    token.refresh_from_db()
    assert token.revoked_at is None


def test_a_revoked_token_offers_a_new_one_and_nothing_else(boss, token):
    act(boss, token, "revoke")

    page = boss.get(url_of(token, "change"))

    assert [link.label for link in page.context["entities_links"]] == ["Issue a new one"]
    assert 'name="_save"' not in page.content.decode()


# Edit


def edited(client, token, **terms):
    local = timezone.localtime(token.expires_at)
    unchanged = {
        "expires_at_0": local.date().isoformat(),
        "expires_at_1": local.strftime("%H:%M:%S"),
        "flags": "\n".join(token.flags),
    }
    return client.post(url_of(token, "change"), unchanged | terms)


def test_flags_and_expiry_are_edited_and_the_text_stays(boss, token):
    text = token.derive_text()

    page = edited(boss, token, flags="write\nread", expires_at_0=in_ten_days())

    assert page.status_code == 302
    changed = AuthToken.objects.get()
    assert changed.flags == ["write", "read"]
    assert timezone.localtime(changed.expires_at).date().isoformat() == in_ten_days()
    assert changed.lifetime < timedelta(days=11)
    assert changed.derive_text() == text
    assert last_act() == (str(token.pk), "Changed Expires at and Flags.")
    assert_nowhere(text, client=boss)


def test_saving_without_a_change_changes_nothing(boss, token):
    assert edited(boss, token).status_code == 302

    assert AuthToken.objects.get().expires_at == token.expires_at


@pytest.mark.parametrize(
    ("terms", "field", "sentence"),
    [
        ({"expires_at_0": "2001-01-01"}, "expires_at", "Choose an expiry in the future."),
        ({"expires_at_0": "9998-01-01"}, "expires_at", "longest lifetime"),
        ({"flags": "a b c !"}, "flags", "Flags are at most 32 labels"),
    ],
)
def test_a_change_that_the_service_refuses_is_an_error_at_its_field(
    boss, token, terms, field, sentence
):
    page = edited(boss, token, **terms)

    assert page.status_code == 200
    assert sentence in page.context["adminform"].form.errors[field][0]
    assert AuthToken.objects.get().expires_at == token.expires_at
    assert LogEntry.objects.count() == 0


def test_a_change_of_a_token_that_was_revoked_meanwhile_says_so(boss, token):
    revoke_token(membership=token.membership, by=STAFF)
    newer = issue_token(membership=token.membership, by=STAFF)

    page = edited(boss, token, flags="write")

    assert "was revoked" in page.context["adminform"].form.non_field_errors()[0]
    newer.refresh_from_db()
    assert newer.flags == []


def test_nothing_but_flags_and_expiry_can_be_sent(boss, token):
    other = MembershipFactory()

    edited(boss, token, membership=other.pk, generation="7", epoch="7", revoked_at_0="2020-01-01")

    changed = AuthToken.objects.get()
    assert (changed.membership, changed.generation, changed.epoch, changed.revoked_at) == (
        token.membership,
        0,
        0,
        None,
    )


def test_neither_nonce_nor_signing_key_is_shown(boss, token):
    text_on(act(boss, token, "refresh"))
    token.refresh_from_db()

    pages = [url_of(token, "change"), url_of(token, "history"), admin_url(AuthToken, "changelist")]

    for url in pages:
        page = boss.get(url).content.decode()
        for nonce in (token.nonce, token.previous_nonce):
            assert bytes(nonce).hex() not in page
            assert repr(bytes(nonce)) not in page
        assert str(token.signing_key) not in page
        assert "nonce" not in page


def test_no_token_is_deleted_not_even_in_bulk(boss, token):
    assert boss.post(url_of(token, "delete"), {"post": "yes"}).status_code == 403

    boss.post(
        admin_url(AuthToken, "changelist"),
        {"action": "delete_selected", "_selected_action": token.pk, "post": "yes"},
    )

    assert AuthToken.objects.count() == 1


# Cross-site requests


@pytest.mark.parametrize("verb", ["add", "refresh", "revoke"])
def test_a_post_without_a_csrf_token_does_nothing(boss, token, verb):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = boss.cookies
    url = ISSUE_URL if verb == "add" else url_of(token, verb)
    terms = {"seen": "0", "form_id": "x", "membership": MembershipFactory().pk}

    assert strict.post(url, terms).status_code == 403
    assert list(AuthToken.objects.values_list("generation", "revoked_at")) == [(0, None)]


@pytest.mark.parametrize("seen", ["", "x", "1" * 30, "-1"])
def test_a_confirmation_without_what_was_seen_does_nothing(boss, token, seen):
    assert errors_of(boss.post(url_of(token, "refresh"), {"seen": seen}))
    assert AuthToken.objects.get().generation == 0


@pytest.mark.parametrize("verb", ["refresh", "revoke"])
@pytest.mark.parametrize("key", ["x", "_00", "00000000-0000-0000-0000-000000000000"])
def test_a_token_that_does_not_exist_is_not_found(boss, verb, key):
    assert boss.get(f"/admin/entities/authtoken/{key}/{verb}/").status_code == 404


def in_ten_days():
    return timezone.localdate(moments.now() + timedelta(days=10)).isoformat()


def test_an_entitys_restricted_flags_can_be_given_by_staff(boss):
    membership = MembershipFactory(entity=EntityFactory(restricted_flags=["root"]))

    text_on(issue(boss, AuthToken, membership=membership.pk, flags="root"))


# Lifetimes


@pytest.mark.parametrize("days", [1, 7, 30, 90])
def test_a_usual_lifetime_is_chosen(boss, days):
    issue(boss, AuthToken, membership=MembershipFactory().pk, lifetime=str(days))
    token = AuthToken.objects.get()
    assert abs(token.lifetime - timedelta(days=days)) < timedelta(seconds=10)


def test_the_entitys_longest_lifetime_is_chosen(boss):
    membership = MembershipFactory(entity__max_lifetime=timedelta(days=400))
    issue(boss, AuthToken, membership=membership.pk, lifetime="longest")
    lifetime = AuthToken.objects.get().lifetime
    assert timedelta(0) <= timedelta(days=400) - lifetime < timedelta(seconds=10)


def test_a_lifetime_beyond_the_entitys_longest_is_an_error_at_its_field(boss):
    entity = EntityFactory(default_lifetime=timedelta(days=1), max_lifetime=timedelta(days=5))
    membership = MembershipFactory(entity=entity)
    page = issue(boss, AuthToken, membership=membership.pk, lifetime="30")
    (error,) = page.context["form"].errors["expires_at"]
    assert error.startswith("Choose an expiry within the longest lifetime of this entity")
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"lifetime": "own"}, "Give the date on which it expires."),
        (
            {"lifetime": "7", "expires_at_0": "2100-01-01", "expires_at_1": "12:00"},
            "Choose a lifetime, or give a date: not both.",
        ),
    ],
)
def test_a_lifetime_that_is_unclear_is_an_error(boss, terms, error):
    page = issue(boss, AuthToken, membership=MembershipFactory().pk, **terms)
    assert errors_of(page) == [error]
    assert not AuthToken.objects.exists()


def test_a_lifetime_that_is_not_offered_is_an_error(boss):
    page = issue(boss, AuthToken, membership=MembershipFactory().pk, lifetime="31")
    assert set(page.context["form"].errors) == {"lifetime"}


# Flags that are offered, and the line of curl


def test_flags_that_the_entity_knows_are_offered(boss):
    entity = EntityFactory(restricted_flags=["root"])
    membership = MembershipFactory(entity=entity)
    issue_token(membership=MembershipFactory(entity=entity), by=STAFF, flags=["read"])
    issue_token(membership=MembershipFactory(), by=STAFF, flags=["other"])
    url = "/admin/entities/authtoken/known-flags/"

    assert boss.get(url, {"membership": membership.pk}).json() == {"flags": ["read", "root"]}
    for garbage in ("", "x", "-1", "9" * 30, "²"):
        assert boss.get(url, {"membership": garbage}).json() == {"flags": []}
    page = boss.get(admin_url(AuthToken, "add")).content.decode()
    assert f'data-entities-offers-url="{url}"' in page


def test_flags_are_offered_on_the_page_of_a_token(boss, token):
    page = boss.get(url_of(token, "change")).content.decode()
    assert 'aria-pressed="false">read</button>' in page


@pytest.mark.parametrize("user_id", ["ada", "ü,x", "a b'c", "$(id)", 'a"b', "`id`"])
def test_the_line_of_curl_reads_the_token_when_it_is_pasted(boss, user_id, tmp_path):
    membership = MembershipFactory(user__id=user_id, entity__id="e $x")
    page = issue(boss, AuthToken, membership=membership.pk)
    text = text_on(page)
    fake = tmp_path / "curl"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)

    said = subprocess.run(
        ["sh", "-c", str(page.context["curl"])],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "API_KEY": "ek_1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    url = said[1]
    headers = dict(line.split(": ", 1) for line in said if ": " in line)
    assert headers["token"] == text
    assert headers["apikey"] == "ek_1"
    assert unquote(headers["userid"]) == user_id
    assert "," not in headers["userid"]
    assert headers["userid"].isascii()
    assert url == f"http://testserver{path_of(membership)}"


def test_without_the_urls_of_the_api_there_is_no_line_of_curl(boss, monkeypatch):
    def nowhere(*args, **kwargs):
        raise NoReverseMatch

    monkeypatch.setattr("entities.admin.curl.reverse", nowhere)
    page = issue(boss, AuthToken, membership=MembershipFactory().pk)
    assert page.context["curl"] is None
    assert "A line that uses it" not in page.content.decode()
