"""What the tests of hostile requests share: how they are sent, and what all refusals have."""

from __future__ import annotations

from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.http import HttpResponse

    from tests.conftest import Caller

CALLS = [("post", ""), ("patch", ""), ("post", "/refresh")]


def send(
    caller: Caller,
    body: bytes,
    *,
    method: str = "post",
    path: str = "",
    content_type: str = "application/json",
    **extra: Any,
) -> HttpResponse:
    """Send bytes as they are: `Client.post` would encode them in the charset of the media type."""
    response: HttpResponse = caller.client.generic(
        method.upper(),
        caller.path + path,
        body,
        content_type,
        headers=caller.headers,
        **extra,
    )
    return response


def send_in_chunks(caller: Caller, body: bytes, path: str = "", **extra: Any) -> HttpResponse:
    """As a server hands over a body in chunks: no length, and a stream that ends by itself."""
    environ = {
        "CONTENT_LENGTH": "",
        "CONTENT_TYPE": "application/json",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
    }
    return send(caller, b"", path=path, **environ | extra)


def state(caller: Caller) -> dict[str, Any]:
    token = caller.get().json()
    return {name: token[name] for name in ("authenticationToken", "expiry", "flags")}


def refusal(response: HttpResponse) -> tuple[int, str]:
    """Return status and code of an error, all else of whose form is checked on the way."""
    status = response.status_code
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Location" not in response.headers
    assert not response.cookies
    problem = dict(response.json())
    code: str = problem.pop("code")
    error = problem.pop("error")
    problem.pop("errors", None)
    assert isinstance(error, str)
    assert error
    assert problem == {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error,
        "success": False,
    }
    return status, code
