"""The API keys of an entity."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rest_framework import serializers, status
from rest_framework.response import Response

from entities import exceptions as domain
from entities.api.filters import ChoiceFilter
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
from entities.api.serializers import SecondsField, StrictSerializer
from entities.exceptions import CredentialNotFoundError, CredentialRevokedError
from entities.models import ApiKey, KeyAccess
from entities.services import issue_api_key, revoke_api_key, rotate_api_key

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

MAX_OVERLAP = timedelta(days=30)

_TAG = "API keys"
_TEXT = "ek_04dvh22unVN0qcopmRjTfNRKXF4UGLWxwGPxsMrWlBWpBKQTa3PYB1lShG7B0nw4Vgg5LwF7AHeQr2g489l"
_EXAMPLE = EXAMPLE | {"access": "standard"}
_NOT_FOUND = (domain.CredentialNotFoundError,)


class ApiKeySerializer(CredentialSerializer):
    """An API key, without its text."""

    access = serializers.ChoiceField(choices=KeyAccess.values)


class IssuedApiKeySerializer(AnswerSerializer, ApiKeySerializer):
    """A new API key, and its text, which is not shown again."""

    apiKey = serializers.SerializerMethodField(  # noqa: N815
        help_text="The text, for the header `apikey`. It is not shown again."
    )

    def get_apiKey(self, key: ApiKey) -> str:  # noqa: N802
        text: str = self.context["text"]
        return text


class NewApiKeySerializer(NewCredentialSerializer):
    """An API key to issue."""

    access = serializers.ChoiceField(
        choices=KeyAccess.values,
        default=KeyAccess.STANDARD.value,
        help_text="What it allows. Superuser keys are issued by staff: here that is a 403.",
    )


class RotationSerializer(StrictSerializer):
    """How to rotate."""

    overlap = SecondsField(
        least=0,
        most=MAX_OVERLAP,
        help_text="Seconds for which the old key still works. 0 ends it at once.",
    )


class ApiKeyFilters(CredentialFilters):
    """Filters of the list of API keys."""

    owner = "entity"
    access = ChoiceFilter(KeyAccess.values, method="by_access", help_text="What it allows.")

    def by_access(self, rows: QuerySet[ApiKey], name: str, value: str) -> QuerySet[ApiKey]:
        return rows.filter(access=value)


class ApiKeyViewSet(EntityListViewSet):
    """The API keys of an entity, for its admins."""

    filterset_class = ApiKeyFilters
    item_class = ApiKeySerializer
    related = ("entity",)

    @property
    def api_key(self) -> ApiKey:
        """The key of the path.

        Raises:
            CredentialNotFoundError: the entity has none of that id.
        """
        try:
            return self.rows().get(pk=self.kwargs["keyId"])
        except ApiKey.DoesNotExist:
            raise CredentialNotFoundError from None

    def rows(self) -> QuerySet[ApiKey]:
        return ApiKey.objects.filter(entity=self.entity)

    def issued(self, key: ApiKey, text: str) -> Response:
        data = IssuedApiKeySerializer(key, context={"text": text}).data
        return self.respond(data, status=status.HTTP_201_CREATED, secrets={"apiKey": key})

    @describe(
        "listApiKeys",
        "List API keys",
        "All API keys of the entity, the newest first, never with a text.",
        tag=_TAG,
        path=("entityId",),
        causes=ADMINS,
        answer=ApiKeySerializer,
        example=_EXAMPLE,
        many=True,
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @describe(
        "issueApiKey",
        "Issue an API key",
        "The answer has the text, which is not shown again.",
        tag=_TAG,
        path=("entityId",),
        causes=(*ADMINS, *WRITES, domain.LifetimeError, domain.SuperuserKeyError),
        answer=IssuedApiKeySerializer,
        example=_EXAMPLE | {"apiKey": _TEXT},
        status=201,
        request=NewApiKeySerializer,
        requests={
            "standard": {"name": "shop"},
            "read only": {"name": "dashboard", "access": "read_only", "expiry": LATER},
        },
        field_errors=EXPIRY_ERROR,
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        terms = self.parse(NewApiKeySerializer)
        return self.issued(*issue_api_key(entity=self.entity, by=self.actor, **terms))

    @describe(
        "rotateApiKey",
        "Rotate an API key",
        "Issues another key in the place of this one, with its name, access and lifetime. This one "
        "works for the overlap. The key that makes the call can be rotated too.",
        tag=_TAG,
        path=("entityId", "keyId"),
        causes=(
            *ADMINS,
            *WRITES,
            *_NOT_FOUND,
            domain.CredentialRevokedError,
            domain.SuperuserKeyError,
        ),
        answer=IssuedApiKeySerializer,
        example=_EXAMPLE | {"apiKey": _TEXT},
        status=201,
        request=RotationSerializer,
        requests={"a day": {"overlap": 86400}, "at once": {"overlap": 0}},
        field_errors={"overlap": "Send a whole number of seconds."},
    )
    def rotate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        terms = self.parse(RotationSerializer)
        return self.issued(*rotate_api_key(api_key=self.api_key, by=self.actor, **terms))

    @describe(
        "revokeApiKey",
        "Revoke an API key",
        "At once and for good. The key that makes the call can be revoked too.",
        tag=_TAG,
        path=("entityId", "keyId"),
        causes=(*ADMINS, *WRITES, *_NOT_FOUND, domain.CredentialRevokedError),
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not revoke_api_key(api_key=self.api_key, by=self.actor):
            raise CredentialRevokedError
        return Response({"success": True})
