"""A host's code as its own `mypy --strict` sees it, run by `make lint`. Nothing imports this."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from entities import signals
from entities.actors import Actor
from entities.api.authentication import BearerAuthentication, HeaderAuthentication
from entities.api.permissions import HasFlags, IsEntityAdmin
from entities.api.throttling import CallThrottle
from entities.exceptions import EntitiesError, NotAuthenticatedError
from entities.guards import TokenRequest, token_required
from entities.models import AuthToken, Membership, User
from entities.services import issue_token, refresh_token, revoke_token
from entities.verification import Presented, Principal, UserProof, verify_token

if TYPE_CHECKING:
    from rest_framework.request import Request


class Reports(APIView):
    authentication_classes = [BearerAuthentication, HeaderAuthentication]
    permission_classes = [IsAuthenticated, HasFlags("reports.read", "reports.write")]
    throttle_classes = [CallThrottle]

    def get(self, request: Request) -> Response:
        assert isinstance(request.auth, Principal)
        return Response({"entity": request.auth.entity_id})


class Settings(APIView):
    authentication_classes = [BearerAuthentication]
    permission_classes = [IsEntityAdmin & (HasFlags("settings") | ~HasFlags("guest"))]


@token_required
def plain(request: TokenRequest) -> HttpResponse:
    assert_type(request.principal, Principal)
    assert_type(request.principal.entity_id, str)
    assert_type(request.principal.user, User)
    return JsonResponse({"user": request.principal.user.id})


@token_required(flags=["reports.read"], admin=True, entity="tenant")
async def asynchronous(request: TokenRequest, tenant: str) -> JsonResponse:
    return JsonResponse({"flags": sorted(request.principal.flags or ())})


@method_decorator(token_required, name="dispatch")
class OfClass(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


urlpatterns = [
    path("reports", Reports.as_view()),
    path("plain", plain),
    path("async/<tenant>", asynchronous),
    path("class", OfClass.as_view()),
    path("view", token_required(OfClass.as_view())),
]


class Provider:
    def prove(self, presented: Presented) -> UserProof | None:
        return UserProof(presented.user_id) if presented.token else None


def renew(membership: Membership) -> str | None:
    by = Actor.command("renew")
    try:
        token = issue_token(membership=membership, by=by, flags=["reports.read"])
    except EntitiesError as error:
        assert_type(error.code, str)
        token = refresh_token(membership=membership, by=by)
    assert_type(token, AuthToken)
    return token.derive_text()


def end(membership: Membership, text: str) -> Principal | None:
    try:
        principal = verify_token(text).principal
    except NotAuthenticatedError:
        return None
    revoke_token(membership=membership, by=principal.actor)
    return principal


def told(sender: type, token: AuthToken, **facts: object) -> None: ...


signals.token_revoked.connect(told)

token_required(flags="reports.read")  # a string is a sequence of strings: told at start
token_required(1)  # type: ignore[call-overload]
asynchronous(1, tenant=2)  # type: ignore[arg-type, unused-coroutine]
