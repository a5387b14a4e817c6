"""What all of the staff's screens have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import Script
from django.urls import path, reverse
from django.utils.http import urlencode

from entities.actors import Actor
from entities.admin.fields import Autocomplete, AutocompleteMany
from entities.admin.find import find_view
from entities.admin.limits import limited_to
from entities.admin.listing import UncountedChangeList, UncountedPaginator
from entities.admin.panels import Link
from entities.admin.search import search_fields
from entities.exceptions import EntitiesError
from entities.origins import origin_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from django import forms
    from django.contrib.admin.views.main import ChangeList
    from django.db.models import Field, Model, QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from entities.admin.once import ShownOnce
    from entities.admin.panels import Panel

    ModelAdmin: TypeAlias = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

_REFUSAL = "_entities_refusal"


def actor_of(request: HttpRequest) -> Actor:
    """Return the staff member who acts, and where the request came from."""
    account = request.user
    return Actor.staff(account.pk, name=account.get_username(), origin=origin_of(request))


class ServiceAdmin(ModelAdmin):
    """A screen that changes things through services, and shows why one of them refused.

    Staff who are limited to some entities see the rows of those only, on every way that leads
    through `get_queryset`: lists, pages, search, filters, autocompletion and acts.
    """

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the whole table
    paginator = UncountedPaginator
    list_per_page = 50

    entity_path: ClassVar[str]
    """From a row to its entity, for those who are limited to some."""

    class Media:
        css = {"all": ["entities/admin.css"]}
        js = [Script("entities/admin.js", defer=True)]

    def links(self, request: HttpRequest, obj: Any) -> list[Link]:
        """Where this staff member can go from `obj`; drawn above its page."""
        return []

    def panels(self, request: HttpRequest, obj: Any) -> Sequence[Panel]:
        """What hangs on `obj`, for this staff member; drawn below its page."""
        return []

    def curl(self, request: HttpRequest, obj: Any, text: ShownOnce) -> ShownOnce | None:
        """Write the line of curl that uses the new text of `obj`, where there is one."""
        return None

    def within(
        self, request: HttpRequest, rows: QuerySet[Any], entity_ids: Collection[str]
    ) -> QuerySet[Any]:
        """Leave those of `rows` that belong to these entities."""
        return rows.filter((f"{self.entity_path}__in", entity_ids))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        limit = limited_to(request)
        return rows if limit is None else self.within(request, rows, limit)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UncountedChangeList

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_find"
        view = self.admin_site.admin_view(self.find_view)
        return [path("find/", view, name=name), *super().get_urls()]

    def find_view(self, request: HttpRequest) -> HttpResponse:
        """Take what was typed to search for, which may be a secret, and so comes in a POST."""
        return find_view(request, self)

    def link_to_list(self, request: HttpRequest, model: type[Model], **filters: str) -> list[Link]:
        """Link to a list filtered so, for who may see it."""
        model_admin = self.admin_site.get_model_admin(model)
        if not model_admin.has_view_permission(request):
            return []
        url = f"{self.url_of('changelist', model=model)}?{urlencode(filters)}"
        return [Link(url, model._meta.verbose_name_plural or "")]

    def url_of(self, page: str, *args: Any, model: type[Model] | None = None) -> str:
        """Return the path of an admin page, by the last part of its name."""
        opts = (model or self.model)._meta
        name = f"admin:{opts.app_label}_{opts.model_name}_{page}"
        return reverse(name, args=args, current_app=self.admin_site.name)

    def has_own_permission(self, request: HttpRequest, verb: str) -> bool:
        """Tell whether the staff member may `verb` objects of this model."""
        opts = self.opts
        return request.user.has_perm(f"{opts.app_label}.{verb}_{opts.model_name}")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Draw the form again where a service refused what came: never a 500.

        What the first pass wrote is rolled back by then.
        """
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (EntitiesError, ValidationError) as error:
            setattr(request, _REFUSAL, error)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Any]]:
        form = super().get_form(request, obj, change, **kwargs)
        form.refusal = getattr(request, _REFUSAL, None)  # type: ignore[attr-defined]
        return form

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        # PostgreSQL takes no NUL, which stock Django lets through to it.
        return None if "\x00" in object_id else super().get_object(request, object_id, from_field)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search_fields(queryset, search_term, self.search_fields), False

    def formfield_for_foreignkey(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        related = cast("type[Model]", db_field.related_model)
        if self.admin_site.is_registered(related):
            # What the list of them hides from this staff member cannot be chosen either.
            chosen_from = self.admin_site.get_model_admin(related).get_queryset(request)
            kwargs.setdefault("queryset", chosen_from)
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", Autocomplete(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[arg-type]

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest | None, **kwargs: Any
    ) -> Any:
        kwargs.setdefault("widget", AutocompleteMany(db_field, self.admin_site))
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[arg-type]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = kwargs.get("obj")
        context["entities_links"] = [] if obj is None else self.links(request, obj)
        context["entities_panels"] = [] if obj is None else self.panels(request, obj)
        return super().render_change_form(request, context, *args, **kwargs)


class UnlimitedAdmin(ServiceAdmin):
    """A screen of what works in every entity: closed to staff who are limited to some."""

    def within(
        self, request: HttpRequest, rows: QuerySet[Any], entity_ids: Collection[str]
    ) -> QuerySet[Any]:
        return rows.none()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return limited_to(request) is None and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return limited_to(request) is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return limited_to(request) is None and super().has_delete_permission(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return limited_to(request) is None and super().has_view_permission(request, obj)

    def has_own_permission(self, request: HttpRequest, verb: str) -> bool:
        return limited_to(request) is None and super().has_own_permission(request, verb)
