"""Entities: tenants, and the policy of their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from rest_framework import serializers, status

from entities import exceptions as domain
from entities.api.filters import ListFilterSet, SearchFilter, TrueFilter
from entities.api.lists import EntityListViewSet, ListViewSet
from entities.api.pagination import Ordering
from entities.api.permissions import ManagesEntities
from entities.api.resources.describing import (
    ADMINS,
    CHANGES_ONE,
    ENDS_ONE,
    MAKES,
    MOMENT,
    READS_ONE,
    SUPERUSERS,
    WRITES,
    describe,
)
from entities.api.resources.shapes import AnswerSerializer, id_field, name_field
from entities.api.serializers import (
    FlagField,
    Rfc3339Field,
    SecondsField,
    StrictSerializer,
    StringField,
    TrueField,
)
from entities.models import Entity
from entities.models.directory import MAX_LIFETIME
from entities.models.origins import MAX_ORIGINS
from entities.services import create_entity, update_entity
from entities.services.rules import check_version

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.response import Response

_TAG = "Entities"
_PATH = ("entityId",)
_EXAMPLE = {
    "id": "e-acme",
    "name": "Acme",
    "isActive": True,
    "defaultLifetime": 2592000,
    "maxLifetime": 31536000,
    "restrictedFlags": ["billing"],
    "allowedOrigins": ["https://app.example.com"],
    "createdAt": MOMENT,
}
_POLICY_ERRORS = {"maxLifetime": "Send a whole number of seconds."}


class EntitySerializer(serializers.Serializer[Entity]):
    """An entity, and the policy of its tokens."""

    id = serializers.CharField()
    name = serializers.CharField()
    isActive = serializers.BooleanField(source="is_active", help_text="False: nobody gets in.")  # noqa: N815
    defaultLifetime = SecondsField(  # noqa: N815
        source="default_lifetime",
        most=MAX_LIFETIME,
        help_text="Seconds that a token lasts which is issued without an expiry.",
    )
    maxLifetime = SecondsField(  # noqa: N815
        source="max_lifetime",
        most=MAX_LIFETIME,
        help_text="Seconds beyond which no expiry is set.",
    )
    restrictedFlags = serializers.ListField(  # noqa: N815
        source="restricted_flags",
        child=serializers.CharField(),
        help_text="Flags that only an admin of the entity sets.",
    )
    allowedOrigins = serializers.ListField(  # noqa: N815
        source="allowed_origins",
        child=serializers.CharField(),
        help_text="Origins whose browser apps may call for the entity.",
    )
    createdAt = Rfc3339Field(source="created_at")  # noqa: N815


class EntityAnswerSerializer(AnswerSerializer, EntitySerializer):
    """One entity."""


class EntityPolicySerializer(StrictSerializer):
    """Name and policy of an entity."""

    name = name_field(help_text="For people.")
    defaultLifetime = SecondsField(  # noqa: N815
        source="default_lifetime",
        most=MAX_LIFETIME,
        required=False,
        help_text="Seconds that a token lasts which is issued without an expiry.",
    )
    maxLifetime = SecondsField(  # noqa: N815
        source="max_lifetime",
        most=MAX_LIFETIME,
        required=False,
        help_text="Seconds beyond which no expiry is set.",
    )
    restrictedFlags = serializers.ListField(  # noqa: N815
        source="restricted_flags",
        child=FlagField(),
        required=False,
        help_text="Flags that only an admin of the entity sets.",
    )
    allowedOrigins = serializers.ListField(  # noqa: N815
        source="allowed_origins",
        child=StringField(min_length=1, max_length=255, trim_whitespace=False),
        max_length=MAX_ORIGINS,
        required=False,
        help_text="Origins whose browser apps may call: https://app.example.com.",
    )


class NewEntitySerializer(EntityPolicySerializer):
    """A new entity. What is left out has defaults."""

    id = id_field(required=False, help_text="Your own; left out, one is made. It never changes.")


class EntityChangesSerializer(EntityPolicySerializer):
    """What to change of an entity."""

    wants_something = True
    isActive = TrueField(  # noqa: N815
        source="is_active",
        required=False,
        help_text="False: nobody gets in. Only superusers send it.",
    )


class EntityFilters(ListFilterSet):
    """Filters of the list of entities."""

    active = TrueFilter(method="by_activity", help_text="Whether it is active.")
    search = SearchFilter(method="by_part", help_text="A part of the id or the name.")

    orderings = {"createdAt": Ordering(("created_at", "pk")), "id": Ordering(("pk",))}
    default_ordering = "-createdAt"

    def by_activity(self, rows: QuerySet[Entity], name: str, value: str) -> QuerySet[Entity]:
        return rows.filter(is_active=value == "true")

    def by_part(self, rows: QuerySet[Entity], name: str, value: str) -> QuerySet[Entity]:
        return rows.filter(Q(id__icontains=value) | Q(name__icontains=value))


class EntityCollectionViewSet(ListViewSet):
    """All entities, for superusers."""

    permission_classes = [ManagesEntities]
    filterset_class = EntityFilters
    item_class = EntitySerializer

    def rows(self) -> QuerySet[Entity]:
        return Entity.objects.all()

    @describe(
        "listEntities",
        "List entities",
        "For superusers: all entities, the newest first.",
        tag=_TAG,
        path=(),
        causes=SUPERUSERS,
        answer=EntitySerializer,
        example=_EXAMPLE,
        many=True,
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @describe(
        "createEntity",
        "Create an entity",
        "For superusers. The id is yours, or is made.",
        tag=_TAG,
        path=(),
        causes=(
            *SUPERUSERS,
            domain.KeyReadOnlyError,
            domain.EntityExistsError,
            domain.LifetimesError,
        ),
        answer=EntityAnswerSerializer,
        example=_EXAMPLE,
        status=201,
        request=NewEntitySerializer,
        requests={
            "name": {"name": "Acme"},
            "all": {"id": "e-acme", "restrictedFlags": ["billing"]},
        },
        field_errors=_POLICY_ERRORS,
        headers=MAKES,
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        entity = create_entity(by=self.actor, **self.parse(NewEntitySerializer))
        data = EntityAnswerSerializer(entity).data
        return self.respond(data, status=status.HTTP_201_CREATED, version=entity.version)


class EntityViewSet(EntityListViewSet):
    """One entity. Its admin reads it, and changes its policy."""

    def answer(self, entity: Entity) -> Response:
        return self.respond(EntityAnswerSerializer(entity).data, version=entity.version)

    @describe(
        "getEntity",
        "Get an entity",
        "For its admins, and for superusers.",
        tag=_TAG,
        path=_PATH,
        causes=ADMINS,
        answer=EntityAnswerSerializer,
        example=_EXAMPLE,
        headers=READS_ONE,
    )
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        check_version(self.entity.version, self.if_match)
        return self.answer(self.entity)

    @describe(
        "updateEntity",
        "Update an entity",
        "Its name and policy, for its admins and for superusers; `isActive` for superusers only.",
        tag=_TAG,
        path=_PATH,
        causes=(*ADMINS, *WRITES, domain.LifetimesError, domain.NothingToChangeError),
        answer=EntityAnswerSerializer,
        example=_EXAMPLE | {"maxLifetime": 7776000},
        request=EntityChangesSerializer,
        requests={"lifetime": {"maxLifetime": 7776000}, "back": {"isActive": True}},
        field_errors=_POLICY_ERRORS,
        headers=CHANGES_ONE,
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        changes = self.parse(EntityChangesSerializer)
        entity = update_entity(entity=self.entity, by=self.actor, if_match=self.if_match, **changes)
        return self.answer(entity)

    @describe(
        "deactivateEntity",
        "Deactivate an entity",
        "For superusers: nobody gets in, and nothing is deleted. A PATCH brings it back.",
        tag=_TAG,
        path=_PATH,
        causes=(*ADMINS, *WRITES),
        headers=ENDS_ONE,
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        update_entity(entity=self.entity, by=self.actor, if_match=self.if_match, is_active=False)
        return self.respond({"success": True})
