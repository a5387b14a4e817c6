"""The authentication tokens of an entity: listed without texts, revoked and issued in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.response import Response

from entities import exceptions as domain
from entities import moments
from entities.api.lists import EntityListViewSet
from entities.api.resources.describing import ADMINS, LATER, MOMENT, UUID, WRITES, describe
from entities.api.resources.shapes import AnswerSerializer, id_field
from entities.api.resources.token_filters import TokenFilters, TokenFilterSerializer
from entities.api.serializers import (
    Rfc3339Field,
    StrictSerializer,
    TokenTermsSerializer,
    TrueField,
)
from entities.conf import app_settings
from entities.models import AuthToken, RevocationReason, TokenStatus
from entities.services import MAX_BATCH, Wanted, issue_tokens, revoke_entity_counted, revoke_tokens

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from drf_spectacular.openapi import AutoSchema
    from drf_spectacular.utils import Direction
    from rest_framework.request import Request

_TAG = "Authentication tokens"
_PATH = ("entityId",)
_TEXT = "eat_04dvh22unVN0qcopmRjTfNRKXF4UGLWxwGPxsMrWlBWpBKQTa3PYB1lShG7B0nw4Vgg5LwF7AHeQr2g489l"
_EXAMPLE = {
    "id": UUID,
    "user": "auth0|5f7c8ec7",
    "status": "live",
    "flags": ["reports.read"],
    "expiry": LATER,
    "createdAt": MOMENT,
    "issuedAt": MOMENT,
    "lastUsedAt": None,
    "revokedAt": None,
}
BATCH_BODIES = 16
"""How many times `MAX_BODY_BYTES` the body of a batch may be: 1,000 users do not fit into one."""


class ListedTokenSerializer(serializers.Serializer[AuthToken]):
    """An authentication token, without its text."""

    id = serializers.UUIDField()
    user = serializers.CharField(source="membership.user_id", help_text="Id of its user.")
    status = serializers.SerializerMethodField(help_text="What it is good for.")
    flags = serializers.ListField(child=serializers.CharField())
    expiry = Rfc3339Field(source="expires_at")
    createdAt = Rfc3339Field(source="created_at")  # noqa: N815
    issuedAt = Rfc3339Field(  # noqa: N815
        source="issued_at", help_text="The moment of its issue, or of its last refresh."
    )
    lastUsedAt = Rfc3339Field(  # noqa: N815
        source="last_used_at", allow_null=True, help_text="To the minute. Null: not yet."
    )
    revokedAt = Rfc3339Field(  # noqa: N815
        source="revoked_at",
        allow_null=True,
        help_text="Null: it was not revoked by itself, though all of the entity may have been.",
    )

    @extend_schema_field({"type": "string", "enum": TokenStatus.values})
    def get_status(self, token: AuthToken) -> str:
        at = self.context["at"]
        return token.status_at(at).value


class RevocationSerializer(StrictSerializer):
    """Which tokens to revoke: all of them, or those that a filter finds."""

    wants_something = True
    all = TrueField(required=False, help_text="Every token of the entity, at once.")
    filter = TokenFilterSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1 or attrs.get("all") is False:
            sentence = _('Send {"all": true}, or {"filter": {…}} with at least one filter.')
            raise serializers.ValidationError({"body": [sentence]})
        return attrs


class RevocationSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Says that it is one or the other."""

    target_class = RevocationSerializer
    priority = 1  # before the one of all strict bodies

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        filters = auto_schema.resolve_serializer(TokenFilterSerializer, direction)
        choices = {
            "all": {"type": "boolean", "const": True},
            "filter": filters.ref,
        }
        return {
            "description": self.target.__doc__,
            "oneOf": [
                {
                    "type": "object",
                    "properties": {name: schema},
                    "required": [name],
                    "additionalProperties": False,
                }
                for name, schema in choices.items()
            ],
        }


class RevokedSerializer(AnswerSerializer):
    """How many tokens were revoked."""

    revoked = serializers.IntegerField(min_value=0, help_text="How many that were.")


class WantedTokenSerializer(TokenTermsSerializer):
    """A token to issue."""

    user = id_field(source="user_id", help_text="Id of the user, who is in the entity.")


class BatchSerializer(StrictSerializer):
    """Tokens to issue, all or none."""

    tokens = serializers.ListField(
        child=WantedTokenSerializer(),
        min_length=1,
        max_length=MAX_BATCH,
        help_text="Each user once.",
    )

    def validate_tokens(self, tokens: list[dict[str, Any]]) -> list[dict[str, Any]]:
        seen: set[str] = set()
        errors: dict[str, Any] = {}
        for place, terms in enumerate(tokens):
            if terms["user_id"] in seen:
                errors[str(place)] = {
                    "user": [_("This user is in the batch already. Leave one out.")]
                }
            seen.add(terms["user_id"])
        if errors:
            raise serializers.ValidationError(errors)
        return tokens


class IssuedTokenSerializer(serializers.Serializer[AuthToken]):
    """A new token, and its text."""

    user = serializers.CharField(source="membership.user_id")
    authenticationToken = serializers.SerializerMethodField(help_text="The text.")  # noqa: N815
    expiry = Rfc3339Field(source="expires_at")
    flags = serializers.ListField(child=serializers.CharField())

    def get_authenticationToken(self, token: AuthToken) -> str:  # noqa: N802
        text = token.derive_text()
        assert text is not None, "the key that signs is configured"  # noqa: S101
        return text


class BatchAnswerSerializer(AnswerSerializer):
    """The new tokens, in the order of the batch."""

    results = IssuedTokenSerializer(many=True)


class TokenViewSet(EntityListViewSet):
    """The authentication tokens of an entity, for its admins. Never with a text.

    `TokenFilters` narrow them to the entity.
    """

    filterset_class = TokenFilters
    item_class = ListedTokenSerializer
    related = ("membership__user",)

    def rows(self) -> QuerySet[AuthToken]:
        return AuthToken.objects.all()

    def item(self, row: AuthToken) -> dict[str, Any]:
        row.membership.entity = self.entity
        item: dict[str, Any] = ListedTokenSerializer(row, context={"at": moments.now()}).data
        return item

    @describe(
        "listAuthenticationTokens",
        "List authentication tokens",
        "All authentication tokens of the entity, the newest first, never with a text. Revoked "
        "ones are among them until they are pruned.",
        tag=_TAG,
        path=_PATH,
        causes=ADMINS,
        answer=ListedTokenSerializer,
        example=_EXAMPLE,
        many=True,
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @describe(
        "revokeAuthenticationTokens",
        "Revoke authentication tokens",
        "All of the entity, by one row, or those that a filter finds, in one statement. The "
        "answer has their number.",
        tag=_TAG,
        path=_PATH,
        causes=(*ADMINS, *WRITES),
        answer=RevokedSerializer,
        example={"revoked": 17},
        request=RevocationSerializer,
        requests={"filter": {"filter": {"flagsAny": ["reports.read"]}}, "all": {"all": True}},
        field_errors={"filter": "Send at least one filter, or all: true."},
    )
    def revoke(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = self.parse(RevocationSerializer)
        if "all" in wanted:
            revoked = revoke_entity_counted(entity=self.entity, by=self.actor)
        else:
            tokens = AuthToken.objects.filter(epoch=self.entity.token_epoch)
            filters = TokenFilters(wanted["filter"], tokens, entity=self.entity)
            revoked = revoke_tokens(
                tokens=filters.filtered(), reason=RevocationReason.DELETED, by=self.actor
            )
        return Response(RevokedSerializer({"revoked": revoked}).data)


class TokenBatchViewSet(EntityListViewSet):
    """Many tokens at once."""

    @property
    def max_body_bytes(self) -> int:
        return app_settings.MAX_BODY_BYTES * BATCH_BODIES

    @describe(
        "issueAuthenticationTokens",
        "Issue authentication tokens",
        "For up to 1,000 users of the entity in one call, all or none.",
        tag=_TAG,
        path=_PATH,
        causes=(*ADMINS, *WRITES, domain.BatchRefusedError),
        answer=BatchAnswerSerializer,
        example={
            "results": [
                {
                    "user": "auth0|5f7c8ec7",
                    "authenticationToken": _TEXT,
                    "expiry": LATER,
                    "flags": ["reports.read"],
                }
            ]
        },
        status=201,
        request=BatchSerializer,
        requests={
            "two": {
                "tokens": [
                    {"user": "auth0|5f7c8ec7", "flags": ["reports.read"]},
                    {"user": "ada@example.com", "expiry": LATER},
                ]
            }
        },
        field_errors={"tokens.3.user": "This user is in the batch already. Leave one out."},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = [Wanted(**terms) for terms in self.parse(BatchSerializer)["tokens"]]
        tokens = issue_tokens(entity=self.entity, wanted=wanted, by=self.actor)
        data = BatchAnswerSerializer({"results": tokens}).data
        secrets = {
            f"results.{place}.authenticationToken": token for place, token in enumerate(tokens)
        }
        return self.respond(data, status=status.HTTP_201_CREATED, secrets=secrets)
