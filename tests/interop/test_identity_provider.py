"""An identity provider's tokens, signed by PyJWT and checked by its keys on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.identity.provider import AUDIENCE, IdentityProvider, private_key
from tests.interop.conftest import Person, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.interop.conftest import Server

pytestmark = pytest.mark.interop

AUTHENTICATORS = (
    "entities.verification.UserTokenAuthenticator",
    "entities.verification.AuthTokenAuthenticator",
    "entities.identity.JwtAuthenticator",
)


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def trusting(
    provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Serve an instance that believes the provider, and makes members of whom it knows."""
    variables = {
        "ENTITIES_USER_AUTHENTICATORS": ",".join(AUTHENTICATORS),
        "ENTITIES_JWT_ISSUER": provider.issuer,
        "ENTITIES_JWT_AUDIENCE": AUDIENCE,
        "ENTITIES_JWT_JWKS_URL": provider.url,
        "ENTITIES_JWT_CREATE_USERS": "on",
    }
    with serve(tmp_path_factory.mktemp("trusting"), **variables) as server:
        yield server


def test_whom_the_provider_knows_makes_the_five_calls(
    trusting: Server, provider: IdentityProvider
) -> None:
    apikey = trusting.person("member").apikey
    user = "auth0|5f7c8ec7c33c6c004bbafe82"
    person = Person(trusting.demo["entity"], user, apikey, provider.token(user))
    first = trusting.call("POST", person, json_body={"flags": ["read"]})
    assert first.status == 201
    assert trusting.call("GET", person).json == first.json
    assert trusting.call("PATCH", person, json_body={"flags": []}).json["flags"] == []
    second = trusting.call("POST", person, "/refresh")
    assert second.json["authenticationToken"] != first.json["authenticationToken"]
    own = person.with_token(second.json["authenticationToken"])
    assert trusting.call("GET", own).status == 200
    assert trusting.call("DELETE", person).json == {"success": True}


def test_own_user_tokens_are_good_as_before(trusting: Server) -> None:
    assert trusting.call("POST", trusting.person("member")).status in {201, 409}


def test_what_the_provider_did_not_sign_for_us_is_a_401(
    trusting: Server, provider: IdentityProvider
) -> None:
    person = trusting.person("member")
    other = trusting.person("other_member")
    for token in (
        provider.token(person.id, exp=1),
        provider.token(person.id, aud="https://other.example"),
        provider.token(person.id, iss="https://other.example"),
        provider.token(person.id, key=private_key("mine")),
        provider.token(other.id),
    ):
        answer = trusting.call("GET", person.with_token(token))
        assert (answer.status, answer.code) == (401, "not_authenticated")
