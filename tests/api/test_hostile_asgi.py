"""Under ASGI: a body that comes in parts and without a length is read as under WSGI."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.core.asgi import get_asgi_application
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Caller


@contextmanager
def kept_connection() -> Iterator[None]:
    """Keep the connection of the test's transaction over a request, as Django's client does."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


def call(
    caller: Caller,
    *parts: bytes,
    method: str = "POST",
    path: str = "/refresh",
    headers: list[tuple[bytes, bytes]] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Send `parts` without a Content-Length, one message each; return status and body."""
    url = caller.path + path
    given = [(name.encode(), value.encode()) for name, value in caller.headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": url,
        "raw_path": url.encode(),
        "query_string": b"",
        "headers": [
            (b"host", b"testserver"),
            (b"content-type", b"application/json"),
            (b"transfer-encoding", b"chunked"),
            *given,
            *(headers or []),
        ],
    }

    messages = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, start=1)
    ]
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not messages:
            await asyncio.Event().wait()  # the client waits for its answer, and says no more
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    with kept_connection():
        async_to_sync(get_asgi_application())(scope, receive, send)
    start, *bodies = answered
    return start["status"], json.loads(b"".join(message["body"] for message in bodies))


def test_a_wrong_text_in_chunks_refreshes_nothing(member: Caller, text: str) -> None:
    status, problem = call(member, b'{"authenticationToken":', b' "eat_wrong"}')
    assert (status, problem["code"]) == (400, "token_mismatch")
    assert member.get().json()["authenticationToken"] == text


def test_the_right_text_in_chunks_refreshes(member: Caller, text: str) -> None:
    status, token = call(member, b'{"authenticationToken":', b' "%s"}' % text.encode())
    assert status == 200
    assert member.get().json()["authenticationToken"] == token["authenticationToken"] != text


def test_chunks_over_the_limit_are_too_large(member: Caller, text: str) -> None:
    status, problem = call(member, *[b" " * 100_000] * 100)
    assert (status, problem["code"]) == (413, "body_too_large")
    assert member.get().json()["authenticationToken"] == text


def test_an_empty_body_in_chunks_is_an_empty_body(member: Caller, text: str) -> None:
    status, token = call(member, b"")
    assert status == 200
    assert token["authenticationToken"] != text


@pytest.mark.parametrize("header", ["apikey", "userid", "token"])
def test_a_header_that_comes_twice_proves_nobody(header: str, member: Caller, text: str) -> None:
    again = (header.encode(), member.headers[header].encode())
    status, problem = call(member, b"", headers=[again])
    assert (status, problem["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("method", ["delete", "Delete", "PUT"])
def test_a_method_in_lower_case_is_another_method(method: str, member: Caller, text: str) -> None:
    status, problem = call(member, b"", method=method, path="")
    assert (status, problem["code"]) == (405, "method_not_allowed")
    assert member.get().json()["authenticationToken"] == text
