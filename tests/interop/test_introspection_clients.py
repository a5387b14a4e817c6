"""Introspection and revocation by a client that others wrote: Authlib's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.http import HttpRequest, JsonResponse
from django.test import RequestFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authlib.integrations.requests_client import OAuth2Session

    from tests.interop.conftest import Person, Server

pytestmark = pytest.mark.interop

OUTCOMES_OF_NONE = {"active": False}


@dataclass(frozen=True)
class Application:
    """An API key with its id, as a client of OAuth wants it."""

    id: str
    text: str

    def session(self, method: str = "client_secret_basic") -> OAuth2Session:
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            self.id,
            self.text,
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
        )


@pytest.fixture
def application(server: Server) -> Application:
    """Issue an API key of the demo entity."""
    admin = server.person("admin")
    path = f"/entities/{admin.entity}/api-keys"
    body = {"name": "resource server"}
    made = server.wire.call("POST", path, headers=admin.headers, json_body=body).json
    return Application(made["id"], made["apiKey"])


@pytest.fixture
def member(server: Server) -> Person:
    return server.person("member")


@pytest.fixture
def text(server: Server, member: Person) -> str:
    """Text of a new token of the member, with two flags."""
    server.revoke(member)
    made = server.call("POST", member, json_body={"flags": ["reports.read", "a"]})
    text: str = made.json["authenticationToken"]
    return text


@pytest.fixture
def session(application: Application) -> Iterator[OAuth2Session]:
    session = application.session()
    yield session
    session.close()


def test_authlib_introspects_with_client_secret_basic(
    server: Server, member: Person, text: str, session: OAuth2Session
) -> None:
    answer = session.introspect_token(f"{server.url}/introspect", text, "access_token")
    assert answer.status_code == 200
    known = answer.json()
    numbers = {name: known.pop(name) for name in ("exp", "iat")}
    assert all(type(number) is int for number in numbers.values())
    assert 0 < numbers["exp"] - numbers["iat"]
    assert known.pop("jti")
    assert known.pop("client_id")
    assert known == {
        "active": True,
        "sub": member.id,
        "entity": member.entity,
        "scope": "a reports.read",
        "token_type": "Bearer",
    }
    unknown = session.introspect_token(f"{server.url}/introspect", "eat_unknown")
    assert unknown.json() == OUTCOMES_OF_NONE


def test_authlib_revokes_and_what_it_revoked_is_good_no_more(
    server: Server, text: str, session: OAuth2Session
) -> None:
    for _ in range(2):
        answer = session.revoke_token(f"{server.url}/revoke", text, "access_token")
        assert answer.status_code == 200
    known = session.introspect_token(f"{server.url}/introspect", text)
    assert known.json() == OUTCOMES_OF_NONE


def test_a_secret_in_the_body_or_a_wrong_one_is_refused(
    server: Server, text: str, application: Application
) -> None:
    wrong = Application(application.id, application.text[:-1] + "_")
    for client in (application.session("client_secret_post"), wrong.session()):
        with client:
            answer = client.introspect_token(f"{server.url}/introspect", text)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert answer.json()["success"] is False


@pytest.fixture
def protected(server: Server, application: Application) -> Any:
    """A page of another service, which Authlib protects."""
    import requests
    from authlib.integrations.django_oauth2 import ResourceProtector
    from authlib.oauth2.rfc7662 import IntrospectTokenValidator

    class Validator(IntrospectTokenValidator):  # type: ignore[misc]
        def introspect_token(self, token_string: str) -> Any:
            answer = requests.post(
                f"{server.url}/introspect",
                data={"token": token_string},
                auth=(application.id, application.text),
                timeout=20,
            )
            answer.raise_for_status()
            return answer.json()

    protect = ResourceProtector()
    protect.register_token_validator(Validator())

    @protect("reports.read")  # type: ignore[untyped-decorator]
    def page(request: HttpRequest) -> JsonResponse:
        token: Any = request.oauth_token  # type: ignore[attr-defined]
        return JsonResponse({"user": token["sub"]})

    return page


def test_authlibs_resource_protector_lets_in_who_has_the_scope(
    server: Server, member: Person, text: str, protected: Any
) -> None:
    def get(token: str | None) -> tuple[int, Any]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer = protected(RequestFactory().get("/", headers=headers))
        return answer.status_code, answer.content

    assert get(text) == (200, f'{{"user": "{member.id}"}}'.encode())
    assert get(None)[0] == 401
    assert get("eat_unknown")[0] == 401
    server.revoke(member)
    assert get(text)[0] == 401
    weak = server.call("POST", member, json_body={"flags": ["a"]}).json["authenticationToken"]
    assert get(weak)[0] == 403
