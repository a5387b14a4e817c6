"""RFC 7009, OAuth 2.0 Token Revocation: the end of a token by who holds its text.

Not supported: the end of user tokens and API keys, which have calls of their own; callbacks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from entities import moments, signals
from entities.actors import ActorKind
from entities.models import ApiKey, AuthToken, Event, KeyAccess, RevocationReason, UserToken
from entities.services import issue_api_key, issue_token, revoke_entity, revoke_text, revoke_token
from tests.api.hostile import refusal
from tests.gateway.applications import BY, ask, basic, issued, refreshed, text_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from entities.models import Entity
    from tests.conftest import Caller

PATH = "/revoke"


def revoke(token: str, api_key: str, **more: Any) -> HttpResponse:
    headers = {"apikey": api_key} | more.pop("headers", {})
    return ask(PATH, {"token": token} | more, headers=headers)


def done(answer: HttpResponse) -> None:
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert answer.headers["Cache-Control"] == "no-store"


def stands(token: AuthToken) -> bool:
    token.refresh_from_db()
    return token.revoked_at is None


def test_section_2_a_token_is_revoked_at_once(member: Caller, api_key: str) -> None:
    token, text = issued(member)
    done(revoke(text, api_key))
    token.refresh_from_db()
    assert token.revocation_reason == RevocationReason.DELETED
    assert ask("/introspect", {"token": text}, headers={"apikey": api_key}).json() == {
        "active": False
    }
    assert member.get().json()["code"] == "token_revoked"


def test_section_2_2_it_is_the_same_answer_whether_or_not_there_was_one(
    member: Caller, api_key: str
) -> None:
    _, text = issued(member)
    answers = [revoke(one, api_key) for one in (text, text, "eat_unknown", "\x00ü")]
    for answer in answers:
        done(answer)
    assert Event.objects.filter(action="token_revoked").count() == 1


def test_section_2_1_the_hint_is_ignored(member: Caller, api_key: str) -> None:
    for hint in ("access_token", "refresh_token", "unheard_of"):
        token, text = issued(member)
        done(revoke(text, api_key, token_type_hint=hint))
        assert not stands(token)


def test_section_2_1_a_token_of_another_entity_stands(
    foreigner: Caller, api_key: str, entity: Entity
) -> None:
    token, text = issued(foreigner)
    done(revoke(text, api_key))
    superuser_key = issue_api_key(entity=entity, name="tests", by=BY, access=KeyAccess.SUPERUSER)[1]
    done(revoke(text, superuser_key))
    assert stands(token)
    done(revoke(text, foreigner.api_key))
    assert not stands(token)


def test_an_expired_token_is_revoked_for_it_could_be_refreshed(
    member: Caller, api_key: str
) -> None:
    token, text = issued(member)
    with time_machine.travel(moments.now() + timedelta(days=2)):
        done(revoke(text, api_key))
    assert not stands(token)


def test_a_suspended_token_is_revoked_for_its_user_may_come_back(
    member: Caller, api_key: str
) -> None:
    token, text = issued(member)
    member.membership.is_active = False
    member.membership.save()
    done(revoke(text, api_key))
    assert not stands(token)


def test_what_the_entity_revoked_as_a_whole_is_left_as_it_is(member: Caller, api_key: str) -> None:
    token, text = issued(member)
    revoke_entity(entity=member.membership.entity, by=BY)
    done(revoke(text, api_key))
    assert stands(token)
    assert not Event.objects.filter(action="token_revoked").exists()


@pytest.mark.parametrize(("later", "revokes"), [(29, True), (30, False), (31, False)])
def test_the_text_before_a_refresh_revokes_in_its_grace_only(
    later: int, revokes: bool, member: Caller, api_key: str
) -> None:
    token, text = issued(member)
    with time_machine.travel(moments.now(), tick=False) as clock:
        refreshed(member)
        clock.shift(later)
        done(revoke(text, api_key))
    assert stands(token) is not revokes


def test_an_older_text_revokes_nothing(member: Caller, api_key: str) -> None:
    token, text = issued(member)
    refreshed(member)
    refreshed(member)
    done(revoke(text, api_key))
    assert stands(token)


def test_the_text_of_a_token_before_does_not_end_the_one_after_it(
    member: Caller, api_key: str
) -> None:
    _, text = issued(member)
    revoke_token(membership=member.membership, by=BY)
    after = issue_token(membership=member.membership, by=BY)
    done(revoke(text, api_key))
    assert stands(after)


def test_the_service_says_what_it_has_revoked(member: Caller) -> None:
    token, text = issued(member)
    entity = member.membership.entity
    assert revoke_text(text=text, entity=entity, by=BY) == token
    assert revoke_text(text=text, entity=entity, by=BY) is None
    assert revoke_text(text="eat_unknown", entity=entity.pk, by=BY) is None


def test_other_credentials_stand(member: Caller, api_key: str) -> None:
    for text in (member.token, api_key):
        done(revoke(text, api_key))
    assert UserToken.objects.get().revoked_at is None
    assert ApiKey.objects.get().revoked_at is None


# The caller, and the record.


def test_a_key_that_only_reads_revokes_nothing(member: Caller, entity: Entity) -> None:
    token, text = issued(member)
    key = issue_api_key(entity=entity, name="tests", by=BY, access=KeyAccess.READ_ONLY)[1]
    assert refusal(revoke(text, key)) == (403, "key_read_only")
    assert stands(token)


def test_section_2_1_wrong_credentials_revoke_nothing(member: Caller, foreigner: Caller) -> None:
    token, text = issued(member)
    own_id = str(ApiKey.objects.get(entity=member.membership.entity).pk)
    wrong: list[dict[str, str]] = [
        {},
        {"apikey": text},
        {"apikey": "x"},
        basic(foreigner.api_key, user=own_id),
    ]
    for headers in wrong:
        answer = ask(PATH, {"token": text}, headers=headers)
        assert refusal(answer) == (401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"].startswith('Basic realm="entities"')
    assert stands(token)


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 400), (b"token=", 400), (b"token=a&token=b", 400)]
)
def test_section_2_2_1_a_broken_request_is_an_error(body: bytes, status: int, api_key: str) -> None:
    answer = ask(PATH, body, headers={"apikey": api_key})
    assert refusal(answer) == (status, "validation_error")


def test_section_2_3_no_callback_is_called(api_key: str) -> None:
    answer = ask(f"{PATH}?callback=x", b"token=x", headers={"apikey": api_key})
    assert answer.content == b'{"success": true}'
    assert ask(PATH, b"", method="GET", headers={"apikey": api_key}).status_code == 405


def test_the_record_says_which_application_did_it_and_from_where(
    member: Caller, admin: Caller, api_key: str
) -> None:
    token, text = issued(member)
    done(revoke(text, api_key, headers={"X-Request-ID": "r-1"}))
    event = Event.objects.get(action="token_revoked")
    key = ApiKey.objects.get()
    assert (event.actor_kind, event.actor_id, event.actor_name) == (
        "application",
        str(key.pk),
        key.name,
    )
    assert (event.api_key_id, event.application) == (key.pk, key.name)
    assert (event.request_id, event.client_address) == ("r-1", "127.0.0.1")
    assert (event.entity_id, event.user_id, event.credential_id) == (
        member.membership.entity_id,
        member.membership.user_id,
        token.pk,
    )
    path = f"/entities/{member.membership.entity_id}/events?action=token_revoked"
    [listed] = admin.client.get(path, headers=admin.headers).json()["results"]
    assert (listed["actorKind"], listed["actorId"]) == ("application", str(key.pk))


@pytest.mark.django_db(transaction=True)
def test_its_signal_names_the_application(member: Caller, api_key: str) -> None:
    token, text = issued(member)
    heard: list[Any] = []

    def receive(**facts: Any) -> None:
        heard.append((facts["token"], facts["actor"].kind, facts["reason"]))

    signals.token_revoked.connect(receive)
    try:
        done(revoke(text, api_key))
    finally:
        signals.token_revoked.disconnect(receive)
    assert heard == [(token, ActorKind.APPLICATION, RevocationReason.DELETED)]


def test_it_takes_one_query_for_a_text_that_is_forged_or_no_tokens(
    member: Caller, api_key: str, django_assert_num_queries: Any
) -> None:
    token, text = issued(member)
    with django_assert_num_queries(6):  # key; savepoint, token, update, event, its release
        revoke(text, api_key)
    assert not stands(token)
    for forged in ("eat_forged", member.token):
        with django_assert_num_queries(1):
            revoke(forged, api_key)
    assert text_of(token) == text
