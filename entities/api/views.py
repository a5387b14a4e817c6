"""The five calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.views.decorators.csrf import csrf_exempt
from rest_framework import status

from entities.api.base import MembershipViewSet
from entities.api.documentation import document_auth_token, document_refresh
from entities.api.serializers import (
    AuthTokenSerializer,
    RefreshSerializer,
    TokenChangesSerializer,
    TokenTermsSerializer,
)
from entities.http.problems import problem_response
from entities.services import (
    issue_token,
    read_token,
    refresh_token,
    revoke_token,
    update_token,
)

if TYPE_CHECKING:
    from django.http import HttpRequest, JsonResponse
    from rest_framework.request import Request
    from rest_framework.response import Response

    from entities.models import AuthToken


class AuthTokenAnswers(MembershipViewSet):
    """How a token is answered."""

    def answer(
        self, token: AuthToken, *, status: int = status.HTTP_200_OK, just_made: bool = False
    ) -> Response:
        context = {"just_made": just_made, "reads_only": self.caller.reads_only}
        data = AuthTokenSerializer(token, context=context).data
        secrets = {"authenticationToken": token}
        return self.respond(data, status=status, version=token.version, secrets=secrets)


@document_auth_token
class AuthTokenViewSet(AuthTokenAnswers):
    """The authentication token of one user in one entity."""

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        standing = self.membership.current_token
        is_known = (
            "If-None-Match" in request.headers
            and standing is not None
            and self.answer(standing).status_code == status.HTTP_304_NOT_MODIFIED
        )
        token = read_token(
            membership=self.membership,
            by=self.actor,
            if_match=self.if_match,
            shows_text=not is_known,
        )
        return self.answer(token)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        terms = self.parse(TokenTermsSerializer)
        token = issue_token(
            membership=self.membership, by=self.actor, if_match=self.if_match, **terms
        )
        return self.answer(token, status=status.HTTP_201_CREATED, just_made=True)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        terms = self.parse(TokenChangesSerializer)
        token = update_token(
            membership=self.membership, by=self.actor, if_match=self.if_match, **terms
        )
        return self.answer(token)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        revoke_token(membership=self.membership, by=self.actor, if_match=self.if_match)
        return self.respond({"success": True})


@document_refresh
class AuthTokenRefreshViewSet(AuthTokenAnswers):
    """A new text and a new expiry for it."""

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        terms = self.parse(RefreshSerializer)
        caller = self.caller
        proof = caller.proof if caller.membership_id == self.membership.pk else None
        token = refresh_token(
            membership=self.membership,
            by=self.actor,
            proof=proof,
            if_match=self.if_match,
            **terms,
        )
        return self.answer(token, just_made=True)


@csrf_exempt
def nothing_here(request: HttpRequest) -> JsonResponse:
    """Whatever else is asked for below `/entities`: a 404 in the error form, for everybody."""
    return problem_response(404)
