"""Which entities a staff account is limited to. Only staff who see all of them see this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from entities.admin.accounts import AccountMixin
from entities.admin.base import UnlimitedAdmin, actor_of
from entities.admin.forms import ServiceForm
from entities.models import StaffLimit
from entities.services import lift_staff_limit, limit_staff

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


@admin.register(StaffLimit)
class StaffLimitAdmin(AccountMixin, UnlimitedAdmin):
    form = ServiceForm
    list_display = ("account", "shown_entities", "created_at")
    sortable_by = ()
    ordering = ("-pk",)
    fields = ("account", "entities", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("entities",)
    raw_id_fields = ("account",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffLimit]:
        return super().get_queryset(request).prefetch_related("entities")

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("account", "entities") if self.can_search_accounts() else ("entities",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: StaffLimit | None = None
    ) -> tuple[str, ...]:
        fixed = () if obj is None else ("account",)
        return (*fixed, *super().get_readonly_fields(request, obj))

    def save_model(self, request: HttpRequest, obj: StaffLimit, form: Any, change: bool) -> None:
        entities = form.cleaned_data["entities"]
        limit_staff(limit=obj, entities=entities, by=actor_of(request))

    def save_related(
        self, request: HttpRequest, form: forms.ModelForm[Any], formsets: Any, change: bool
    ) -> None:
        """Leave the entities alone: the service has set them."""

    def delete_model(self, request: HttpRequest, obj: StaffLimit) -> None:
        lift_staff_limit(limit=obj, by=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[StaffLimit]) -> None:
        for limit in queryset:
            self.delete_model(request, limit)

    @admin.display(description=_("entities"))
    def shown_entities(self, obj: StaffLimit) -> str:
        return ", ".join(entity.pk for entity in obj.entities.all()) or str(_("none"))
