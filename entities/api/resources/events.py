"""What happened in an entity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from entities.api.filters import (
    ChoiceFilter,
    ListFilterSet,
    MomentFilter,
    TextFilter,
    UuidFilter,
)
from entities.api.lists import EntityListViewSet
from entities.api.pagination import Ordering
from entities.api.resources.describing import ADMINS, MOMENT, UUID, describe
from entities.api.serializers import Rfc3339Field
from entities.models import Action, Event

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.response import Response

_EXAMPLE = {
    "id": 4711,
    "at": MOMENT,
    "action": "token_issued",
    "user": "auth0|5f7c8ec7",
    "credential": UUID,
    "actorKind": "user",
    "actorId": "auth0|5f7c8ec7",
    "actorName": "Ada",
    "apiKey": UUID,
    "application": "shop",
    "requestId": "0b8f6a1c",
    "clientAddress": "203.0.113.7",
    "details": {"flags": ["reports.read"], "expires_at": MOMENT},
}


class EventSerializer(serializers.Serializer[Event]):
    """One change, or one look at a secret."""

    id = serializers.IntegerField()
    at = Rfc3339Field()
    action = serializers.CharField(help_text="What was done.")
    user = serializers.CharField(source="user_id", help_text="To whom; empty: to no user.")
    credential = serializers.UUIDField(
        source="credential_id", allow_null=True, help_text="Id of the token or the key."
    )
    actorKind = serializers.CharField(  # noqa: N815
        source="actor_kind", help_text="user, staff, command or application."
    )
    actorId = serializers.CharField(source="actor_id")  # noqa: N815
    actorName = serializers.CharField(source="actor_name")  # noqa: N815
    apiKey = serializers.UUIDField(  # noqa: N815
        source="api_key_id", allow_null=True, help_text="Id of the key that the call came with."
    )
    application = serializers.CharField(help_text="Name of that key.")
    requestId = serializers.CharField(  # noqa: N815
        source="request_id", help_text="What `X-Request-ID` of the answer said."
    )
    clientAddress = serializers.CharField(source="client_address", allow_null=True)  # noqa: N815
    details = serializers.DictField(help_text="As it was recorded. It differs by action.")


class EventFilters(ListFilterSet):
    """Filters of the list of events."""

    action = ChoiceFilter(Action.values, help_text="What was done.")
    user = TextFilter("user_id", help_text="Id of the user to whom it was done.")
    credential = UuidFilter("credential_id", help_text="Id of the token or the key.")
    actor = TextFilter("actor_id", help_text="Id of who did it.")
    atBefore = MomentFilter("at", "lt", help_text="Only what happened before (RFC 3339).")  # noqa: N815
    atAfter = MomentFilter("at", "gte", help_text="Only what happened then or after (RFC 3339).")  # noqa: N815

    orderings = {"id": Ordering(("pk",)), "at": Ordering(("at", "pk"))}
    default_ordering = "-at"

    def usual_ordering(self) -> str:
        """Name the order whose index the filters narrow.

        By id it is read for few rows only: the planner may walk the primary key instead, past the
        newer events of every other entity.
        """
        by_id = {"user", "credential", "actor"} & set(self.sent)
        return "-id" if by_id and not {"atBefore", "atAfter"} & set(self.sent) else "-at"


class EventViewSet(EntityListViewSet):
    """The events of an entity, for its admins."""

    filterset_class = EventFilters
    item_class = EventSerializer

    def rows(self) -> QuerySet[Event]:
        return Event.objects.filter(entity_id=self.entity.pk)

    @describe(
        "listEvents",
        "List events",
        "What happened in the entity, the newest first: who did what to which token, key or user, "
        "through which application and from where.",
        tag="Events",
        path=("entityId",),
        causes=ADMINS,
        answer=EventSerializer,
        example=_EXAMPLE,
        many=True,
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)
