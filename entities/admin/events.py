"""The record of events: read, filtered, searched and exported, and never changed."""

from __future__ import annotations

import csv
import json
from contextlib import suppress
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpResponseRedirect, StreamingHttpResponse
from django.urls import NoReverseMatch, path
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from entities import moments
from entities.admin.base import ServiceAdmin
from entities.admin.display import relative
from entities.admin.filters import by_entity, by_user, start_of_today
from entities.admin.history import actor_label, detail_lines
from entities.admin.panels import Link
from entities.admin.search import words_of
from entities.models import Action, ApiKey, AuthToken, Event, UserToken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django_stubs_ext import StrOrPromise

_CHUNK = 2000
_COLUMNS = (
    "id",
    "at",
    "action",
    "entity_id",
    "user_id",
    "credential_id",
    "actor_kind",
    "actor_id",
    "actor_name",
    "api_key_id",
    "application",
    "request_id",
    "client_address",
    "details",
)


class ActionFilter(admin.SimpleListFilter):
    title = _("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return Action.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(action=chosen) if chosen in Action else queryset


class WhenFilter(admin.SimpleListFilter):
    title = _("when")
    parameter_name = "when"
    windows: ClassVar[dict[str, timedelta]] = {
        "7": timedelta(days=7),
        "30": timedelta(days=30),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [
            ("today", _("Today")),
            ("7", _("In the last 7 days")),
            ("30", _("In the last 30 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() or ""
        since: datetime | None = None
        if chosen == "today":
            since = start_of_today()
        elif chosen in self.windows:
            since = moments.now() - self.windows[chosen]
        return queryset if since is None else queryset.filter(at__gte=since)


class CredentialFilter(admin.SimpleListFilter):
    """By one token or key: chosen by links from its page only."""

    title = _("credential")
    parameter_name = "credential"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        chosen = self.value()
        return [(chosen, chosen)] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        chosen = _uuid(self.value() or "")
        return queryset.none() if chosen is None else queryset.filter(credential_id=chosen)


@admin.register(Event)
class EventAdmin(ServiceAdmin):
    entity_path = "entity_id"
    list_display = ("when", "what", "actor", "about", "details_shown", "client_address")
    list_display_links = ("when",)
    list_filter = (
        ActionFilter,
        WhenFilter,
        by_entity("entity_id"),
        by_user("user_id"),
        CredentialFilter,
    )
    sortable_by = ()
    ordering = ("-id",)
    search_fields = ("user_id",)  # what is searched, `get_search_results` says
    search_help_text = _(
        "Search by a whole id (of a user, an entity, a token, a request), the name of who acted, "
        "or an address; or paste the whole text of a token."
    )
    fields = (
        "at",
        "what",
        "actor",
        "about",
        "details_shown",
        "application",
        "client_address",
        "request_id",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        for word in words_of(search_term):
            queryset = queryset.filter(_matches(word))
        return queryset, False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name="entities_event_export"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = extra_context or {}
        if self.has_own_permission(request, "export"):
            query = request.GET.urlencode()
            url = self.url_of("export") + (f"?{query}" if query else "")
            context = {"entities_list_links": [Link(url, _("Export as CSV"))]} | context
        return super().changelist_view(request, context)

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Stream what the list's filters leave, the newest first, as CSV (RFC 4180)."""
        if not (self.has_view_permission(request) and self.has_own_permission(request, "export")):
            raise PermissionDenied
        try:
            events = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(self.url_of("changelist"))
        response = StreamingHttpResponse(_csv_lines(events), content_type="text/csv; charset=utf-8")
        name = f"events-{moments.now():%Y%m%d-%H%M%S}.csv"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        response.headers["Cache-Control"] = "no-store"
        return response

    @admin.display(description=_("when"))
    def when(self, obj: Event) -> StrOrPromise:
        return relative(obj.at, never="")

    @admin.display(description=_("what"))
    def what(self, obj: Event) -> str:
        return obj.action_label

    @admin.display(description=_("who"))
    def actor(self, obj: Event) -> str:
        return actor_label(obj)

    @admin.display(description=_("details"))
    def details_shown(self, obj: Event) -> str:
        lines = ((line,) for line in detail_lines(obj))
        return format_html_join("", '<span class="entities-line">{}</span>', lines)

    @admin.display(description=_("about"))
    def about(self, obj: Event) -> str:
        named = " · ".join(filter(None, (obj.user_id, obj.entity_id)))
        link = self._credential_link(obj)
        return format_html('{} <span class="entities-id">{}</span>', named, link) if link else named

    def _credential_link(self, obj: Event) -> str:
        """Lead to the token or key. Whether it still exists is not asked: that costs a query."""
        if obj.credential_id is None:
            return ""
        model: type[Model] = AuthToken
        if obj.action.startswith("api_key_"):
            model = ApiKey
        elif obj.action.startswith("user_token_"):
            model = UserToken
        try:
            url = self.url_of("change", obj.credential_id, model=model)
        except NoReverseMatch:
            return str(obj.credential_id)
        short = str(obj.credential_id)[:8]
        return format_html('<a href="{}">{}</a>', url, short)


def _matches(word: str) -> Q:
    found = (
        Q(user_id=word)
        | Q(entity_id=word)
        | Q(actor_id=word)
        | Q(actor_name=word)
        | Q(request_id=word)
    )
    if (credential := _uuid(word)) is not None:
        found |= Q(credential_id=credential)
    with suppress(ValueError):
        found |= Q(client_address=str(ip_address(word)))
    return found


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


class _Echo:
    """A file that hands back each line written to it."""

    def write(self, line: str) -> str:
        return line


def _csv_lines(events: QuerySet[Event]) -> Iterator[str]:
    """Write the lines, a few thousand rows a query: no memory grows, no transaction stays open."""
    writer = csv.writer(_Echo())
    yield writer.writerow(_COLUMNS)
    last: int | None = None
    while True:
        rest = events if last is None else events.filter(id__lt=last)
        chunk = list(rest.order_by("-id").values_list(*_COLUMNS)[:_CHUNK])
        for row in chunk:
            yield writer.writerow(map(_cell, row))
        if len(chunk) < _CHUNK:
            return
        last = chunk[-1][0]


def _cell(value: object) -> str:
    """Write a value; what a spreadsheet would take for a formula stands behind an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    text = moments.written(value) if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
