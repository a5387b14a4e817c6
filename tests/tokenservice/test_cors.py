"""Browser apps of other origins, in front of the service as it is in production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from tests.factories import EntityFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

APP = "https://app.example.com"
ALLOWED = "Access-Control-Allow-Origin"
PATH = "/entities/e-acme/users/u/authentication-token"


@pytest.fixture(autouse=True)
def acme(service: Callable[..., None], db: None) -> None:
    service()
    EntityFactory(id="e-acme", allowed_origins=[APP])


def ask(method: str, path: str, **headers: str) -> HttpResponse:
    given = {"host": "tokens.example", "origin": APP}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(raise_request_exception=False).generic(method, path, headers=given)


def test_a_preflight_is_not_redirected_and_is_kept_for_ten_minutes() -> None:
    answer = ask("OPTIONS", PATH, access_control_request_method="DELETE")
    assert (answer.status_code, answer.headers[ALLOWED]) == (200, APP)
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert answer.headers["Access-Control-Allow-Methods"] == "DELETE, GET, PATCH, POST"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_whatever_goes_wrong_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    answers = [ask("GET", PATH, host="elsewhere.example"), ask("GET", PATH)]
    monkeypatch.setattr("django.middleware.common.CommonMiddleware.process_request", fail)
    answers.append(ask("GET", PATH))
    assert [answer.status_code for answer in answers] == [400, 401, 500]
    for answer in answers:
        assert answer.headers[ALLOWED] == APP
        assert answer.json()["success"] is False


@pytest.mark.parametrize("path", ["/", "/admin/", "/docs", "/health", "/schema", "/me"])
def test_all_else_is_opened_to_nobody(path: str) -> None:
    for answer in (ask("GET", path), ask("OPTIONS", path, access_control_request_method="GET")):
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert "origin" not in answer.headers.get("Vary", "").lower()


def test_others_get_the_answer_of_a_server() -> None:
    answer = ask("GET", PATH, origin="https://other.example")
    assert (answer.status_code, answer.headers["Vary"]) == (401, "origin")
    assert ALLOWED not in answer.headers
