"""What the credentials of a call are, and what they may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers
from rest_framework.response import Response

from entities.api.base import ApiViewSet
from entities.api.permissions import IsCaller
from entities.api.resources.describing import CREDENTIALS, LATER, UUID, describe
from entities.api.resources.shapes import AnswerSerializer
from entities.api.serializers import Rfc3339Field
from entities.models import AuthToken, Entity, KeyAccess, Role, UserToken

if TYPE_CHECKING:
    from datetime import datetime

    from rest_framework.request import Request

    from entities.verification import Principal

PROOFS = ("user_token", "authentication_token", "other")


class NamedSerializer(serializers.Serializer[Any]):
    """An id, and a name for people."""

    id = serializers.CharField()
    name = serializers.CharField()


class CallingKeySerializer(serializers.Serializer[Any]):
    """The API key of the call."""

    id = serializers.UUIDField(source="api_key_id")
    name = serializers.CharField(source="api_key_name")
    access = serializers.ChoiceField(choices=KeyAccess.values)


class MeSerializer(AnswerSerializer):
    """Who calls, by which credentials, and how far they go."""

    entity = NamedSerializer(help_text="The entity of the API key.")
    user = NamedSerializer()
    role = serializers.ChoiceField(choices=Role.values, help_text="Of the user in the entity.")
    apiKey = CallingKeySerializer(help_text="The API key.")  # noqa: N815
    superuser = serializers.BooleanField(
        source="is_superuser", help_text="Whether the caller is an admin of every entity."
    )
    proof = serializers.ChoiceField(
        choices=PROOFS, help_text="What proved the user. other: a plug-in of this service."
    )
    flags = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Those of the authentication token that proved the user: what it lacks, the "
        "caller may not touch. Null: there is no such limit.",
    )
    expiry = Rfc3339Field(
        allow_null=True, help_text="The moment that what proved the user ends. Null: it does not."
    )


class MeViewSet(ApiViewSet):
    """Who one is."""

    permission_classes = [IsCaller]

    @describe(
        "getMe",
        "Get what these credentials are",
        "The entity, the user and the role, the API key and its access, and what the token in the "
        "header `token` is. It takes no entity: it is the API key's own.",
        tag="Me",
        path=(),
        causes=CREDENTIALS,
        answer=MeSerializer,
        example={
            "entity": {"id": "e-acme", "name": "Acme"},
            "user": {"id": "auth0|5f7c8ec7", "name": "Ada"},
            "role": "admin",
            "apiKey": {"id": UUID, "name": "shop", "access": "standard"},
            "superuser": False,
            "proof": "authentication_token",
            "flags": ["reports.read"],
            "expiry": LATER,
        },
    )
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        caller = self.caller
        flags = None if caller.flags is None else sorted(caller.flags)
        facts = {
            "entity": Entity.objects.get(pk=caller.entity_id),
            "user": caller.user,
            "role": caller.role,
            "apiKey": caller,
            "is_superuser": caller.is_superuser,
            "proof": _proof(caller),
            "flags": flags,
            "expiry": _expiry(caller),
        }
        return Response(MeSerializer(facts).data)


def _proof(caller: Principal) -> str:
    if caller.proof is not None:
        return "authentication_token"
    return "other" if caller.token_id is None else "user_token"


def _expiry(caller: Principal) -> datetime | None:
    if caller.token_id is None:
        return None
    tokens = UserToken.objects if caller.proof is None else AuthToken.objects
    ends = tokens.filter(pk=caller.token_id).values_list("expires_at", flat=True)
    expires_at: datetime | None = ends.first()
    return expires_at
