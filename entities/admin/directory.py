"""Entities, users and memberships: who there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Exists, OuterRef
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from entities.admin.accounts import AccountMixin
from entities.admin.acts import ActsMixin
from entities.admin.base import ServiceAdmin, actor_of
from entities.admin.directoryacts import RevokeEntity, SignOutUser
from entities.admin.display import name_above_id
from entities.admin.fields import in_days
from entities.admin.filters import by_entity, by_user
from entities.admin.forms import EntityForm, NewMemberForm, ServiceForm
from entities.admin.limits import few_memberships, limited_to
from entities.admin.overview import entity_panels, user_panels
from entities.admin.panels import Link
from entities.admin.search import search_owners
from entities.models import ApiKey, AuthToken, Entity, Membership, User, UserToken
from entities.services import add_member, delete_record, save_entity, save_membership, save_user

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from entities.admin.panels import Panel


class _DirectoryAdmin(ServiceAdmin):
    """Deletes by the service, which records it; what something hangs on is not deleted."""

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete_record(record=obj, by=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)


class _OwnIdAdmin(_DirectoryAdmin):
    """An id can be given when the record is added, and never changes.

    Staff who are limited to some entities add none, for they would not see it then.
    """

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fixed = () if obj is None else ("id",)
        return (*fixed, *super().get_readonly_fields(request, obj))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return limited_to(request) is None and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return limited_to(request) is None and super().has_delete_permission(request, obj)


@admin.register(Entity)
class EntityAdmin(ActsMixin, _OwnIdAdmin):
    form = EntityForm
    entity_path = "pk"
    list_display = ("id", "name", "is_active", "default_days", "longest_days", "created_at")
    list_filter = ("is_active",)
    sortable_by = ()
    search_fields = ("id", "name")
    ordering = ("name", "id")
    fieldsets = (
        (None, {"fields": ("id", "name", "is_active", "created_at")}),
        (
            _("Policy of its tokens"),
            {
                "fields": (
                    "default_lifetime",
                    "max_lifetime",
                    "restricted_flags",
                    "allowed_origins",
                )
            },
        ),
    )
    readonly_fields = ("created_at",)
    acts: ClassVar = (RevokeEntity(),)

    def links(self, request: HttpRequest, obj: Entity) -> list[Link]:
        return [
            *super().links(request, obj),
            *self.link_to_list(request, Membership, entity=obj.pk),
            *self.link_to_list(request, AuthToken, entity=obj.pk),
            *self.link_to_list(request, ApiKey, entity=obj.pk),
        ]

    def panels(self, request: HttpRequest, obj: Entity) -> Sequence[Panel]:
        return entity_panels(self, request, obj)

    def save_model(self, request: HttpRequest, obj: Entity, form: Any, change: bool) -> None:
        save_entity(entity=obj, by=actor_of(request))

    @admin.display(description=_("default lifetime"))
    def default_days(self, obj: Entity) -> str:
        return in_days(obj.default_lifetime)

    @admin.display(description=_("longest lifetime"))
    def longest_days(self, obj: Entity) -> str:
        return in_days(obj.max_lifetime)


@admin.register(User)
class UserAdmin(ActsMixin, AccountMixin, _OwnIdAdmin):
    """A user is the same in every entity: staff who are limited to some only look."""

    form = ServiceForm
    list_display = ("id", "name", "is_active", "account", "created_at")
    list_filter = ("is_active",)
    sortable_by = ()
    search_fields = ("id", "name")
    search_help_text = _(
        "Search by parts of the id or the name. Of very many that match, some are shown: type on."
    )
    ordering = ("name", "id")
    fields = ("id", "name", "is_active", "account", "created_at")
    readonly_fields = ("created_at",)
    raw_id_fields = ("account",)
    acts: ClassVar = (SignOutUser(),)

    def within(
        self, request: HttpRequest, rows: QuerySet[Any], entity_ids: Collection[str]
    ) -> QuerySet[Any]:
        if (few := few_memberships(request, entity_ids)) is not None:
            return rows.filter(pk__in=few.values("user"))
        theirs = Membership.objects.filter(user=OuterRef("pk"), entity__in=entity_ids)
        return rows.filter(Exists(theirs))

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return limited_to(request) is None and super().has_change_permission(request, obj)

    def has_own_permission(self, request: HttpRequest, verb: str) -> bool:
        return limited_to(request) is None and super().has_own_permission(request, verb)

    def get_list_display(self, request: HttpRequest) -> Any:
        return self._without_account(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return self._without_account(request, super().get_fields(request, obj))

    def _without_account(self, request: HttpRequest, names: Sequence[Any]) -> Sequence[Any]:
        if limited_to(request) is None:
            return names
        return [name for name in names if name != "account"]

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("account",) if self.can_search_accounts() else ()

    def links(self, request: HttpRequest, obj: User) -> list[Link]:
        return [
            *super().links(request, obj),
            *self.link_to_list(request, Membership, user=obj.pk),
            *self.link_to_list(request, AuthToken, user=obj.pk),
            *self.link_to_list(request, UserToken, user=obj.pk),
        ]

    def panels(self, request: HttpRequest, obj: User) -> Sequence[Panel]:
        return user_panels(self, request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        save_user(user=obj, by=actor_of(request))


@admin.register(Membership)
class MembershipAdmin(_DirectoryAdmin):
    """Whose it is never changes: its tokens would move to somebody else."""

    form = ServiceForm
    entity_path = "entity"
    list_display = ("person", "tenant", "role", "is_active", "created_at")
    list_filter = ("role", "is_active", by_entity("entity"), by_user("user"))
    list_select_related = ("entity", "user")
    sortable_by = ("created_at",)
    search_fields = ("user__id",)  # what is searched, `get_search_results` says
    search_help_text = _("Search by the id or name of the user, the entity, or both.")
    ordering = ("-created_at", "pk")
    fields = ("entity", "user", "role", "is_active", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("user", "entity")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("entity", "user")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search_owners(queryset, search_term, user="user", entity="entity"), False

    def get_form(
        self,
        request: HttpRequest,
        obj: Membership | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        if not change:
            kwargs["form"] = NewMemberForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        if obj is not None:
            return self.fields
        return ("entity", "user", "new_user_id", "new_user_name", "role", "is_active")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Membership | None = None
    ) -> tuple[str, ...]:
        fixed = () if obj is None else ("user", "entity")
        return (*fixed, *super().get_readonly_fields(request, obj))

    def links(self, request: HttpRequest, obj: Membership) -> list[Link]:
        found = super().links(request, obj)
        tokens = self.admin_site.get_model_admin(AuthToken)
        if tokens.has_add_permission(request):
            url = f"{self.url_of('add', model=AuthToken)}?{urlencode({'membership': obj.pk})}"
            found.append(Link(url, _("Issue a token")))
        filters = {"entity": obj.entity_id, "user": obj.user_id}
        return [*found, *self.link_to_list(request, AuthToken, **filters)]

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        new_user_id = form.cleaned_data.get("new_user_id")
        if change or not new_user_id:
            save_membership(membership=obj, by=actor_of(request))
            return
        member = add_member(
            entity=obj.entity,
            user_id=new_user_id,
            name=form.cleaned_data["new_user_name"],
            role=obj.role,
            is_active=obj.is_active,
            by=actor_of(request),
        )
        obj.pk, obj.user, obj._state.adding = member.pk, member.user, False

    @admin.display(description=_("user"))
    def person(self, obj: Membership) -> SafeString:
        return name_above_id(obj.user)

    @admin.display(description=_("entity"))
    def tenant(self, obj: Membership) -> SafeString:
        return name_above_id(obj.entity)
