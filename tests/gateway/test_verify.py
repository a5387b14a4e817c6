"""Forward-auth: what a gateway is told, whatever it or its client sends."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import pytest
import time_machine
from django.db import DatabaseError
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from entities import moments
from entities.gateway.forward_auth import verify as view
from entities.models import AuthToken, Entity, Membership, User
from entities.services import revoke_entity, revoke_token
from entities.services.usage import write_noted_uses
from tests.conftest import caller_of
from tests.databases import connection
from tests.factories import EntityFactory, MembershipFactory, UserFactory
from tests.gateway.applications import BY, issued, refreshed

if TYPE_CHECKING:
    from django.http import HttpResponse

    from tests.conftest import Caller

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"]


def ask(
    text: str | None = None,
    path: str = "/verify",
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> HttpResponse:
    """Ask as a gateway does, and look at what each of its answers must be."""
    sent = {} if text is None else {"Authorization": f"Bearer {text}"}
    client = Client(enforce_csrf_checks=True)
    answer: HttpResponse = client.generic(method, path, headers=sent | (headers or {}), **extra)
    assert answer.status_code in {200, 401, 403}
    assert answer.content == b""
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Location" not in answer.headers
    assert not answer.cookies
    assert ("WWW-Authenticate" in answer.headers) is (answer.status_code != 200)
    assert identity(answer) or answer.status_code != 200
    return answer


def identity(answer: HttpResponse) -> dict[str, str]:
    names = ("X-Entity-Id", "X-User-Id", "X-Token-Flags")
    return {name: answer.headers[name] for name in names if name in answer.headers}


def status(*args: Any, **kwargs: Any) -> int:
    return ask(*args, **kwargs).status_code


@pytest.fixture
def text(member: Caller) -> str:
    """Text of the member's token, with two flags."""
    return issued(member, "b", "a")[1]


@pytest.mark.parametrize("method", METHODS)
def test_a_good_token_is_let_through_with_its_identity(
    method: str, member: Caller, text: str
) -> None:
    assert identity(ask(text, method=method)) == {
        "X-Entity-Id": member.membership.entity_id,
        "X-User-Id": member.membership.user_id,
        "X-Token-Flags": "a,b",
    }


@pytest.mark.parametrize("method", METHODS)
def test_without_a_good_token_nobody_is_let_through(method: str, text: str) -> None:
    for wrong in (None, "x", text[:-1]):
        answer = ask(wrong, method=method)
        assert (answer.status_code, identity(answer)) == (401, {})


def test_every_identity_header_is_sent_also_where_it_is_empty(member: Caller) -> None:
    _, text = issued(member)
    assert identity(ask(text))["X-Token-Flags"] == ""


def test_the_header_of_todays_clients_is_read_too(text: str) -> None:
    for headers in (
        {"entity-authentication-token": text},
        {"entity-authentication-token": text, "Authorization": f"Bearer {text}"},
        {"entity-authentication-token": text, "Authorization": "Basic eDp5"},
        {"entity-authentication-token": "", "Authorization": f"Bearer {text}"},
    ):
        assert status(headers=headers) == 200


def test_two_tokens_that_differ_are_refused_even_where_both_are_good(
    text: str, other_member: Caller
) -> None:
    _, other = issued(other_member)
    for one, another in ((text, other), (other, text), (text, "x"), ("x", text)):
        answer = ask(one, headers={"entity-authentication-token": another})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "make",
    [
        lambda text: {"entity-authentication-token": f"{text},{text}"},
        lambda text: {"entity-authentication-token": f"{text}, {text}"},
        lambda text: {"Authorization": f"Bearer {text},Bearer {text}"},
        lambda text: {
            "Authorization": f"Basic x, Bearer {text}",
            "entity-authentication-token": text,
        },
    ],
)
def test_a_header_that_comes_twice_is_refused(make: Any, text: str) -> None:
    assert status(headers=make(text)) == 401


def test_a_text_in_the_query_the_body_or_a_cookie_is_none(text: str) -> None:
    assert status(path=f"/verify?access_token={text}") == 401
    body = {"data": f"access_token={text}", "content_type": "application/x-www-form-urlencoded"}
    assert status(method="POST", **body) == 401
    assert status(headers={"Cookie": f"token={text}"}) == 401
    assert status(headers={"token": text, "userid": "x", "apikey": "x"}) == 401


def test_a_token_that_ends_is_refused_at_once(member: Caller, text: str) -> None:
    revoke_token(membership=member.membership, by=BY)
    assert status(text) == 401
    _, text = issued(member)
    assert status(text) == 200
    with time_machine.travel(moments.now() + timedelta(days=1)):
        assert status(text) == 401
    revoke_entity(entity=member.membership.entity, by=BY)
    assert status(text) == 401


@pytest.mark.parametrize("model", [Entity, User, Membership])
def test_what_is_switched_off_lets_nobody_through(model: Any, text: str) -> None:
    model.objects.update(is_active=False)
    assert status(text) == 401


def test_other_credentials_let_nobody_through(member: Caller, text: str) -> None:
    assert status(member.token) == 401
    assert status(member.api_key) == 401


def test_the_text_before_a_refresh_passes_in_its_grace(member: Caller, text: str) -> None:
    with time_machine.travel(moments.now(), tick=False) as clock:
        new = refreshed(member)
        assert (status(text), status(new)) == (200, 200)
        clock.shift(30)
        assert (status(text), status(new)) == (401, 200)


# What the gateway's configuration asks for beyond a good token.


@pytest.mark.parametrize(
    "query",
    [
        "",
        "flags=",
        "flags",
        "flags=a",
        "flags=a,b",
        "flags=b,a,a",
        "flags=,a,",
        "flags=a%2Cb",
        "flags=a&flags=b",
        "%66lags=a",
        "&&flags=a&",
        "entity={entity}",
        "entity={entity}&entity={entity}&flags=b",
    ],
)
def test_a_token_that_has_what_is_asked_for_passes(query: str, member: Caller, text: str) -> None:
    assert status(text, f"/verify?{query.format(entity=member.membership.entity_id)}") == 200


@pytest.mark.parametrize(
    ("query", "scope"),
    [
        ("flags=c", ' scope="c"'),
        ("flags=c,a", ' scope="a c"'),
        ("flags=a&flags=c", ' scope="a c"'),
        ("flags=c&flags=", ' scope="c"'),
        ("flags=A", ' scope="A"'),
        ("flags=a+b", ""),
        ("flags=a%20b", ""),
        ("flags=a;b", ""),
        ("flags=%ff", ""),
        ("flags=a%00", ""),
        ("flags=%22%0d%0aX-User-Id:+root", ""),
        ("flags=" + "x" * 65, ""),
        ("entity=", ""),
        ("entity", ""),
        ("entity=e-elsewhere", ""),
        ("entity={entity}&entity=e-elsewhere", ""),
        ("entity=e-elsewhere&entity={entity}", ""),
        ("x&entity={entity}&flags=", ""),
        ("entity={entity}&flags=c", ' scope="c"'),
        ("entity={entity}%20", ""),
        ("entity={entity}%00", ""),
        ("flag=a", ""),
        ("Flags=a", ""),
        ("flags[]=a", ""),
        ("flags=a&x=", ' scope="a"'),
        ("flags=a?flags=b", ""),
        ("x", ""),
        ("=", ""),
        ("%ff=", ""),
        ("ü", ""),
    ],
)
def test_a_token_that_lacks_it_and_a_query_that_cannot_be_meant_are_403(
    query: str, scope: str, member: Caller, text: str
) -> None:
    path = "/verify?" + query.format(entity=member.membership.entity_id)
    answer = ask(text, path)
    assert (answer.status_code, identity(answer)) == (403, {})
    comma = "," if scope else ""
    assert (
        answer.headers["WWW-Authenticate"]
        == f'Bearer realm="entities", error="insufficient_scope"{comma}{scope}'
    )
    assert status("x", path) == status(None, path) == 401


def test_a_mistake_in_the_configuration_is_logged_without_its_words(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert status(text, f"/verify?{text}={text}&flags=a") == 403
    [record] = [one for one in caplog.records if one.name == "entities.gateway"]
    assert record.levelname == "WARNING"
    assert text not in caplog.text


def test_so_many_flags_make_no_header_that_a_gateway_could_not_take(text: str) -> None:
    answer = ask(text, "/verify?flags=" + ",".join(f"{number:064}" for number in range(500)))
    assert answer.status_code == 403
    assert len(answer.headers["WWW-Authenticate"]) < 2200


# Behind the endpoint: the path of the request, as Envoy appends it.


@pytest.mark.parametrize(
    "rest",
    [
        "x",
        "reports/7",
        "//x",
        "introspect",
        "../admin",
        "%2e%2e/x",
        "%00",
        "%0aX-User-Id:%20root",
        "a?page=2",
        "%C3%BC",
        "x?q=" + "y" * 3000,
    ],
)
def test_any_path_may_follow(rest: str, text: str) -> None:
    assert status(text, f"/verify/{rest}") == 200
    assert status(None, f"/verify/{rest}") == 401


def test_behind_a_path_the_query_is_the_clients_and_can_only_ask_for_more(text: str) -> None:
    assert status(text, "/verify/x?page=2&flag=c") == 200
    assert status(text, "/verify/x?flags=c") == 403
    assert status(text, "/verify/x?flags=c&flags=") == 403
    assert status(text, "/verify/x?entity=e-elsewhere") == 403
    assert status(text, "/verify/?page=2") == 403


@pytest.mark.parametrize("path", ["/verifyx", "/verify%20", "/Verify", "/x/verify"])
def test_no_other_path_lets_anybody_through(path: str, text: str) -> None:
    answer = Client().get(path, headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 404


# Ids in headers.


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("id", "header"),
    [
        ("ada@example.com", "ada@example.com"),
        ("auth0|5f7c8ec7", "auth0|5f7c8ec7"),
        ('a b;c="d"\'', 'a b;c="d"\''),
        ("a,b", "a%2Cb"),
        ("a%2Cb", "a%252Cb"),
        ("100%", "100%25"),
        ("zoë", "zo%C3%AB"),
        ("山田", "%E5%B1%B1%E7%94%B0"),
        ("a\u00a0b", "a%C2%A0b"),
        ("🙂" * 128, "%F0%9F%99%82" * 128),
    ],
)
def test_ids_are_percent_encoded_where_a_header_cannot_hold_them(id: str, header: str) -> None:
    membership = MembershipFactory(user=UserFactory(id=id), entity=EntityFactory(id=id))
    caller = caller_of(membership, "")
    _, text = issued(caller)
    answer = ask(text)
    assert identity(answer) == {"X-Entity-Id": header, "X-User-Id": header, "X-Token-Flags": ""}
    assert unquote(answer.headers["X-User-Id"]) == id
    assert status(text, f"/verify?entity={quote(id, safe='')}") == 200


# What it costs, and what stands around it.


def test_it_is_one_query_and_none_for_a_forged_text(
    text: str, member: Caller, django_assert_num_queries: Any
) -> None:
    ask(text)
    with django_assert_num_queries(1):
        assert status(text, "/verify/x?flags=a,b") == 200
    for forged in (None, "x", text[:-1] + "_", member.token):
        with django_assert_num_queries(0):
            assert status(forged) == 401
    revoke_token(membership=member.membership, by=BY)
    with django_assert_num_queries(1):
        assert status(text) == 401


def test_it_stands_outside_of_atomic_requests(text: str) -> None:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        with CaptureQueriesContext(connection) as asked:
            assert status(text) == 200
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert [query["sql"].split()[0] for query in asked] == ["SELECT"]


def test_it_is_a_use_of_the_token(text: str) -> None:
    assert status(text, "/verify?flags=c") == 403
    assert status(text) == 200
    write_noted_uses()
    assert AuthToken.objects.get().last_used_at is not None


def test_no_body_is_read(text: str, rf: RequestFactory) -> None:
    class Unreadable:
        def read(self, *args: Any) -> bytes:
            raise AssertionError("read")

    request = rf.post("/verify", headers={"Authorization": f"Bearer {text}"})
    request.META["CONTENT_LENGTH"] = str(10**9)
    request._stream = Unreadable()
    assert view(request).status_code == 200


def test_where_the_database_is_away_nobody_is_let_through(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(text: str) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr("entities.gateway.forward_auth.verify_bearer", fail)
    client = Client(raise_request_exception=False)
    answer = client.get("/verify", headers={"Authorization": f"Bearer {text}"})
    assert (answer.status_code, identity(answer)) == (500, {})


@pytest.mark.usefixtures("counting_cache")
def test_no_limit_is_counted_for_a_gateway_is_one_address(text: str, settings: Any) -> None:
    limits = {"RATE_LIMIT_FAILURES": "1/hour", "RATE_LIMIT_CALLER": "1/hour"}
    settings.ENTITIES = {"LAST_USED_FLUSH": None} | limits
    assert [status("x"), status("x"), status(text), status(text)] == [401, 401, 200, 200]
