"""How a body is sent: too long, in chunks, cut off, or read by somebody before."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from entities.conf import app_settings
from entities.http.problems import BodyTooLargeError
from entities.http.requests import check_length
from tests.api.hostile import CALLS, refusal, send, send_in_chunks, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from tests.conftest import Caller

LIMIT = 64 * 1024


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_the_largest_body_is_read_and_one_byte_more_is_not(
    method: str, path: str, member: Caller, text: str
) -> None:
    body = b'{"x": 1}'
    assert refusal(send(member, body.ljust(LIMIT), method=method, path=path))[0] == 400
    response = send(member, body.ljust(LIMIT + 1), method=method, path=path)
    assert refusal(response) == (413, "body_too_large")


@pytest.mark.parametrize("path", ["", "/refresh"])
def test_a_body_over_the_limit_in_chunks_is_too_large(path: str, member: Caller, text: str) -> None:
    body = BytesIO(b" " * 10_000_000)
    response = send_in_chunks(member, b"", path, **{"wsgi.input": body})
    assert refusal(response) == (413, "body_too_large")
    assert body.tell() == LIMIT + 1
    assert state(member)["authenticationToken"] == text


def test_the_limit_is_a_setting(member: Caller, settings: Any) -> None:
    settings.ENTITIES = {"MAX_BODY_BYTES": 1} | settings.ENTITIES
    assert app_settings.MAX_BODY_BYTES == 1
    assert refusal(send(member, b"{}")) == (413, "body_too_large")


def test_a_refresh_with_a_wrong_text_in_chunks_refreshes_nothing(member: Caller, text: str) -> None:
    body = b'{"authenticationToken": "eat_wrong"}'
    assert refusal(send_in_chunks(member, body, "/refresh")) == (400, "token_mismatch")
    assert state(member)["authenticationToken"] == text


def test_a_refresh_with_the_right_text_in_chunks_refreshes(member: Caller, text: str) -> None:
    body = b'{"authenticationToken": "%s"}' % text.encode()
    response = send_in_chunks(member, body, "/refresh")
    assert response.status_code == 200
    assert state(member)["authenticationToken"] == response.json()["authenticationToken"] != text


def test_chunks_are_read_beside_a_length_and_after_a_middleware_that_read_the_body(
    member: Caller, text: str, settings: Any
) -> None:
    put_first(member, read_first, settings)
    body = b'{"authenticationToken": "eat_wrong"}'
    for length in ("", "0"):
        response = send_in_chunks(member, body, "/refresh", CONTENT_LENGTH=length)
        assert refusal(response) == (400, "token_mismatch")


def test_chunks_of_which_the_server_does_not_tell_the_end_want_a_length(member: Caller) -> None:
    environ = {"wsgi.input_terminated": False}
    assert refusal(send_in_chunks(member, b"{}", **environ)) == (411, "length_required")


def test_a_body_that_a_middleware_has_read_is_not_lost(
    member: Caller, text: str, settings: Any
) -> None:
    put_first(member, read_first, settings)
    body = b'{"authenticationToken": "eat_wrong"}'
    assert refusal(send(member, body, path="/refresh")) == (400, "token_mismatch")


def test_a_form_that_a_middleware_has_parsed_does_not_pass_for_an_empty_body(
    member: Caller, text: str, settings: Any
) -> None:
    put_first(member, parse_first, settings)
    form = (
        b'--x\r\nContent-Disposition: form-data; name="authenticationToken"\r\n\r\nx\r\n--x--\r\n'
    )
    response = send(member, form, path="/refresh", content_type="multipart/form-data; boundary=x")
    assert refusal(response) == (415, "unsupported_media_type")
    assert state(member)["authenticationToken"] == text


def test_a_body_that_ends_early_is_malformed(member: Caller, text: str) -> None:
    class HungUp(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("the client is gone")

    environ = {"wsgi.input": HungUp()}
    response = send_in_chunks(member, b"", "/refresh", **environ)
    assert refusal(response) == (400, "body_malformed")


@pytest.mark.parametrize("sent", [b"", b"{}"])
def test_a_body_shorter_than_its_length_does_not_pass_for_all_of_it(
    sent: bytes, member: Caller, text: str
) -> None:
    environ = {"CONTENT_LENGTH": "40", "wsgi.input": BytesIO(sent)}
    response = send(member, b"", path="/refresh", **environ, CONTENT_TYPE="application/json")
    assert refusal(response) == (400, "body_malformed")
    assert state(member)["authenticationToken"] == text


@pytest.mark.parametrize("length", ["-1", "+1", "1.5", "٣", "0x10", "1,1"])
def test_a_length_that_is_no_number_is_malformed(length: str, member: Caller) -> None:
    response = send(member, b"{}", CONTENT_LENGTH=length)
    assert refusal(response) == (400, "body_malformed")


def test_a_length_too_long_to_be_a_number_is_too_large(rf: Any) -> None:
    with pytest.raises(BodyTooLargeError):
        check_length(rf.post("/", CONTENT_LENGTH="9" * 5_000), limit=LIMIT)


def put_first(caller: Caller, middleware: Callable[..., Any], settings: Any) -> None:
    """Give the host this middleware, and a client whose handler knows of it."""
    settings.MIDDLEWARE = [f"{__name__}.{middleware.__name__}"]
    caller.client = Client()


def read_first(get_response: Any) -> Any:
    def middleware(request: Any) -> HttpResponse:
        assert isinstance(request.body, bytes)
        response: HttpResponse = get_response(request)
        return response

    return middleware


def parse_first(get_response: Any) -> Any:
    def middleware(request: Any) -> HttpResponse:
        assert request.POST is not None
        response: HttpResponse = get_response(request)
        return response

    return middleware
