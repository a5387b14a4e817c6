"""RFC 7662, OAuth 2.0 Token Introspection: whether a token is good, and whose it is.

Not supported: answers as JWT (RFC 9701), and tokens of other kinds than authentication tokens.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import time_machine
from django.db import DatabaseError
from django.test.utils import CaptureQueriesContext

from entities import moments
from entities.models import ApiKey, AuthToken, KeyAccess
from entities.services import (
    issue_api_key,
    revoke_api_key,
    revoke_entity,
    revoke_token,
)
from entities.services.usage import write_noted_uses
from tests.api.hostile import refusal
from tests.databases import connection
from tests.gateway.applications import BY, FORM, ask, basic, issued, refreshed

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from entities.models import Entity
    from tests.conftest import Caller

PATH = "/introspect"
INACTIVE = b'{"active": false}'


def introspect(token: str, api_key: str, **more: str) -> HttpResponse:
    return ask(PATH, {"token": token} | more, headers={"apikey": api_key})


# Section 2.2: the answer.


def test_section_2_2_a_live_token_is_told_in_full(member: Caller, api_key: str) -> None:
    token, text = issued(member, "reports.write", "a", "reports.read")
    answer = introspect(text, api_key)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == {
        "active": True,
        "sub": member.membership.user_id,
        "entity": member.membership.entity_id,
        "scope": "a reports.read reports.write",
        "exp": int(token.expires_at.timestamp()),
        "iat": int(token.issued_at.timestamp()),
        "jti": str(token.pk),
        "token_type": "Bearer",
    }


def test_section_2_2_client_id_is_the_api_key_through_which_it_was_issued(
    member: Caller, api_key: str
) -> None:
    text = member.post(json={}).json()["authenticationToken"]
    answer = introspect(text, api_key).json()
    assert answer["client_id"] == str(ApiKey.objects.get().pk)
    assert answer["scope"] == ""


def test_section_2_2_nothing_is_cached_sniffed_or_remembered(member: Caller, api_key: str) -> None:
    _, text = issued(member)
    for answer in (introspect(text, api_key), introspect("wrong", api_key)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Request-ID"]
        assert not answer.cookies


def _never_issued(member: Caller, text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def _revoked(member: Caller, text: str) -> str:
    revoke_token(membership=member.membership, by=BY)
    return text


def _expired(member: Caller, text: str) -> str:
    now = moments.now()
    AuthToken.objects.update(
        issued_at=now - timedelta(days=2), expires_at=now - timedelta(seconds=1)
    )
    return text


def _of_an_epoch_before(member: Caller, text: str) -> str:
    revoke_entity(entity=member.membership.entity, by=BY)
    return text


def _of_a_user_who_is_off(member: Caller, text: str) -> str:
    member.membership.user.is_active = False
    member.membership.user.save()
    return text


def _gone(member: Caller, text: str) -> str:
    AuthToken.objects.all().delete()
    return text


def _an_older_one(member: Caller, text: str) -> str:
    refreshed(member)
    refreshed(member)
    return text


def _a_user_token(member: Caller, text: str) -> str:
    return member.token


def _the_api_key(member: Caller, text: str) -> str:
    return member.api_key


DEAD = [
    _never_issued,
    _revoked,
    _expired,
    _of_an_epoch_before,
    _of_a_user_who_is_off,
    _gone,
    _an_older_one,
    _a_user_token,
    _the_api_key,
]


@pytest.mark.parametrize("end", DEAD, ids=lambda end: end.__name__.strip("_"))
def test_section_2_2_of_any_other_token_nothing_is_told(
    end: Callable[[Caller, str], str], member: Caller, api_key: str
) -> None:
    _, text = issued(member, "kept")
    assert introspect(text, api_key).json()["active"] is True
    answer = introspect(end(member, text), api_key)
    assert (answer.status_code, answer.content) == (200, INACTIVE)
    unknown = introspect("eat_unknown", api_key)
    unlike = {"X-Request-ID", "Content-Length"}
    assert {name: value for name, value in answer.items() if name not in unlike} == {
        name: value for name, value in unknown.items() if name not in unlike
    }


@pytest.mark.parametrize("access", KeyAccess.values)
def test_section_4_a_token_of_another_entity_is_told_to_no_key(
    access: str, foreigner: Caller, entity: Entity
) -> None:
    _, text = issued(foreigner)
    key = issue_api_key(entity=entity, name="tests", by=BY, access=access)[1]
    assert introspect(text, key).content == INACTIVE
    assert introspect(text, foreigner.api_key).json()["active"] is True


@pytest.mark.parametrize(
    "text", ["x", "eat_", " ", "\x00", "ü" * 90, "eat_" + "0" * 83, "e" * 60_000, "eat_\n"]
)
def test_section_2_2_a_broken_text_is_no_error(text: str, api_key: str) -> None:
    assert introspect(text, api_key).content == INACTIVE


def test_the_text_before_a_refresh_is_good_until_its_grace_ends(
    member: Caller, api_key: str
) -> None:
    _, text = issued(member)
    with time_machine.travel(moments.now(), tick=False) as clock:
        refreshed_at = int(moments.now().timestamp())
        new = refreshed(member)
        before, current = introspect(text, api_key).json(), introspect(new, api_key).json()
        assert before["exp"] == refreshed_at + 30
        assert current["exp"] > before["exp"]
        assert before | {"exp": 0} == current | {"exp": 0}
        clock.shift(30)
        assert introspect(text, api_key).content == INACTIVE


def test_the_entity_that_is_off_has_no_caller(member: Caller, api_key: str) -> None:
    _, text = issued(member)
    member.membership.entity.is_active = False
    member.membership.entity.save()
    assert refusal(introspect(text, api_key)) == (401, "not_authenticated")


# Section 2.1: the request.


def test_section_2_1_the_hint_is_ignored_and_so_is_what_nobody_knows(
    member: Caller, api_key: str
) -> None:
    _, text = issued(member)
    for hint in ("access_token", "refresh_token", "unheard_of", ""):
        answer = introspect(text, api_key, token_type_hint=hint, client_id="x", resource="y")
        assert answer.json()["active"] is True


@pytest.mark.parametrize("body", [b"", b"token=", b"token", b"tok=x", b"&", b"Token=x", b"="])
def test_section_2_1_a_token_is_required(body: bytes, api_key: str) -> None:
    answer = ask(PATH, body, headers={"apikey": api_key})
    assert refusal(answer) == (400, "validation_error")
    assert list(answer.json()["errors"]) == ["token"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"token=x&token=x", "token"),
        (b"token=x&%74oken=y", "token"),
        (b"token=&token=x", "token"),
        (b"token=x&token_type_hint=a&token_type_hint=b", "token_type_hint"),
        (b"token=x&a=1&a=2", "a"),
    ],
)
def test_rfc_6749_section_3_1_a_parameter_comes_once(body: bytes, name: str, api_key: str) -> None:
    answer = ask(PATH, body, headers={"apikey": api_key})
    assert refusal(answer) == (400, "validation_error")
    assert list(answer.json()["errors"]) == [name]


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        f"{FORM}; charset=utf-16",
        f"{FORM}, {FORM}",
        f"{FORM}x",
    ],
)
def test_section_2_1_anything_but_a_form_is_refused(content_type: str, api_key: str) -> None:
    answer = ask(PATH, b"token=x", content_type=content_type, headers={"apikey": api_key})
    assert refusal(answer) == (415, "unsupported_media_type")
    assert "x-www-form-urlencoded" in answer.json()["error"]


def test_section_2_1_a_form_is_read_however_its_media_type_is_spelt(
    member: Caller, api_key: str
) -> None:
    _, text = issued(member)
    for content_type in (f"{FORM};charset=UTF-8", FORM.title(), f'{FORM} ; charset="utf8"'):
        answer = ask(PATH, {"token": text}, content_type=content_type, headers={"apikey": api_key})
        assert answer.json()["active"] is True


@pytest.mark.parametrize("body", [b"token=\xff", b"token=%ff", b"%ff=x&token=x"])
def test_a_form_that_is_not_utf_8_is_malformed(body: bytes, api_key: str) -> None:
    assert refusal(ask(PATH, body, headers={"apikey": api_key})) == (400, "body_malformed")


def test_a_body_over_the_limit_is_refused_and_the_largest_is_read(
    api_key: str, settings: Any
) -> None:
    headers = {"apikey": api_key}
    assert ask(PATH, b"token=x".ljust(64 * 1024, b"&"), headers=headers).content == INACTIVE
    over = ask(PATH, b"token=x".ljust(64 * 1024 + 1, b"&"), headers=headers)
    assert refusal(over) == (413, "body_too_large")
    settings.ENTITIES = {"LAST_USED_FLUSH": None, "MAX_BODY_BYTES": 10}
    assert refusal(ask(PATH, b"token=12345", headers=headers)) == (413, "body_too_large")


@pytest.mark.parametrize("length", ["", "0", "2"])
def test_a_body_in_chunks_is_read(length: str, member: Caller, api_key: str) -> None:
    _, text = issued(member)
    environ = {
        "CONTENT_LENGTH": length,
        "CONTENT_TYPE": FORM,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": BytesIO(f"token={text}".encode()),
    }
    headers = {"apikey": api_key}
    answer = ask(PATH, b"", headers=headers, **environ, **{"wsgi.input_terminated": True})
    assert answer.json()["active"] is True
    environ["wsgi.input"] = BytesIO(f"token={text}".encode())
    assert refusal(ask(PATH, b"", headers=headers, **environ)) == (411, "length_required")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post"])
def test_section_2_1_it_is_a_post(method: str, api_key: str) -> None:
    answer = ask(PATH, b"token=x", method=method, headers={"apikey": api_key})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    if method != "HEAD":
        assert refusal(answer) == (405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/introspect/", "/introspect/x", "/introspection"])
def test_nothing_is_beside_it(path: str, api_key: str) -> None:
    assert ask(path, b"token=x", headers={"apikey": api_key}).status_code == 404


# Section 2.1: the caller proves itself.


def test_section_2_1_the_key_comes_in_its_header_or_by_basic(member: Caller, api_key: str) -> None:
    _, text = issued(member)
    key = str(ApiKey.objects.get().pk)
    ways = [
        {"apikey": api_key},
        {"apikey": api_key, "Authorization": "Bearer eat_something"},
        basic(api_key),
        basic(api_key, scheme="basic"),
        basic(api_key, scheme="BASIC  "),
        basic(api_key, user=key.upper()),
    ]
    for headers in ways:
        assert ask(PATH, {"token": text}, headers=headers).json()["active"] is True


def test_rfc_6749_section_2_3_1_basic_may_be_percent_encoded(member: Caller, api_key: str) -> None:
    _, text = issued(member)
    user = str(ApiKey.objects.get().pk).replace("-", "%2D")
    headers = basic(api_key.replace("_", "%5f"), user=user)
    assert ask(PATH, {"token": text}, headers=headers).json()["active"] is True


def _pair(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    "make",
    [
        lambda key, id: {},
        lambda key, id: {"apikey": ""},
        lambda key, id: {"apikey": "x"},
        lambda key, id: {"apikey": f"{key},{key}"},
        lambda key, id: {"apikey": f"{key}, {key}"},
        lambda key, id: {"apikey": f"{key[:-1]}_"},
        lambda key, id: {"Authorization": f"Bearer {key}"},
        lambda key, id: {"Authorization": key},
        lambda key, id: {"Authorization": "Basic"},
        lambda key, id: {"Authorization": "Basic !"},
        lambda key, id: {"Authorization": "Basic ü"},
        lambda key, id: {"Authorization": _pair(key)},
        lambda key, id: {"Authorization": _pair(f":{key}")},
        lambda key, id: {"Authorization": _pair(f"{key}:{id}")},
        lambda key, id: {"Authorization": _pair(f"{uuid4()}:{key}")},
        lambda key, id: {"Authorization": _pair(f"{{{id}}}:{key}")},
        lambda key, id: {"Authorization": _pair(f"{id}:")},
        lambda key, id: {"Authorization": _pair(f"{id}:{id}")},
        lambda key, id: {"Authorization": _pair(f"{id} :{key}")},
        lambda key, id: {"Authorization": f"Basic {b64encode(bytes([255])).decode()}"},
        lambda key, id: {"Authorization": ", ".join([_pair(f"{id}:{key}")] * 2)},
        lambda key, id: {"Authorization": _pair(f"{id}:{key}"), "apikey": key},
        lambda key, id: {"Authorization": _pair(f"{id}:x"), "apikey": key},
    ],
)
def test_section_2_3_wrong_credentials_are_one_401(
    make: Callable[[str, str], dict[str, str]], member: Caller, api_key: str
) -> None:
    _, text = issued(member)
    answer = ask(PATH, {"token": text}, headers=make(api_key, str(ApiKey.objects.get().pk)))
    plain = ask(PATH, {"token": text})
    assert refusal(answer) == (401, "not_authenticated")
    assert answer.content == plain.content
    assert (
        answer.headers["WWW-Authenticate"]
        == 'Basic realm="entities", charset="UTF-8", ApiKey realm="entities"'
    )


def test_section_2_3_a_dead_key_and_a_token_prove_no_caller(member: Caller, api_key: str) -> None:
    _, text = issued(member)
    for wrong in (text, member.token):
        assert introspect(text, wrong).status_code == 401
    revoke_api_key(api_key=ApiKey.objects.get(), by=BY)
    assert refusal(introspect(text, api_key)) == (401, "not_authenticated")


def test_a_key_that_only_reads_may_ask(member: Caller, entity: Entity) -> None:
    _, text = issued(member)
    key = issue_api_key(entity=entity, name="tests", by=BY, access=KeyAccess.READ_ONLY)[1]
    assert introspect(text, key).json()["active"] is True


# What it costs, and what it leaves.


def test_it_takes_one_query_for_the_key_and_one_for_the_token(
    member: Caller, api_key: str, django_assert_num_queries: Any
) -> None:
    _, text = issued(member)
    with django_assert_num_queries(2):
        introspect(text, api_key)
    with django_assert_num_queries(1):
        introspect(_never_issued(member, text), api_key)
    with django_assert_num_queries(0):
        introspect(text, "ek_forged")
    revoke_token(membership=member.membership, by=BY)
    with django_assert_num_queries(2):
        introspect(text, api_key)


def test_it_is_a_use_of_the_key_and_of_a_live_token(member: Caller, api_key: str) -> None:
    _, text = issued(member)
    introspect("eat_unknown", api_key)
    write_noted_uses()
    assert ApiKey.objects.get().last_used_at is not None
    assert AuthToken.objects.get().last_used_at is None
    introspect(text, api_key)
    write_noted_uses()
    assert AuthToken.objects.get().last_used_at is not None


def test_another_entity_does_not_use_a_token(member: Caller, foreigner: Caller) -> None:
    _, text = issued(member)
    introspect(text, foreigner.api_key)
    write_noted_uses()
    assert AuthToken.objects.get().last_used_at is None


@pytest.mark.usefixtures("counting_cache")
def test_calls_count_against_the_limit_of_the_key(api_key: str, settings: Any) -> None:
    settings.ENTITIES = {"LAST_USED_FLUSH": None, "RATE_LIMIT_API_KEY": "2/hour"}
    first = introspect("x", api_key)
    assert first.headers["RateLimit-Policy"] == '"api-key";q=2;w=3600'
    assert first.headers["RateLimit"].startswith('"api-key";r=1;t=')
    assert introspect("x", api_key).status_code == 200
    over = introspect("x", api_key)
    assert refusal(over) == (429, "rate_limited")
    assert 1 <= int(over.headers["Retry-After"]) <= 3600


@pytest.mark.usefixtures("counting_cache")
def test_wrong_keys_count_against_the_address_and_wrong_tokens_do_not(
    api_key: str, settings: Any
) -> None:
    settings.ENTITIES = {"LAST_USED_FLUSH": None, "RATE_LIMIT_FAILURES": "2/hour"}
    for _ in range(5):
        assert introspect("x", api_key).status_code == 200
        assert ask(PATH, {"token": "x"}).status_code == 401  # brings no key at all
    for wrong in ({"apikey": "x"}, basic(api_key, user="x")):
        assert ask(PATH, {"token": "x"}, headers=wrong).status_code == 401
    waits = introspect("x", api_key)
    assert refusal(waits) == (429, "rate_limited")
    assert "Retry-After" in waits.headers


def test_what_nobody_foresaw_is_a_500_in_the_form_of_errors(
    api_key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(text: str) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr("entities.gateway.introspection.verify_token", fail)
    assert refusal(introspect("eat_some", api_key)) == (500, "internal_error")
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert api_key not in caplog.text


def test_no_transaction_is_opened_for_it(member: Caller, api_key: str) -> None:
    _, text = issued(member)
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        with CaptureQueriesContext(connection) as asked:
            introspect(text, api_key)
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert [query["sql"].split()[0] for query in asked] == ["SELECT", "SELECT"]
