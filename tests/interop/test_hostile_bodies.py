"""Broken bodies on real sockets: with a length, in chunks, too long, cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.interop.conftest import Person, Server

pytestmark = pytest.mark.interop

LIMIT = 64 * 1024
TEN_MEGABYTES = [b" " * 100_000] * 100


@pytest.fixture
def member(server: Server) -> Person:
    """The demo's member, with a fresh token."""
    member = server.person("member")
    server.revoke(member)
    assert server.call("POST", member, json_body={"flags": ["kept"]}).status == 201
    return member


def state(server: Server, person: Person) -> dict[str, Any]:
    token = server.call("GET", person).json
    return {name: token[name] for name in ("authenticationToken", "expiry", "flags")}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\x00",
        b'\xef\xbb\xbf{"flags": []}',
        '{"flags": []}'.encode("utf-16"),
        '{"flags": []}'.encode("utf-32-le"),
        b'{"flags": ["\xff"]}',
        b"[" * 60_000,
        b'{"flags":' * 7_000,
        b'{"expiry": ' + b"9" * 60_000 + b"}",
        b'{"expiry": 1e999}',
        b'{"expiry": NaN}',
        b'{"expiry": -Infinity}',
        b'{"flags": [], "flags": ["a"]}',
        b'{"flags": ["\\ud800"]}',
        b'{"\\udfff": 1}',
        b'{"flags": null}',
        b'{"flags": "a"}',
        b'{"flags": [1]}',
        b'{"flags": [true]}',
        b'{"flags": [""]}',
        b'{"flags": ["a\\n"]}',
        b'{"flags": ["' + b"a" * 65 + b'"]}',
        b'{"flags": [' + b",".join(b'"f%d"' % number for number in range(33)) + b"]}",
        b'{"expiry": null}',
        b'{"expiry": true}',
        b'{"expiry": 1893456000}',
        b'{"expiry": "2030-01-31T12:00:00"}',
        b'{"expiry": "2020-01-31T12:00:00Z"}',
        b'{"expiry": "0001-01-01T00:00:00+01:00"}',
        b'{"expiry": "9999-12-31T23:59:59-01:00"}',
        b'{"unknown": 1}',
        b"[]",
        b"null",
    ],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize(("method", "path"), [("PATCH", ""), ("POST", "/refresh")])
def test_a_broken_body_is_a_400_and_changes_nothing(
    method: str, path: str, body: bytes, chunked: bool, server: Server, member: Person
) -> None:
    before = state(server, member)
    sent: dict[str, Any] = (
        {"chunks": [body[:3], body[3:]]} if chunked and body[3:] else {"body": body}
    )
    answer = server.call(method, member, path, **sent)
    assert answer.status == 400
    assert answer.code in {"body_malformed", "validation_error", "expiry_invalid"}
    assert state(server, member) == before


def test_a_refresh_with_a_wrong_text_in_chunks_refreshes_nothing(
    server: Server, member: Person
) -> None:
    before = state(server, member)
    answer = server.call(
        "POST", member, "/refresh", chunks=[b'{"authenticationToken"', b': "eat_wrong"}']
    )
    assert (answer.status, answer.code) == (400, "token_mismatch")
    assert state(server, member) == before


def test_a_refresh_with_the_right_text_in_chunks_refreshes(server: Server, member: Person) -> None:
    text = state(server, member)["authenticationToken"]
    chunks = [b'{"authenticationToken": "', text.encode(), b'"}']
    answer = server.call("POST", member, "/refresh", chunks=chunks)
    assert answer.status == 200
    assert (
        state(server, member)["authenticationToken"] == answer.json["authenticationToken"] != text
    )


@pytest.mark.parametrize("length", ["0", "2", "99"])
def test_a_length_beside_chunks_hides_no_wrong_text(
    length: str, server: Server, member: Person
) -> None:
    before = state(server, member)
    answer = server.call(
        "POST",
        member,
        "/refresh",
        chunks=[b'{"authenticationToken": "eat_wrong"}'],
        headers=[*member.headers.items(), ("Content-Length", length)],
    )
    assert answer.status == 400
    assert state(server, member) == before


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PATCH", ""), ("POST", "/refresh")])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_ten_megabytes_are_too_large(
    method: str, path: str, chunked: bool, server: Server, member: Person
) -> None:
    before = state(server, member)
    sent: dict[str, Any] = (
        {"chunks": TEN_MEGABYTES} if chunked else {"body": b"".join(TEN_MEGABYTES)}
    )
    answer = server.call(method, member, path, **sent)
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert state(server, member) == before


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_the_largest_body_is_read_and_one_byte_more_is_not(
    chunked: bool, server: Server, member: Person
) -> None:
    for size, status in ((LIMIT, 200), (LIMIT + 1, 413)):
        body = b'{"flags": ["a"]}'.ljust(size)
        sent: dict[str, Any] = {"chunks": [body[:9], body[9:]]} if chunked else {"body": body}
        assert server.call("PATCH", member, **sent).status == status


@pytest.mark.parametrize("sent", [b"", b"{}", b'{"authenticationToken": "eat_'])
def test_a_body_that_ends_early_refreshes_nothing(
    sent: bytes, server: Server, member: Person
) -> None:
    before = state(server, member)
    head = server.wire.head(
        "POST",
        f"{server.path(member)}/refresh",
        [*member.headers.items(), ("Content-Type", "application/json"), ("Content-Length", "40")],
    )
    server.wire.send_and_hang_up(head + sent)
    assert state(server, member) == before


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "application/json, application/json",
        "multipart/form-data; boundary=x",
    ],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_any_media_type_but_json_in_utf_8_is_refused(
    content_type: str | None, chunked: bool, server: Server, member: Person
) -> None:
    before = state(server, member)
    sent: dict[str, Any] = {"chunks": [b"{}"]} if chunked else {"body": b"{}"}
    answer = server.call("POST", member, "/refresh", content_type=content_type, **sent)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert state(server, member) == before
