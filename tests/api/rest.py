"""What the tests of the calls about an entity's things share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from django.http import HttpResponse

    from tests.conftest import Caller


def call(caller: Caller, method: str, path: str, **kwargs: Any) -> HttpResponse:
    """Call below the caller's entity, or at `path` itself where it begins with a slash."""
    if not path.startswith("/"):
        path = f"/entities/{quote(caller.membership.entity_id, safe='')}/{path}".rstrip("/")
    headers = caller.headers | kwargs.pop("headers", {})
    if "json" in kwargs:
        kwargs |= {"data": kwargs.pop("json"), "content_type": "application/json"}
    response: HttpResponse = getattr(caller.client, method)(path, headers=headers, **kwargs)
    return response


def listed(caller: Caller, path: str, query: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Read all pages of a list, forwards."""
    answer = call(caller, "get", path, query_params=query or {})
    found: list[dict[str, Any]] = []
    while True:
        assert answer.status_code == 200, answer.content
        body = answer.json()
        assert set(body) == {"success", "results", "next", "previous"}
        found += body["results"]
        if body["next"] is None:
            return found
        answer = call(caller, "get", body["next"].removeprefix("http://testserver"))


def errors_of(response: HttpResponse) -> dict[str, list[str]]:
    """Return the errors of the fields of a 400."""
    body = response.json()
    assert (response.status_code, body["success"]) == (400, False), body
    errors: dict[str, list[str]] = body["errors"]
    return errors
