from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from django.core.exceptions import PermissionDenied
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest, get_script_name
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.urls import set_script_prefix

from tests.databases import connection
from tokenservice import views
from tokenservice.paths import is_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from tests.tokenservice.conftest import Served

HTML = "text/html; charset=utf-8"
PROBLEM = "application/problem+json"


def ask(
    served: Served, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body, as they came over the wire."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    try:
        connection.request(
            method, path, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )
        answer = connection.getresponse()
        sent = {name.lower(): text for name, text in answer.getheaders()}
        return answer.status, sent, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "status", "media_type"),
    [
        ("/", 200, HTML),
        ("/docs", 200, HTML),
        ("/health", 200, "application/json"),
        ("/schema", 200, "application/json"),
        ("/schema?format=yaml", 200, "application/yaml; charset=utf-8"),
        ("/admin/login/", 200, HTML),
        ("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css", 200, None),
        ("/static/admin/css/base.css", 200, None),
        ("/docs/nothing", 404, HTML),
        ("/static/nothing", 404, HTML),
        ("/nothing", 404, PROBLEM),
        ("/entities", 401, PROBLEM),
        ("/me", 401, PROBLEM),
        ("/introspect", 405, PROBLEM),
        ("/introspect/", 404, PROBLEM),
        ("/revoke", 405, PROBLEM),
        ("/verify", 401, "text/plain; charset=utf-8"),
        ("/verify/", 401, "text/plain; charset=utf-8"),
        ("/verify/x?page=2", 401, "text/plain; charset=utf-8"),
        ("/entities/e-demo/nothing", 404, PROBLEM),
        ("/entities/e-demo/users/u-demo-member/authentication-token", 401, PROBLEM),
        ("/%00", 404, PROBLEM),
        ("/entities/%ff/users/u/authentication-token", 401, PROBLEM),
        ("/entities/%zz/users/u/nothing", 404, PROBLEM),
    ],
)
def test_pages_are_html_and_all_else_is_json(
    served: Served, path: str, status: int, media_type: str | None
) -> None:
    got, headers, body = ask(served, path)
    assert got == status
    assert headers["content-type"] == media_type or media_type is None
    assert headers["x-content-type-options"] == "nosniff" or path.startswith("/static/drf")
    if media_type == PROBLEM:
        assert json.loads(body)["success"] is False
        assert headers["cache-control"] == "no-store"
        assert "set-cookie" not in headers


def test_a_host_that_is_not_ours_is_answered_in_the_form_of_the_path(served: Served) -> None:
    path = "/entities/e-demo/users/u/authentication-token"
    status, headers, body = ask(served, path, Host="elsewhere.example")
    assert (status, headers["content-type"]) == (400, PROBLEM)
    assert json.loads(body)["code"] == "bad_request"
    status, headers, body = ask(served, "/docs", Host="elsewhere.example")
    assert (status, headers["content-type"]) == (400, HTML)
    assert b"<h1>Bad request</h1>" in body


@pytest.mark.parametrize("path", ["/schema", "/health"])
def test_a_method_that_is_not_there_is_a_json_error_also_for_who_wants_yaml(
    served: Served, path: str
) -> None:
    status, headers, body = ask(served, path, "POST", Accept="application/yaml")
    assert (status, headers["content-type"], headers["allow"]) == (405, PROBLEM, "GET, HEAD")
    assert json.loads(body)["success"] is False


def test_headers_of_a_client_move_nothing(served: Served) -> None:
    plain = ask(served, "/docs?script=")
    moved = ask(
        served,
        "/docs?script=",
        SCRIPT_NAME="/elsewhere",
        X_Forwarded_Host="elsewhere.example",
        X_Forwarded_Proto="https",
        X_Forwarded_Prefix="/elsewhere",
    )
    assert (plain[0], moved[0]) == (200, 200)
    assert b"elsewhere" not in moved[2]
    assert b'url: "/schema"' in moved[2].replace(b"\\u002D", b"-")


def test_the_document_is_the_same_in_json_and_yaml(served: Served) -> None:
    as_json = json.loads(ask(served, "/schema", Accept="text/html,*/*;q=0.8")[2])
    as_yaml = yaml.safe_load(ask(served, "/schema", Accept="application/yaml")[2])
    assert as_json == as_yaml
    assert as_json["openapi"] == "3.1.1"
    path = "/entities/{entityId}/users/{userId}/authentication-token"
    assert {path, f"{path}/refresh", "/entities", "/me"} <= set(as_json["paths"])


def test_the_documentation_loads_nothing_from_elsewhere(served: Served) -> None:
    _, _, page = ask(served, "/docs")
    assert b"://" not in page
    assert page.count(b'"/static/drf_spectacular_sidecar/swagger-ui-dist/') == 4


def test_pages_follow_the_language_of_the_browser_and_the_api_does_not(served: Served) -> None:
    for _ in range(8):  # whichever thread answers
        _, headers, page = ask(served, "/admin/login/", Accept_Language="de")
        assert headers["content-language"] == "de"
        assert b'<html lang="de"' in page
        _, headers, body = ask(served, "/entities/e-acme/nothing", Accept_Language="de")
        assert json.loads(body)["error"].startswith("Nothing is at this path.")
        assert "content-language" not in headers


def test_pages_allow_nothing_from_elsewhere_and_nothing_inline(served: Served) -> None:
    for path in ("/", "/admin/login/", "/admin/nothing", "/docs"):
        _, headers, page = ask(served, path)
        policy = dict(
            directive.split(" ", 1) for directive in headers["content-security-policy"].split("; ")
        )
        assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert ("unsafe-inline" in policy["style-src"]) == (path == "/docs")
        assert b"<script>" not in page
        assert path == "/docs" or b"<style>" not in page
    assert "content-security-policy" not in ask(served, "/health")[1]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/admin/", 301),
        ("/docs", 301),
        ("/", 301),
        ("/entities/e/users/u/authentication-token", 401),
        ("/introspect", 405),
        ("/revoke", 405),
        ("/verify", 401),
        ("/verify/x", 401),
        ("/health", 200),
        ("/nothing", 404),
    ],
)
@pytest.mark.parametrize("proto", [{}, {"x-forwarded-proto": "https"}])
def test_in_production_pages_redirect_to_https_and_calls_never_do(
    service: Callable[..., None], path: str, status: int, proto: dict[str, str]
) -> None:
    service()
    answer = Client().get(path, headers={"host": "tokens.example", **proto})
    assert answer.status_code == status


@pytest.mark.django_db
def test_a_proxy_that_the_operator_names_is_believed(service: Callable[..., None]) -> None:
    service(PROXY_SSL_HEADER="X-Forwarded-Proto")
    sent = {"host": "tokens.example", "x-forwarded-proto": "https"}
    answer = Client().get("/admin/login/", headers=sent)
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert answer.headers["X-Frame-Options"] == "DENY"
    cookie = answer.cookies["__Host-csrftoken"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")


def answer_of(path: str, **environ: str) -> HttpResponse:
    """Ask the application as a server does: with the mount set, which a test client leaves out."""
    request = RequestFactory().get(path, headers={"host": "tokens.example"})
    mounted = WSGIRequest(request.environ | environ)
    set_script_prefix(get_script_name(mounted.environ))
    try:
        return WSGIHandler().get_response(mounted)
    finally:
        set_script_prefix("/")


@pytest.mark.django_db
def test_below_a_mount_links_and_answers_stay_below_it(service: Callable[..., None]) -> None:
    service(FORCE_SCRIPT_NAME="/auth", HTTPS="off")
    assert b'href="/auth/docs"' in answer_of("/").content
    assert b'"/auth/static/admin/css/base.css"' in answer_of("/admin/login/").content
    assert answer_of("/nothing").headers["Content-Type"] == PROBLEM
    assert answer_of("/admin/").headers["Location"] == "/auth/admin/login/?next=/auth/admin/"


@pytest.mark.django_db
def test_a_mount_that_only_a_request_names_moves_nothing(service: Callable[..., None]) -> None:
    service(HTTPS="off")
    answer = answer_of("/admin/", SCRIPT_NAME="/elsewhere")
    assert answer.headers["Location"] == "/admin/login/?next=/admin/"


@pytest.mark.django_db
def test_a_database_that_is_away_is_a_503_without_details(
    service: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise OperationalError("password of postgres://me:secret@host is wrong")

    service(HTTPS="off")
    monkeypatch.setattr(connection, "cursor", away)
    answer = Client().get("/health", headers={"host": "tokens.example"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, PROBLEM)
    assert answer.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "The database does not answer. Try again later.",
        "success": False,
        "error": "The database does not answer. Try again later.",
        "code": "database_unavailable",
    }


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/", HTML), ("/admin/x", HTML), ("/entities/x", PROBLEM), ("/health", PROBLEM)],
)
def test_each_error_of_django_has_the_form_of_the_path(
    service: Callable[..., None], path: str, media_type: str
) -> None:
    service()
    request = RequestFactory().get(path)
    answers = [
        views.bad_request(request, Exception()),
        views.permission_denied(request, PermissionDenied()),
        views.page_not_found(request, Exception()),
        views.server_error(request),
    ]
    assert [answer.status_code for answer in answers] == [400, 403, 404, 500]
    assert {answer.headers["Content-Type"] for answer in answers} == {media_type}


@pytest.mark.parametrize("path", ["/", "/admin", "/admin/x", "/docs", "/static/x"])
def test_a_page_is_for_people(path: str) -> None:
    assert is_page(path) is True


@pytest.mark.parametrize("path", ["/entities/admin", "/adminx", "/health", "/schema", "/Admin"])
def test_all_else_is_for_programs(path: str) -> None:
    assert is_page(path) is False
