"""Many tokens at once: counted first, then changed, and recorded each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages

from entities import moments
from entities.models import AuthToken, Event
from tests.admin.conftest import admin_url
from tests.factories import AuthTokenFactory

URL = "changelist"


@pytest.fixture
def tokens(db):
    return AuthTokenFactory.create_batch(3, flags=["read"])


def ask(client, action, chosen=(), *, everything=False, query=""):
    """Send the list with an action chosen, and return the page that asks."""
    terms = {
        "action": action,
        "select_across": "1" if everything else "0",
        "index": "0",
        "_selected_action": [str(token.pk) for token in chosen],
    }
    return client.post(f"{admin_url(AuthToken, URL)}{query}", terms)


def confirm(client, page, **terms):
    """Send what the page that asks would send."""
    hidden = {}
    for name, value in page.context["carried"]:
        hidden.setdefault(name, []).append(value)
    url = page.wsgi_request.get_full_path()
    return client.post(url, hidden | {page.context["confirmed"]: "yes"} | terms)


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_the_selected_are_revoked_once_it_is_confirmed(boss, tokens):
    page = ask(boss, "revoke_many", tokens[:2])

    assert page.context["chosen"] == "You chose 2 tokens."
    assert AuthToken.objects.unrevoked().count() == 3
    answer = confirm(boss, page)

    assert (answer.status_code, answer.url) == (302, admin_url(AuthToken, URL))
    assert said(answer) == ["2 tokens were revoked."]
    assert AuthToken.objects.unrevoked().get() == tokens[2]
    events = Event.objects.filter(action="token_revoked")
    assert {event.credential_id for event in events} == {token.pk for token in tokens[:2]}
    assert {event.actor_name for event in events} == {"staff-0"}
    assert {event.client_address for event in events} == {"127.0.0.1"}


def test_all_that_match_are_meant_and_no_others(boss, tokens, monkeypatch):
    monkeypatch.setattr("entities.admin.tokens.AuthTokenAdmin.list_per_page", 2)
    other = AuthTokenFactory(flags=["write"])

    page = ask(boss, "revoke_many", tokens[:1], everything=True, query="?flag=read")

    assert page.context["chosen"] == "You chose 3 tokens."
    assert said(confirm(boss, page)) == ["3 tokens were revoked."]
    assert AuthToken.objects.unrevoked().get() == other


def test_tokens_are_extended(boss, tokens):
    soon = AuthTokenFactory(lifetime=timedelta(days=1))
    page = ask(boss, "extend_many", [soon, *tokens])

    answer = confirm(boss, page, lifetime="90")

    assert said(answer) == ["4 tokens were extended."]
    soon.refresh_from_db()
    assert soon.lifetime == timedelta(days=90)
    assert soon.expires_at > moments.now() + timedelta(days=89)


def test_a_flag_is_added_and_removed(boss, tokens):
    page = ask(boss, "add_flag_to_many", tokens)
    assert said(confirm(boss, page, flag="new")) == ["3 tokens got the flag."]
    page = ask(boss, "remove_flag_from_many", tokens[:1])
    assert said(confirm(boss, page, flag="read")) == ["1 token lost the flag."]
    flags = [AuthToken.objects.get(pk=token.pk).flags for token in tokens]
    assert flags == [["new"], ["read", "new"], ["read", "new"]]


@pytest.mark.parametrize("flag", ["", "no flag", "x" * 65])
def test_what_is_no_flag_is_an_error_in_the_form_and_changes_nothing(boss, tokens, flag):
    page = confirm(boss, ask(boss, "add_flag_to_many", tokens), flag=flag)

    assert page.status_code == 200
    assert set(page.context["form"].errors) == {"flag"}
    # What was chosen is carried on to the next try.
    assert said(confirm(boss, page, flag="new")) == ["3 tokens got the flag."]


@pytest.mark.parametrize(
    ("permission", "offered"),
    [
        ("view_authtoken", set()),
        ("revoke_authtoken", {"revoke_many"}),
        ("change_authtoken", {"extend_many", "add_flag_to_many", "remove_flag_from_many"}),
    ],
)
def test_each_is_offered_to_whom_it_is_permitted(staff, tokens, permission, offered):
    client = staff(*{"view_authtoken", permission})

    form = client.get(admin_url(AuthToken, URL)).context["action_form"]

    names = {name for name, _ in form.fields["action"].choices if name} if form else set()
    assert names == offered
    for action in {"revoke_many", "extend_many"} - offered:
        ask(client, action, tokens)
        client.post(
            admin_url(AuthToken, URL),
            {
                "action": action,
                "_selected_action": [tokens[0].pk],
                "entities_confirmed": "yes",
                "lifetime": "90",
            },
        )
    if "revoke_many" not in offered:
        assert AuthToken.objects.unrevoked().count() == 3
    if "extend_many" not in offered:
        assert not Event.objects.filter(action="token_updated").exists()


def test_what_an_error_stops_is_said_to_be_done_so_far(boss, tokens, monkeypatch):
    def fail(**terms):
        yield 2
        raise RuntimeError

    monkeypatch.setattr("entities.admin.bulk.revoke_tokens_in_batches", fail)
    page = ask(boss, "revoke_many", tokens)
    boss.raise_request_exception = False

    answer = confirm(boss, page)

    assert answer.status_code == 500
    assert said(answer) == ["2 tokens were revoked."]
