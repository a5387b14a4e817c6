"""What all of the staff's screens have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.http import urlencode

from entities.actors import Actor
from entities.admin.fields import Autocomplete
from entities.exceptions import EntitiesError
from entities.origins import origin_of

if TYPE_CHECKING:
    from django import forms
    from django.db.models import Field, Model, QuerySet
    from django.http import HttpRequest, HttpResponse
    from django_stubs_ext import StrOrPromise

    ModelAdmin: TypeAlias = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

_REFUSAL = "_entities_refusal"


class Link(NamedTuple):
    """Where one can go from the page of an object."""

    url: str
    label: StrOrPromise


def actor_of(request: HttpRequest) -> Actor:
    """Return the staff member who acts, and where the request came from."""
    account = request.user
    return Actor.staff(account.pk, name=account.get_username(), origin=origin_of(request))


class ServiceAdmin(ModelAdmin):
    """A screen that changes things through services, and shows why one of them refused."""

    show_full_result_count = False

    class Media:
        css = {"all": ["entities/admin.css"]}

    def links(self, request: HttpRequest, obj: Any) -> list[Link]:
        """Where this staff member can go from `obj`; drawn above its page."""
        return []

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
        term = search_term.replace("\x00", "")
        return super().get_search_results(request, queryset, term)

    def formfield_for_foreignkey(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", Autocomplete(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[arg-type]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = kwargs.get("obj")
        context["entities_links"] = [] if obj is None else self.links(request, obj)
        return super().render_change_form(request, context, *args, **kwargs)
