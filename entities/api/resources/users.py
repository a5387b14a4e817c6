"""The users of an entity, and their roles."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from rest_framework import serializers, status

from entities import exceptions as domain
from entities.api.filters import ChoiceFilter, ListFilterSet, SearchFilter, TrueFilter, users_with
from entities.api.lists import EntityListViewSet
from entities.api.pagination import Ordering
from entities.api.resources.describing import (
    ADMINS,
    CHANGES_ONE,
    ENDS_ONE,
    MAKES,
    MOMENT,
    READS_ONE,
    WRITES,
    describe,
)
from entities.api.resources.shapes import AnswerSerializer, id_field, name_field
from entities.api.serializers import Rfc3339Field, StrictSerializer
from entities.exceptions import MembershipNotFoundError
from entities.models import Membership, Role
from entities.services import add_member, change_role, remove_member
from entities.services.rules import check_version

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.response import Response

_TAG = "Users"
_ONE = ("entityId", "userId")
_EXAMPLE = {
    "id": "auth0|5f7c8ec7",
    "name": "Ada",
    "role": "member",
    "isActive": True,
    "createdAt": MOMENT,
}
_NOT_FOUND = (domain.MembershipNotFoundError,)


class UserSerializer(serializers.Serializer[Membership]):
    """A user in an entity."""

    id = serializers.CharField(source="user_id")
    name = serializers.CharField(source="user.name")
    role = serializers.ChoiceField(choices=Role.choices)
    isActive = serializers.SerializerMethodField(  # noqa: N815
        help_text="False: the user, or the user in this entity, is deactivated."
    )
    createdAt = Rfc3339Field(  # noqa: N815
        source="created_at", help_text="The moment the user was added to the entity."
    )

    def get_isActive(self, membership: Membership) -> bool:  # noqa: N802
        return membership.is_active and membership.user.is_active


class UserAnswerSerializer(AnswerSerializer, UserSerializer):
    """One user in an entity."""


class NewUserSerializer(StrictSerializer):
    """A user to add."""

    id = id_field(help_text="Your own: an email, a UUID, auth0|abc. It never changes.")
    role = serializers.ChoiceField(
        choices=Role.values, default=Role.MEMBER.value, help_text="What the user may do here."
    )
    name = name_field(help_text="For people. A user who exists keeps the name.")


class RoleSerializer(StrictSerializer):
    """Another role."""

    wants_something = True
    role = serializers.ChoiceField(choices=Role.values, help_text="What the user may do here.")


class UserFilters(ListFilterSet):
    """Filters of the list of users."""

    role = ChoiceFilter(Role.values, method="by_role", help_text="What they may do here.")
    active = TrueFilter(method="by_activity", help_text="Whether they get in.")
    search = SearchFilter(method="by_part", help_text="A part of the id or the name.")

    orderings = {"createdAt": Ordering(("created_at", "pk"))}
    default_ordering = "-createdAt"

    def by_role(self, rows: QuerySet[Membership], name: str, value: str) -> QuerySet[Membership]:
        return rows.filter(role=value)

    def by_activity(
        self, rows: QuerySet[Membership], name: str, value: str
    ) -> QuerySet[Membership]:
        if value == "true":
            return rows.filter(is_active=True, user__is_active=True)
        assert self.entity is not None, "the list of an entity"  # noqa: S101
        return rows.filter(Membership.objects.suspended_in(self.entity))

    def by_part(self, rows: QuerySet[Membership], name: str, value: str) -> QuerySet[Membership]:
        return rows.filter(user__in=users_with(value))


class UserViewSet(EntityListViewSet):
    """The users of an entity, for its admins."""

    filterset_class = UserFilters
    item_class = UserSerializer
    related = ("user",)

    @cached_property
    def membership(self) -> Membership:
        """The user of the path in the entity of the path.

        Raises:
            MembershipNotFoundError: there is none.
        """
        try:
            return self.rows().select_related("user").get(user=self.kwargs["userId"])
        except Membership.DoesNotExist:
            raise MembershipNotFoundError from None

    def rows(self) -> QuerySet[Membership]:
        return Membership.objects.filter(entity=self.entity)

    def answer(self, membership: Membership, *, status: int = status.HTTP_200_OK) -> Response:
        data = UserAnswerSerializer(membership).data
        return self.respond(data, status=status, version=membership.version)

    @describe(
        "listUsers",
        "List users",
        "All users of the entity, the newest first.",
        tag=_TAG,
        path=("entityId",),
        causes=ADMINS,
        answer=UserSerializer,
        example=_EXAMPLE,
        many=True,
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @describe(
        "addUser",
        "Add a user",
        "Puts the user of this id into the entity: the one that exists, else a new one.",
        tag=_TAG,
        path=("entityId",),
        causes=(*ADMINS, *WRITES, domain.MembershipExistsError),
        answer=UserAnswerSerializer,
        example=_EXAMPLE,
        status=201,
        request=NewUserSerializer,
        requests={
            "member": {"id": "auth0|5f7c8ec7", "role": "member", "name": "Ada"},
            "admin": {"id": "ada@example.com", "role": "admin"},
        },
        field_errors={"role": "“owner” is not a valid choice."},
        headers=MAKES,
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        terms = self.parse(NewUserSerializer)
        membership = add_member(entity=self.entity, user_id=terms.pop("id"), by=self.actor, **terms)
        return self.answer(membership, status=status.HTTP_201_CREATED)

    @describe(
        "getUser",
        "Get a user",
        "One user of the entity.",
        tag=_TAG,
        path=_ONE,
        causes=(*ADMINS, *_NOT_FOUND),
        answer=UserAnswerSerializer,
        example=_EXAMPLE,
        headers=READS_ONE,
    )
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        check_version(self.membership.version, self.if_match)
        return self.answer(self.membership)

    @describe(
        "changeRole",
        "Change a role",
        "Gives a user another role in the entity. Its last active admin stays one, unless a "
        "superuser says otherwise.",
        tag=_TAG,
        path=_ONE,
        causes=(*ADMINS, *WRITES, *_NOT_FOUND, domain.LastAdminError),
        answer=UserAnswerSerializer,
        example=_EXAMPLE | {"role": "admin"},
        request=RoleSerializer,
        requests={"admin": {"role": "admin"}},
        field_errors={"role": "“owner” is not a valid choice."},
        headers=CHANGES_ONE,
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        terms = self.parse(RoleSerializer)
        membership = change_role(
            membership=self.membership, by=self.actor, if_match=self.if_match, **terms
        )
        return self.answer(membership)

    @describe(
        "removeUser",
        "Remove a user",
        "Removes a user from the entity: the authentication token is revoked, and its rows go. "
        "Events stay, and so does the user in other entities.",
        tag=_TAG,
        path=_ONE,
        causes=(*ADMINS, *WRITES, *_NOT_FOUND, domain.LastAdminError),
        headers=ENDS_ONE,
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        remove_member(membership=self.membership, by=self.actor, if_match=self.if_match)
        return self.respond({"success": True})
