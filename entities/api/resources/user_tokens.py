"""The user tokens of an entity's users."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from rest_framework import serializers, status
from rest_framework.response import Response

from entities import exceptions as domain
from entities.api.lists import EntityListViewSet
from entities.api.resources.credentials import (
    EXAMPLE,
    EXPIRY_ERROR,
    CredentialFilters,
    CredentialSerializer,
    NewCredentialSerializer,
)
from entities.api.resources.describing import ADMINS, LATER, WRITES, describe
from entities.api.resources.shapes import AnswerSerializer
from entities.exceptions import (
    CredentialNotFoundError,
    CredentialRevokedError,
    MembershipNotFoundError,
)
from entities.models import Membership, UserToken
from entities.services import check_user_unshared, issue_user_token, revoke_user_token

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

_TAG = "User tokens"
_TEXT = "ut_04dvh22unVN0qcopmRjTfNRKXF4UGLWxwGPxsMrWlBWpBKQTa3PYB1lShG7B0nw4Vgg5LwF7AHeQr2g489l"
_EXAMPLE = EXAMPLE | {"name": "phone"}
_CAUSES = (*ADMINS, domain.MembershipNotFoundError, domain.UserSharedError)


class UserTokenSerializer(CredentialSerializer):
    """A user token, without its text."""


class IssuedUserTokenSerializer(AnswerSerializer, UserTokenSerializer):
    """A new user token, and its text, which is not shown again."""

    userToken = serializers.SerializerMethodField(  # noqa: N815
        help_text="The text, for the header `token`. It is not shown again."
    )

    def get_userToken(self, token: UserToken) -> str:  # noqa: N802
        text: str = self.context["text"]
        return text


class NewUserTokenSerializer(NewCredentialSerializer):
    """A user token to issue."""


class UserTokenFilters(CredentialFilters):
    """Filters of the list of user tokens."""

    owner = "user"


class UserTokenViewSet(EntityListViewSet):
    """The user tokens of a user, for the admins of the one entity that the user is in."""

    filterset_class = UserTokenFilters
    item_class = UserTokenSerializer
    related = ("user",)

    @cached_property
    def membership(self) -> Membership:
        """The user of the path in the entity of the path, whose user tokens the caller manages.

        Raises:
            MembershipNotFoundError: there is none.
            UserSharedError: the user is in other entities too, and the caller no superuser.
        """
        try:
            membership = Membership.objects.select_related("user").get(
                entity=self.entity, user=self.kwargs["userId"]
            )
        except Membership.DoesNotExist:
            raise MembershipNotFoundError from None
        check_user_unshared(membership=membership, by=self.actor)
        return membership

    def rows(self) -> QuerySet[UserToken]:
        return UserToken.objects.filter(user=self.membership.user)

    @describe(
        "listUserTokens",
        "List user tokens",
        "All user tokens of a user, the newest first, never with a text. They prove the user in "
        "every entity: an admin lists them only of users who are in no other one.",
        tag=_TAG,
        path=("entityId", "userId"),
        causes=_CAUSES,
        answer=UserTokenSerializer,
        example=_EXAMPLE,
        many=True,
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @describe(
        "issueUserToken",
        "Issue a user token",
        "The answer has the text, which is not shown again. Of a user who is in other entities "
        "too, only a superuser issues one.",
        tag=_TAG,
        path=("entityId", "userId"),
        causes=(*_CAUSES, *WRITES, domain.LifetimeError),
        answer=IssuedUserTokenSerializer,
        example=_EXAMPLE | {"userToken": _TEXT},
        status=201,
        request=NewUserTokenSerializer,
        requests={"phone": {"name": "phone"}, "until then": {"name": "visit", "expiry": LATER}},
        field_errors=EXPIRY_ERROR,
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        terms = self.parse(NewUserTokenSerializer)
        token, text = issue_user_token(user=self.membership.user, by=self.actor, **terms)
        data = IssuedUserTokenSerializer(token, context={"text": text}).data
        return self.respond(data, status=status.HTTP_201_CREATED, secrets={"userToken": token})

    @describe(
        "revokeUserToken",
        "Revoke a user token",
        "At once and for good.",
        tag=_TAG,
        path=("entityId", "userId", "tokenId"),
        causes=(*_CAUSES, *WRITES, domain.CredentialNotFoundError, domain.CredentialRevokedError),
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        token = self.rows().filter(pk=self.kwargs["tokenId"]).first()
        if token is None:
            raise CredentialNotFoundError
        if not revoke_user_token(token=token, by=self.actor):
            raise CredentialRevokedError
        return Response({"success": True})
