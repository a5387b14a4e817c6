"""Requests as bytes on a socket: no library puts right what a test wants wrong."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Headers = dict[str, str] | list[tuple[str, str | bytes]]
ANSWERS_WITHIN = 20  # seconds


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Code of an error, whose form is checked on the way."""
        assert self.headers["content-type"] == "application/problem+json"
        problem = self.json
        assert problem["success"] is False
        assert problem["status"] == self.status
        assert isinstance(problem["error"], str)
        assert problem["error"]
        code: str = problem["code"]
        return code


@dataclass(frozen=True)
class Wire:
    """One connection a request."""

    port: int

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Headers | None = None,
        json_body: Any = None,
        body: bytes | None = None,
        chunks: Iterable[bytes] | None = None,
        content_type: str | None = "application/json",
        host: str | None = None,
    ) -> Answer:
        """Send a request, its body as JSON, as it is, or in chunks; headers may come twice."""
        if json_body is not None:
            body = json.dumps(json_body).encode()
        given = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
        if host is not None:
            given.insert(0, ("Host", host))
        if content_type is not None and (body is not None or chunks is not None):
            given.append(("Content-Type", content_type))
        if chunks is not None:
            given.append(("Transfer-Encoding", "chunked"))
        elif body is not None:
            given.append(("Content-Length", str(len(body))))
        parts = [self.head(method, path, given)]
        if chunks is not None:
            parts += [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
            parts.append(b"0\r\n\r\n")
        elif body is not None:
            parts.append(body)
        return self.send(parts, method=method)

    def head(self, method: str, path: str, headers: list[tuple[str, str | bytes]]) -> bytes:
        """Write request line and headers, with a Host where none is among them."""
        given = [("Connection", "close"), *headers]
        if not any(name == "Host" for name, _ in given):
            given.insert(0, ("Host", f"127.0.0.1:{self.port}"))
        lines = [f"{method} {path} HTTP/1.1".encode()]
        lines += [name.encode() + b": " + _bytes(value) for name, value in given]
        return b"\r\n".join([*lines, b"", b""])

    def send_and_hang_up(self, request: bytes) -> bytes:
        """Send a request, end the sending side, and wait until the server has ended its own."""
        with socket.create_connection(("127.0.0.1", self.port), ANSWERS_WITHIN) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def send(self, parts: Iterable[bytes], *, method: str = "GET") -> Answer:
        """Send bytes as they are. A server may answer, and hang up, before it has read them all."""
        with socket.create_connection(("127.0.0.1", self.port), ANSWERS_WITHIN) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
            except ConnectionError:
                pass  # it may have answered before
            response = HTTPResponse(connection, method=method)
            response.begin()
            body = response.read()
        headers: dict[str, str] = {}
        for name, value in response.getheaders():
            name = name.lower()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return Answer(response.status, headers, body)


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")
