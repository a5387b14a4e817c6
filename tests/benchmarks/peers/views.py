"""The same small view behind each way to authenticate, and the floors that nothing stands before.

All are plain `APIView`s with one renderer and one parser; the rest is REST framework's default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from knox.auth import TokenAuthentication as KnoxAuthentication
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.parsers import JSONParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import (
    JWTAuthentication,
    JWTStatelessUserAuthentication,
)

from entities.api.authentication import HeaderAuthentication
from entities.api.urls import urlpatterns as calls
from entities.gateway.forward_auth import verify
from entities.models import AuthToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.urls import URLPattern
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.request import Request

    View = Callable[..., Any]


class FloorView(APIView):
    """Answers everybody."""

    authentication_classes: list[type[BaseAuthentication]] = []
    permission_classes: list[Any] = []
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({"ok": True})


class RowSerializer(ModelSerializer[AuthToken]):
    """What the service shows of a token, and is not its text."""

    class Meta:
        model = AuthToken
        fields = ["expires_at", "flags", "created_at", "last_used_at"]


class RowView(FloorView):
    """Reads one row of the same table by the ORM, for whom authtoken lets in."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(RowSerializer(AuthToken.objects.get(pk=kwargs["pk"])).data)


class Refusal(TokenAuthentication):
    """Refuses everybody, unseen: no authentication refuses in less than REST framework takes."""

    def authenticate(self, request: Request) -> NoReturn:
        raise AuthenticationFailed


@csrf_exempt
def bare(request: HttpRequest) -> HttpResponse:
    """Answers everybody, without REST framework."""
    return HttpResponse()


def guarded(authentication: type[BaseAuthentication]) -> View:
    """Make the view of those whom `authentication` lets in."""
    return FloorView.as_view(
        authentication_classes=[authentication], permission_classes=[IsAuthenticated]
    )


VIEWS: dict[str, View] = {
    "authtoken": guarded(TokenAuthentication),
    "knox": guarded(KnoxAuthentication),
    "oauth": guarded(OAuth2Authentication),
    "jwt": guarded(JWTAuthentication),
    "jwt-stateless": guarded(JWTStatelessUserAuthentication),
    "floor": FloorView.as_view(),
    "refusal": guarded(Refusal),
    "bare": bare,
    "headers": guarded(HeaderAuthentication),
    "verify": verify,
}
PATTERNS: dict[str, URLPattern] = {name: path(name, view) for name, view in VIEWS.items()} | {
    "row": path("row/<uuid:pk>", RowView.as_view()),
    "own": next(call for call in calls if call.name == "auth-token"),
}
