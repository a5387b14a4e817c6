"""Entities, users and memberships: who there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from entities.admin.acts import Act, ActsMixin
from entities.admin.base import Link, ServiceAdmin, actor_of
from entities.admin.display import name_above_id
from entities.admin.fields import in_days
from entities.admin.filters import by_entity, by_user
from entities.admin.forms import EntityForm, ServiceForm, TypedIdForm
from entities.models import ApiKey, AuthToken, Entity, Membership, User, UserToken
from entities.services import revoke_entity, save_entity, save_membership, save_user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString
    from django_stubs_ext import StrOrPromise

    from entities.actors import Actor
    from entities.admin.acts import Facts


class RevokeEntity(Act):
    """Revokes every authentication token of an entity, by one row."""

    verb = "revoke"
    label = _("Revoke every token of this entity")
    title = _("Revoke every token of this entity?")
    button = _("Revoke every token")
    done = _("Every authentication token of this entity was revoked.")
    history = "Revoked every authentication token."
    form_class = TypedIdForm

    def version(self, obj: Entity) -> int:
        return obj.token_epoch

    def facts(self, obj: Entity) -> Facts:
        return [(_("Id"), obj.id), (_("Name"), obj.name)]

    def effects(self, obj: Entity) -> Sequence[StrOrPromise]:
        live = AuthToken.objects.live(at=timezone.now()).filter(membership__entity=obj).count()
        count = ngettext(
            "{count} live authentication token stops being good at once.",
            "{count} live authentication tokens stop being good at once.",
            live,
        )
        return [
            count.format(count=live),
            _("API keys and user tokens stay good."),
            _("This cannot be undone. Each user needs a new token."),
        ]

    def perform(self, obj: Entity, *, by: Actor) -> None:
        revoke_entity(entity=obj, by=by)


class _OwnIdAdmin(ServiceAdmin):
    """An id can be given when the record is added, and never changes."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fixed = () if obj is None else ("id",)
        return (*fixed, *super().get_readonly_fields(request, obj))


@admin.register(Entity)
class EntityAdmin(ActsMixin, _OwnIdAdmin):
    form = EntityForm
    list_display = ("id", "name", "is_active", "default_days", "longest_days", "created_at")
    list_filter = ("is_active",)
    search_fields = ("id", "name")
    ordering = ("name", "id")
    fieldsets = (
        (None, {"fields": ("id", "name", "is_active", "created_at")}),
        (
            _("Policy of its tokens"),
            {"fields": ("default_lifetime", "max_lifetime", "restricted_flags")},
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

    def save_model(self, request: HttpRequest, obj: Entity, form: Any, change: bool) -> None:
        save_entity(entity=obj, by=actor_of(request))

    @admin.display(description=_("default lifetime"), ordering="default_lifetime")
    def default_days(self, obj: Entity) -> str:
        return in_days(obj.default_lifetime)

    @admin.display(description=_("longest lifetime"), ordering="max_lifetime")
    def longest_days(self, obj: Entity) -> str:
        return in_days(obj.max_lifetime)


@admin.register(User)
class UserAdmin(_OwnIdAdmin):
    form = ServiceForm
    list_display = ("id", "name", "is_active", "account", "created_at")
    list_filter = ("is_active",)
    list_select_related = ("account",)
    search_fields = ("id", "name")
    ordering = ("name", "id")
    fields = ("id", "name", "is_active", "account", "created_at")
    readonly_fields = ("created_at",)
    raw_id_fields = ("account",)

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Search the accounts, where the host's admin can; their keys are typed otherwise."""
        accounts = get_user_model()
        site = self.admin_site
        can_search = site.is_registered(accounts) and site.get_model_admin(accounts).search_fields
        return ("account",) if can_search else ()

    def links(self, request: HttpRequest, obj: User) -> list[Link]:
        return [
            *super().links(request, obj),
            *self.link_to_list(request, Membership, user=obj.pk),
            *self.link_to_list(request, AuthToken, user=obj.pk),
            *self.link_to_list(request, UserToken, user=obj.pk),
        ]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        save_user(user=obj, by=actor_of(request))


@admin.register(Membership)
class MembershipAdmin(ServiceAdmin):
    """Whose it is never changes: its tokens would move to somebody else."""

    form = ServiceForm
    list_display = ("person", "tenant", "role", "is_active", "created_at")
    list_filter = ("role", "is_active", by_entity("entity"), by_user("user"))
    list_select_related = ("entity", "user")
    search_fields = ("user__id", "user__name", "entity__id", "entity__name")
    search_help_text = _("Search by the id or name of the user, the entity, or both.")
    ordering = ("entity", "user", "pk")
    fields = ("user", "entity", "role", "is_active", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("user", "entity")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("entity", "user")

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
        save_membership(membership=obj, by=actor_of(request))

    @admin.display(description=_("user"), ordering="user__id")
    def person(self, obj: Membership) -> SafeString:
        return name_above_id(obj.user)

    @admin.display(description=_("entity"), ordering="entity__id")
    def tenant(self, obj: Membership) -> SafeString:
        return name_above_id(obj.entity)
