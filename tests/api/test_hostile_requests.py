"""Paths, methods and headers that are broken, doubled, or try to move something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from django.test import Client

from tests.api.hostile import refusal
from tests.conftest import Caller, caller_of
from tests.factories import MembershipFactory, UserFactory

if TYPE_CHECKING:
    from django.http import HttpResponse

    from entities.models import Entity

IDS = [
    "auth0|5f7c8ec7",
    "ada@example.com",
    "018f3b1e-7c3a-7cc2-9d0c-6b3f0a1b2c3d",
    "a b",
    "a,b",
    "a%b",
    "a%2Fb",
    "a%00b",
    "a+b",
    "a;b=c",
    "a?b#c",
    "a\\b",
    "a:b",
    "'; DROP TABLE users; --",
    "<script>",
    "Jörg",
    "用户",
    "👩‍💻",
    "x" * 128,
    "é" * 128,
    "...",
    "0",
    "refresh",
    "users",
]


def generic(caller: Caller, method: str, path: str, **extra: Any) -> HttpResponse:
    response: HttpResponse = caller.client.generic(method, path, headers=caller.headers, **extra)
    return response


@pytest.fixture(params=IDS)
def customer(request: pytest.FixtureRequest, entity: Entity, api_key: str) -> Caller:
    """A member with an id as customers have them."""
    user = UserFactory(id=request.param)
    return caller_of(MembershipFactory(entity=entity, user=user), api_key)


def path(entity: str, user: str, *, encoded: bool = False) -> str:
    if not encoded:
        entity, user = quote(entity, safe=""), quote(user, safe="")
    return f"/entities/{entity}/users/{user}/authentication-token"


def test_ids_as_customers_have_them_travel_in_path_and_header(customer: Caller) -> None:
    url = path(customer.membership.entity_id, customer.membership.user_id)
    headers = customer.headers | {"userid": quote(customer.membership.user_id, safe="")}
    made = customer.client.generic("POST", url, headers=headers)
    assert made.status_code == 201
    assert customer.client.get(url, headers=headers).json() == made.json()


@pytest.mark.parametrize("id", [id for id in IDS if "," not in id])
def test_the_header_userid_takes_an_id_as_it_is(id: str, entity: Entity, api_key: str) -> None:
    caller = caller_of(MembershipFactory(entity=entity, user=UserFactory(id=id)), api_key)
    as_utf8 = id.encode().decode("latin-1")  # as a server hands over the bytes
    url = path(entity.id, id)
    headers = caller.headers | {"userid": as_utf8}
    response = caller.client.generic("POST", url, headers=headers)
    assert response.status_code == 201


@pytest.mark.parametrize("header", ["apikey", "userid", "token"])
@pytest.mark.parametrize("joint", [",", ", ", " ,"])
def test_a_header_that_comes_twice_proves_nobody(header: str, joint: str, member: Caller) -> None:
    value = member.headers[header]
    for doubled in (value + joint + value, value + joint, joint + value):
        assert refusal(member.get(headers={header: doubled})) == (401, "not_authenticated")


def test_a_raw_comma_in_userid_counts_as_doubled(entity: Entity, api_key: str) -> None:
    caller = caller_of(MembershipFactory(entity=entity, user=UserFactory(id="a,b")), api_key)
    assert refusal(caller.get(headers={"userid": "a,b"})) == (401, "not_authenticated")
    assert refusal(caller.get(headers={"userid": "a%2Cb"})) == (404, "token_not_found")


@pytest.mark.parametrize("value", ["", " ", "\x00", "\xff", "J\xc3", "%", "%FF", "x" * 100_000])
@pytest.mark.parametrize("header", ["apikey", "userid", "token"])
def test_nonsense_in_a_header_proves_nobody(header: str, value: str, member: Caller) -> None:
    response = member.get(headers={header: value})
    assert refusal(response) == (401, "not_authenticated")
    assert response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "user",
    [
        pytest.param("x" * 129, id="129 characters"),
        pytest.param("x" * 100_000, id="100,000 characters"),
        "%00",
        "a%00",
        "%0A",
        "a%0D%0Ab",
        "%7F",
        "%C2%85",
        "%E2%80%A8",
        ".",
        "..",
        "%2E%2E",
        "%20",
        "a%20",
        "%C2%A0a",
        "a%2Fb",
        "%2F",
        "",
        "a/b",
        "a//b",
        "../users/a",
    ],
)
def test_what_can_be_no_id_is_not_found_and_nobody_is_asked_for_credentials(
    user: str, member: Caller
) -> None:
    for url in (
        path(member.membership.entity_id, user, encoded=True),
        path(user, member.membership.user_id, encoded=True),
    ):
        assert refusal(generic(member, "GET", url)) == (404, "not_found")
        assert refusal(generic(member, "GET", f"{url}/refresh")) == (404, "not_found")


@pytest.mark.parametrize("user", ["%", "%zz", "%2", "%FF", "%C3", "%ED%A0%80", "%c0%af"])
def test_bad_percent_encoding_names_nobody(user: str, admin: Caller) -> None:
    url = path(admin.membership.entity_id, user, encoded=True)
    assert refusal(generic(admin, "GET", url)) == (404, "user_not_found")
    url = path(user, admin.membership.user_id, encoded=True)
    assert refusal(generic(admin, "GET", url)) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "tail",
    [
        "/",
        "//",
        "/refresh/",
        "/refresh/x",
        "/x",
        "%2F",
        "%00",
        "%0A",
        "/refresh%0A",
        ".json",
        ";x=1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "FOO"])
def test_a_path_that_is_not_quite_one_is_not_found_and_not_redirected(
    method: str, tail: str, member: Caller
) -> None:
    response = generic(member, method, member.path + tail)
    assert refusal(response) == (404, "not_found")


@pytest.mark.parametrize(
    "url",
    ["/entities/", "/entities//users//authentication-token", "/entities/e/x", "/me/", "/me/x"],
)
def test_the_rest_below_entities_and_me_is_not_found_with_csrf_checks_too(url: str) -> None:
    client = Client(enforce_csrf_checks=True)
    assert refusal(client.get(url)) == (404, "not_found")
    assert refusal(client.post(url)) == (404, "not_found")


@pytest.mark.parametrize(
    "method", ["PUT", "OPTIONS", "TRACE", "CONNECT", "FOO", "get", "delete", "Patch", "QUERY", "*"]
)
def test_another_method_is_not_allowed_whoever_asks(method: str, member: Caller) -> None:
    for client in (member, Caller(member.membership, "", "")):
        response = generic(client, method, member.path)
        assert refusal(response) == (405, "method_not_allowed")
        assert response.headers["Allow"] == "GET, HEAD, POST, PATCH, DELETE"
        response = generic(client, method, f"{member.path}/refresh")
        assert refusal(response) == (405, "method_not_allowed")
        assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "DELETE"])
def test_a_refresh_is_a_post(method: str, member: Caller) -> None:
    response = generic(member, method, f"{member.path}/refresh")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_head_is_get_without_a_body(member: Caller) -> None:
    assert member.call("head").status_code == 404
    made = member.post()
    response = member.call("head")
    assert (response.status_code, response.content) == (200, b"")
    assert member.get().json() == made.json()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-Method-Override": "DELETE"},
        {"X-Original-URL": "/entities/e/users/u/authentication-token"},
        {"X-Rewrite-URL": "/entities/e/users/u/authentication-token"},
        {"Script-Name": "/elsewhere"},
        {"X-Script-Name": "/elsewhere"},
        {"X-Forwarded-Prefix": "/elsewhere"},
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Port": "1"},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
        {"Forwarded": "host=evil.example;proto=https"},
        {"Accept": "text/html"},
        {"Accept": "application/xml;q=1, application/json;q=0"},
        {"Accept-Language": "tlh"},
        {"Range": "bytes=0-1"},
        {"If-None-Match": '"x", nonsense'},
        {"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
        {"Expect": "200-ok"},
        {"Authorization": "Bearer x"},
        {"Origin": "https://app.example", "Referer": "https://app.example/page"},
        {"entityId": "e-other", "entity-authentication-token": "eat_wrong"},
        {"remote-user": "u-admin", "x-remote-user": "u-admin"},
    ],
)
def test_other_headers_move_nothing(headers: dict[str, str], member: Caller) -> None:
    made = member.post().json()
    response = member.get(headers=headers)
    assert (response.status_code, response.json()) == (200, made)
    assert response.headers["Content-Type"] == "application/json"
    assert "Location" not in response.headers
    assert not response.cookies


def test_the_api_takes_and_sets_no_cookie(member: Caller) -> None:
    member.client = Client(enforce_csrf_checks=True)
    member.client.cookies.load({"csrftoken": "y" * 32, "messages": "x"})
    response = member.post()
    assert response.status_code == 201
    assert not response.cookies


def test_a_users_own_query_parameters_move_nothing(member: Caller, other_member: Caller) -> None:
    made = member.post().json()
    query = f"?userId={other_member.membership.user_id}&entityId=e&format=xml&_method=DELETE"
    assert member.get(query).json() == made
