"""Bodies that are no JSON as the API reads it: a 4xx that says what is wrong, and no change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from entities.api.body import parse_json_object
from entities.http.problems import BodyError
from tests.api.hostile import CALLS, refusal, send, state

if TYPE_CHECKING:
    from tests.conftest import Caller


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b'{"flags": ["a"],}', id="trailing comma"),
        pytest.param(b"{'flags': []}", id="single quotes"),
        pytest.param(b'{"flags": []} {}', id="two values"),
        pytest.param(b"\x00", id="NUL"),
        pytest.param(b'{"flags": ["\x01"]}', id="control character in a string"),
        pytest.param(b'{"flags": ["\xff"]}', id="not UTF-8"),
        pytest.param(b'{"flags": ["\xed\xa0\x80"]}', id="surrogate in UTF-8"),
        pytest.param(b'\xef\xbb\xbf{"flags": []}', id="BOM"),
        pytest.param('{"flags": []}'.encode("utf-16"), id="UTF-16"),
        pytest.param('{"flags": []}'.encode("utf-16-le"), id="UTF-16 without a BOM"),
        pytest.param('{"flags": []}'.encode("utf-32"), id="UTF-32"),
        pytest.param(b"[" * 60_000, id="deep list"),
        pytest.param(b'{"flags":' * 7_000, id="deep objects"),
        pytest.param(b'{"flags": ' + b"[" * 900 + b"]" * 900 + b', "a": "\\u0041"}', id="deep"),
        pytest.param(b'{"expiry": ' + b"9" * 5_000 + b"}", id="number of 5000 digits"),
        pytest.param(b'{"expiry": NaN}', id="NaN"),
        pytest.param(b'{"expiry": Infinity}', id="Infinity"),
        pytest.param(b'{"expiry": -Infinity}', id="-Infinity"),
        pytest.param(b'{"flags": [], "flags": ["a"]}', id="name twice"),
        pytest.param(b'{"x": {"a": 1, "\\u0061": 2}}', id="name twice, escaped and deeper"),
        pytest.param(b'{"flags": ["\\ud800"]}', id="lone surrogate in a value"),
        pytest.param(b'{"\\udfff": 1}', id="lone surrogate in a name"),
        pytest.param(b'{"flags": ["\\udc00\\ud800"]}', id="surrogates the wrong way round"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"true", id="bool"),
        pytest.param(b'"{}"', id="string"),
        pytest.param(b"0", id="number"),
        pytest.param(b" ", id="white space alone"),
    ],
)
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_what_is_no_json_object_is_malformed(
    method: str, path: str, body: bytes, member: Caller, text: str
) -> None:
    before = state(member)
    response = send(member, body, method=method, path=path)
    assert refusal(response) in [(400, "body_malformed"), (400, "validation_error")]
    assert state(member) == before


@pytest.mark.parametrize(
    ("sentence", "body"),
    [
        ("not UTF-8", b"\xff"),
        ("lone surrogate", b'{"\\ud800": 1}'),
        ("nested too deep", b"[" * 60_000),
        ("a name twice", b'{"a": 1, "a": 1}'),
        ("NaN", b"[NaN]"),
        ("not JSON", b"{"),
        ("not a JSON object", b"[]"),
    ],
)
def test_the_sentence_says_what_is_wrong_with_the_body(sentence: str, body: bytes) -> None:
    with pytest.raises(BodyError, match=sentence):
        parse_json_object(body)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/json-patch+json",
        "application/problem+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/json; charset=",
        "application/json; charset=unheard-of",
        "application/json, application/json",
        "application/json/",
        "json",
        ";",
        "\x00",
    ],
)
def test_any_media_type_but_json_in_utf_8_is_refused(
    content_type: str, member: Caller, text: str
) -> None:
    response = send(member, b"{}", path="/refresh", content_type=content_type)
    assert refusal(response) == (415, "unsupported_media_type")
    assert state(member)["authenticationToken"] == text


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json ; charset=utf8",
    ],
)
def test_json_is_read_however_its_media_type_is_spelt(content_type: str, member: Caller) -> None:
    response = send(member, b'{"flags": ["a"]}', content_type=content_type)
    assert (response.status_code, response.json()["flags"]) == (201, ["a"])


@pytest.mark.parametrize("method", ["get", "delete"])
def test_a_body_where_none_is_wanted_is_not_read(method: str, member: Caller, text: str) -> None:
    response = send(member, b"[", method=method, content_type="text/plain")
    assert response.status_code == 200
