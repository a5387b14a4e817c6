"""What API keys and user tokens have in common. A text is shown once, at its issue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db.models import Q
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from entities import moments
from entities.api.filters import ChoiceFilter, ListFilterSet, SearchFilter
from entities.api.pagination import Ordering
from entities.api.resources.describing import MOMENT, UUID
from entities.api.serializers import Rfc3339Field, StrictSerializer, StringField
from entities.models import ApiKey, TokenStatus
from entities.models.credentials import live_credential

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from entities.models import UserToken

EXAMPLE = {
    "id": UUID,
    "name": "shop",
    "status": "live",
    "expiry": None,
    "createdAt": MOMENT,
    "lastUsedAt": None,
    "revokedAt": None,
}
EXPIRY_ERROR = {
    "expiry": "Send a date and time with an offset (RFC 3339), like 2030-01-31T12:00:00Z."
}


class CredentialSerializer(serializers.Serializer[Any]):
    """What API keys and user tokens have in common."""

    id = serializers.UUIDField()
    name = serializers.CharField(help_text="What it is for.")
    status = serializers.SerializerMethodField(help_text="Whether it is good.")
    expiry = Rfc3339Field(
        source="expires_at", allow_null=True, help_text="The moment it ends. Null: it does not."
    )
    createdAt = Rfc3339Field(source="created_at")  # noqa: N815
    lastUsedAt = Rfc3339Field(  # noqa: N815
        source="last_used_at", allow_null=True, help_text="To the minute. Null: not yet."
    )
    revokedAt = Rfc3339Field(source="revoked_at", allow_null=True)  # noqa: N815

    @extend_schema_field({"type": "string", "enum": TokenStatus.values})
    def get_status(self, row: ApiKey | UserToken) -> str:
        owner = row.entity if isinstance(row, ApiKey) else row.user
        if row.revoked_at is not None:
            return TokenStatus.REVOKED.value
        if not owner.is_active:
            return TokenStatus.SUSPENDED.value
        is_live = row.is_live(at=moments.now())
        return TokenStatus.LIVE.value if is_live else TokenStatus.EXPIRED.value


class NewCredentialSerializer(StrictSerializer):
    """What API keys and user tokens are issued with."""

    name = StringField(
        min_length=1, max_length=100, help_text="What it is for, so that others can tell."
    )
    expiry = Rfc3339Field(
        source="expires_at", required=False, help_text="The moment it ends. Left out: it does not."
    )


class CredentialFilters(ListFilterSet):
    """Filters of lists of API keys and user tokens."""

    owner: ClassVar[str]

    status = ChoiceFilter(
        TokenStatus.values,
        method="by_status",
        help_text="Whether it is good. Suspended: live, but for its owner, who is deactivated.",
    )
    search = SearchFilter(method="by_part", help_text="A part of the name.")

    orderings = {"createdAt": Ordering(("created_at", "pk"))}
    default_ordering = "-createdAt"

    def by_status(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == TokenStatus.REVOKED:
            return rows.filter(revoked_at__isnull=False)
        unrevoked = rows.filter(revoked_at__isnull=True)
        if value == TokenStatus.SUSPENDED:
            return unrevoked.filter(Q((f"{self.owner}__is_active", False)))
        live = live_credential(at=self.now)
        return unrevoked.filter(
            live if value == TokenStatus.LIVE else ~live, Q((f"{self.owner}__is_active", True))
        )

    def by_part(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(name__icontains=value)
