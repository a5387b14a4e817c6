"""A pasted token is found, and gets into no address, log, session or history."""

from __future__ import annotations

import logging

import pytest
from django.contrib.messages import get_messages

from entities.admin.search import looks_like_a_credential
from entities.models import ApiKey, AuthToken, Entity, Event, UserToken
from entities.services import issue_api_key, issue_token, issue_user_token, refresh_token
from tests.admin.conftest import STAFF_ACTOR, admin_url, assert_nowhere, url_of
from tests.factories import EntityFactory, MembershipFactory, UserFactory


@pytest.fixture
def token(db):
    return issue_token(membership=MembershipFactory(), by=STAFF_ACTOR)


def find(client, term, model=AuthToken, **others):
    return client.post(admin_url(model, "find"), {"q": term, **others})


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_a_whole_text_leads_to_its_token(boss, token, caplog):
    caplog.set_level(logging.DEBUG)
    text = token.derive_text()

    answer = find(boss, f"  {text}\n")

    assert (answer.status_code, answer.url) == (302, url_of(token, "change"))
    assert said(answer) == ["This is the token whose current text you pasted."]
    assert_nowhere(text, client=boss)
    assert text not in caplog.text


@pytest.mark.parametrize("around", ["token: {}", "Authorization: Bearer {}", "'{}',", '-H "{}"'])
def test_a_text_is_found_in_what_was_copied_around_it(boss, token, around):
    answer = find(boss, around.format(token.derive_text()))
    assert answer.url == url_of(token, "change")


def test_an_older_text_leads_to_its_token_and_is_said_to_be_older(boss, token):
    old = token.derive_text()
    refresh_token(membership=token.membership, by=STAFF_ACTOR)

    answer = find(boss, old)

    assert answer.url == url_of(token, "change")
    assert said(answer) == ["You pasted an older text of this token: it was refreshed since."]


def test_texts_of_keys_lead_to_them_from_any_list(boss):
    key, key_text = issue_api_key(entity=EntityFactory(), name="a", by=STAFF_ACTOR)
    user_token, user_text = issue_user_token(user=UserFactory(), name="a", by=STAFF_ACTOR)

    assert find(boss, key_text, UserToken).url == url_of(key, "change")
    assert find(boss, user_text, Event).url == url_of(user_token, "change")


@pytest.mark.parametrize("spoil", ["{}x", "x{}", "{}"])
def test_a_text_that_is_nobodys_is_not_put_into_an_address(boss, token, settings, spoil):
    text = spoil.format(token.derive_text())
    settings.ENTITIES = {"SIGNING_KEYS": ["another" * 10]}

    answer = find(boss, text)

    assert answer.url == admin_url(AuthToken, "changelist")
    assert said(answer) == ["No credential that you may see has this text. Nothing was kept of it."]


def test_what_staff_may_not_see_is_not_found(staff, token):
    key, key_text = issue_api_key(entity=EntityFactory(), name="a", by=STAFF_ACTOR)
    client = staff("view_entity", "view_authtoken")

    answer = find(client, key_text)

    assert answer.url == admin_url(AuthToken, "changelist")
    assert find(client, token.derive_text(), Entity).url == url_of(token, "change")
    assert find(staff("view_entity"), token.derive_text()).status_code == 403
    assert ApiKey.objects.get() == key


def test_words_are_searched_for_and_the_filters_stay(boss):
    answer = find(boss, " Ada Lovelace ", status="live", csrfmiddlewaretoken="x")
    assert answer.url == f"{admin_url(AuthToken, 'changelist')}?status=live&q=Ada+Lovelace"
    assert find(boss, "").url == admin_url(AuthToken, "changelist")


def test_it_takes_nothing_from_an_address(boss):
    assert boss.get(admin_url(AuthToken, "find"), {"q": "x"}).status_code == 405


def test_the_search_of_each_list_is_sent_by_post(boss):
    for model in (AuthToken, ApiKey, UserToken, Entity, Event):
        page = boss.get(admin_url(model, "changelist")).content.decode()
        form = page.split('id="changelist-search"')[1].split("</form>")[0]
        assert f'method="post" action="{admin_url(model, "find")}"' in form
        assert "csrfmiddlewaretoken" in form


@pytest.mark.parametrize("term", ["Ada", "auth0|5f7c8ec7", "u-7k3m9abcdefgh", "my_long_user_name"])
def test_words_do_not_look_like_credentials(term):
    assert not looks_like_a_credential(term)
