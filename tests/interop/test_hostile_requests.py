"""Broken requests on real sockets: paths, methods, headers. Each has its 4xx in the error form."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.interop.conftest import path_of

if TYPE_CHECKING:
    from tests.interop.conftest import Person, Server
    from tests.interop.wire import Answer

pytestmark = pytest.mark.interop

IDS = [
    "auth0|abc",
    "ada@example.com",
    "018f3b1e-7c3a-7cc2-9d0c-6b3f0a1b2c3d",
    "a b",
    "a,b",
    "50%",
    "a%2Fb",
    "a%00b",
    "a+b?c#d;e\\f",
    "Jörg",
    "用户",
    "👩‍💻",
    "x" * 128,
]


@pytest.fixture(scope="module")
def people(server: Server) -> dict[str, Person]:
    return server.add_members(IDS)


@pytest.fixture
def member(server: Server) -> Person:
    """The demo's member, without a token."""
    member = server.person("member")
    server.revoke(member)
    return member


def guarded(answer: Answer) -> Answer:
    """Check what holds for every answer of the API."""
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers.keys().isdisjoint({"set-cookie", "location"})
    return answer


@pytest.mark.parametrize("id", IDS)
def test_ids_as_customers_have_them_travel_in_path_and_header(
    id: str, server: Server, people: dict[str, Person]
) -> None:
    person = people[id]
    headers = person.headers | {"userid": quote(id, safe="")}
    made = guarded(server.call("POST", person, headers=headers))
    assert made.status == 201
    got = guarded(server.call("GET", person, headers=headers))
    assert (got.status, got.json) == (200, made.json)
    assert guarded(server.call("DELETE", person, headers=headers)).status == 200


@pytest.mark.parametrize("id", [id for id in IDS if id.isascii() and "," not in id])
def test_the_header_userid_takes_an_id_as_it_is(
    id: str, server: Server, people: dict[str, Person]
) -> None:
    assert server.call("GET", people[id]).code in {"token_not_found", "token_revoked"}


def test_a_raw_comma_in_userid_counts_as_doubled(server: Server, people: dict[str, Person]) -> None:
    assert server.call("GET", people["a,b"]).code == "not_authenticated"


def test_raw_utf_8_in_userid_is_taken_or_refused_but_never_for_somebody_else(
    server: Server, people: dict[str, Person]
) -> None:
    # granian hands over a header that is not ASCII as an empty one; others hand over its bytes.
    person = people["Jörg"]
    headers = [*(person.headers | {"userid": ""}).items()]
    headers[1] = ("userid", "Jörg".encode())
    assert guarded(server.call("GET", person, headers=headers)).status in {401, 404}


@pytest.mark.parametrize("header", ["apikey", "userid", "token"])
@pytest.mark.parametrize("again", ["the same", "empty", "other case"])
def test_a_header_that_comes_twice_proves_nobody(
    header: str, again: str, server: Server, member: Person
) -> None:
    value = member.headers[header]
    second = {
        "the same": (header, value),
        "empty": (header, ""),
        "other case": (header.title(), value),
    }
    for headers in (
        [*member.headers.items(), second[again]],
        [second[again], *member.headers.items()],
    ):
        answer = guarded(server.call("GET", member, headers=headers))
        assert (answer.status, answer.code) == (401, "not_authenticated")
        assert answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "user",
    [
        "x" * 129,
        "%00",
        "a%00",
        "%0A",
        "a%0D%0Ab",
        "%7F",
        "%E2%80%A8",
        ".",
        "..",
        "%2e%2E",
        "a%20",
        "a%2Fb",
        "%2F",
        "",
        "a/b",
        "../u",
        "%2e%2e%2fu",
    ],
)
def test_what_can_be_no_id_is_not_found(user: str, server: Server, member: Person) -> None:
    for path in (
        f"/entities/{member.entity}/users/{user}/authentication-token",
        f"/entities/{user}/users/{member.id}/authentication-token",
    ):
        answer = guarded(server.wire.call("GET", path, headers=member.headers))
        assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("user", ["%", "%zz", "%2", "%FF", "%C3", "%ED%A0%80", "%c0%af", "%u0041"])
def test_bad_percent_encoding_names_nobody(user: str, server: Server) -> None:
    admin = server.person("admin")
    path = f"/entities/{admin.entity}/users/{user}/authentication-token"
    answer = guarded(server.wire.call("GET", path, headers=admin.headers))
    assert (answer.status, answer.code) == (404, "user_not_found")
    path = f"/entities/{user}/users/{admin.id}/authentication-token"
    answer = guarded(server.wire.call("GET", path, headers=admin.headers))
    assert (answer.status, answer.code) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "change",
    [
        "{}/",
        "{}//",
        "/{}",
        "{}/refresh/",
        "{}%2F",
        "{}%00",
        "{}%0A",
        "{}.json",
        "{};x",
        "/.{}",
        "/x/..{}",
        "/%2e%2e{}",
        "{}/../authentication-token",
        "/ENTITIES",
        "/entities/e-demo/nothing",
        "/me/",
        "/nowhere",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "OPTIONS"])
def test_a_path_that_is_not_quite_one_is_not_found_and_not_redirected(
    method: str, change: str, server: Server, member: Person
) -> None:
    path = change.format(path_of(member.entity, member.id))
    answer = guarded(server.wire.call(method, path, headers=member.headers))
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "method", ["PUT", "OPTIONS", "TRACE", "FOO", "get", "delete", "Patch", "QUERY", "PROPFIND"]
)
def test_another_method_is_not_allowed_whoever_asks(
    method: str, server: Server, member: Person
) -> None:
    for headers in (member.headers, {}):
        answer = guarded(server.call(method, member, headers=headers))
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD, POST, PATCH, DELETE"
        answer = guarded(server.call(method, member, "/refresh", headers=headers))
        assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_head_is_get_without_a_body(server: Server, member: Person) -> None:
    assert guarded(server.call("HEAD", member)).status == 404
    assert server.call("POST", member).status == 201
    answer = guarded(server.call("HEAD", member))
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1, evil.example", "a b", "@", "[::1", "x" * 999],
)
def test_a_wrong_host_is_a_400_in_the_error_form(host: str, server: Server, member: Person) -> None:
    answer = guarded(server.call("GET", member, host=host))
    assert (answer.status, answer.code) == (400, "bad_request")


@pytest.mark.parametrize(
    "headers",
    [
        {"SCRIPT_NAME": "/elsewhere"},
        {"Script-Name": "/elsewhere"},
        {"X-Script-Name": "/elsewhere", "X-Forwarded-Prefix": "/elsewhere"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
        {"X-Forwarded-For": "10.0.0.1", "X-Real-IP": "10.0.0.1", "Forwarded": "for=10.0.0.1"},
        {"X-Original-URL": "/admin/", "X-Rewrite-URL": "/admin/"},
        {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"},
        {"PATH_INFO": "/", "Path-Info": "/", "REQUEST_METHOD": "DELETE"},
        {"Accept": "text/html", "Accept-Encoding": "identity;q=0", "Range": "bytes=0-1"},
        {"Authorization": "Bearer x", "Cookie": "sessionid=x; messages=y"},
        {"Upgrade": "websocket", "X-Real": "close"},
        {"Referer": "https://app.example/page", "Origin": "https://app.example"},
        {"entityId": "e-other", "entity-authentication-token": "eat_wrong"},
    ],
)
def test_other_headers_move_nothing(
    headers: dict[str, str], server: Server, member: Person
) -> None:
    made = server.call("POST", member)
    answer = guarded(server.call("GET", member, headers=member.headers | headers))
    assert (answer.status, answer.json) == (200, made.json)


def test_a_query_moves_nothing(server: Server, member: Person) -> None:
    made = server.call("POST", member)
    other = server.person("other_member")
    path = f"{path_of(member.entity, member.id)}?userId={other.id}&%zz&format=xml&_method=DELETE"
    answer = guarded(server.wire.call("GET", path, headers=member.headers))
    assert (answer.status, answer.json) == (200, made.json)


def test_an_absolute_url_in_the_request_line_moves_nothing(server: Server, member: Person) -> None:
    path = f"http://evil.example{path_of(member.entity, member.id)}"
    answer = guarded(server.wire.call("GET", path, headers=member.headers))
    assert (answer.status, answer.code) == (404, "token_revoked")
