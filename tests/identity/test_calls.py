"""The provider's tokens over REST: the five calls, and its outages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import RequestFactory
from rest_framework.response import Response
from rest_framework.views import APIView

from entities.api.authentication import HeaderAuthentication
from tests.api.hostile import refusal
from tests.conftest import Caller
from tests.factories import MembershipFactory

if TYPE_CHECKING:
    from entities.models import Entity
    from tests.identity.provider import IdentityProvider


@pytest.fixture
def alice(provider: IdentityProvider, entity: Entity, api_key: str, settings: Any) -> Caller:
    settings.ENTITIES = provider.settings()
    return Caller(MembershipFactory(entity=entity, user__id="alice"), api_key, provider.token())


def test_the_five_calls(alice: Caller) -> None:
    first = alice.post(json={"flags": ["read"]})
    assert first.status_code == 201
    assert alice.get().json() == first.json()
    assert alice.patch(json={"flags": []}).status_code == 200
    second = alice.post("/refresh")
    assert second.json()["authenticationToken"] != first.json()["authenticationToken"]
    assert alice.delete().status_code == 200


def test_a_wrong_token_has_the_words_of_every_401(
    alice: Caller, provider: IdentityProvider
) -> None:
    usual = alice.get(headers={"token": "wrong"})
    for token in (provider.token(exp=1), provider.token("bob"), provider.token(kid="other")):
        answer = alice.get(headers={"token": token})
        assert (answer.status_code, answer.content) == (401, usual.content)
        assert answer.headers["WWW-Authenticate"] == usual.headers["WWW-Authenticate"]


def test_an_outage_of_the_provider_is_nobodys_fault(
    alice: Caller, provider: IdentityProvider, settings: Any, counting_cache: None
) -> None:
    settings.ENTITIES |= {"RATE_LIMIT_FAILURES": "1/hour"}
    provider.status = 500
    for _ in range(3):
        answer = alice.get()
        assert refusal(answer) == (503, "provider_unavailable")
        assert answer.headers["Retry-After"] == "10"
        assert "WWW-Authenticate" not in answer.headers
    assert provider.asked == 1


class Reports(APIView):
    """A view of a host, with REST framework's own errors."""

    authentication_classes = [HeaderAuthentication]

    def get(self, request: Any) -> Response:
        return Response({"user": request.user.id})


def test_in_a_hosts_view_it_is_a_503_too(alice: Caller, provider: IdentityProvider) -> None:
    request = RequestFactory().get("/", headers=alice.headers)
    provider.status = 500
    answer = Reports.as_view()(request)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
