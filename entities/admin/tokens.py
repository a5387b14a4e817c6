"""Authentication tokens: found, edited, issued, refreshed and revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import JsonResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from entities import moments
from entities.admin.acts import ActsMixin
from entities.admin.base import actor_of
from entities.admin.bulk import BulkMixin
from entities.admin.curl import curl_line
from entities.admin.display import (
    badge,
    chips,
    masked,
    name_above_id,
    relative,
    token_status,
)
from entities.admin.fields import FlagsWidget
from entities.admin.filters import (
    ExpiryFilter,
    FlagFilter,
    RevokedFilter,
    TokenStatusFilter,
    UsedFilter,
    by_entity,
    by_user,
)
from entities.admin.forms import IssueTokenForm, TokenForm
from entities.admin.history import events_panel
from entities.admin.issue import IssueMixin
from entities.admin.limits import few_memberships
from entities.admin.panels import Link
from entities.admin.search import search_owners
from entities.admin.tokenacts import RefreshToken, RevokeToken, text_of, token_facts
from entities.exceptions import TokenRevokedError
from entities.models import AuthToken, Membership
from entities.services import issue_token, update_token

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString
    from django_stubs_ext import StrOrPromise

    from entities.actors import Actor
    from entities.admin.acts import Facts
    from entities.admin.forms import IssueForm
    from entities.admin.once import ShownOnce
    from entities.admin.panels import Panel

# What a filter is about orders its list, by an index that finds the first page at once: walking
# the newest first, a filter of old tokens would read most of the table before it met one.
_ORDERINGS: dict[tuple[str, str], tuple[str, ...]] = {
    ("status", "expired"): ("-expires_at", "pk"),
    ("status", "expiring"): ("expires_at", "pk"),
    ("status", "revoked"): ("-revoked_at", "pk"),
    ("status", "entity_revoked"): ("created_at", "pk"),  # older than what came after the epoch
    ("revoked", "today"): ("-revoked_at", "pk"),
    ("revoked", "7"): ("-revoked_at", "pk"),
    ("expires", "1"): ("expires_at", "pk"),
    ("expires", "7"): ("expires_at", "pk"),
    ("expires", "30"): ("expires_at", "pk"),
    ("used", "1"): ("-last_used_at", "pk"),
    ("used", "7"): ("-last_used_at", "pk"),
    ("used", "30"): ("-last_used_at", "pk"),
    ("used", "not30"): ("-last_used_at", "pk"),
    ("used", "not90"): ("-last_used_at", "pk"),
}


@admin.register(AuthToken)
class AuthTokenAdmin(BulkMixin, ActsMixin, IssueMixin):
    """Expiry and flags of a live one can be edited; all else is read."""

    form = TokenForm
    entity_path = "membership__entity"
    list_display = (
        "status_and_text",
        "user",
        "entity",
        "flag_chips",
        "expires",
        "last_used",
    )
    list_filter = (
        TokenStatusFilter,
        by_entity("membership__entity"),
        by_user("membership__user"),
        FlagFilter,
        ExpiryFilter,
        UsedFilter,
        RevokedFilter,
    )
    list_select_related = ("membership__entity", "membership__user")
    sortable_by = ("expires",)
    search_fields = ("membership__user__id",)  # what is searched, `get_search_results` says
    search_help_text = _(
        "Search by the id or name of the user, the entity, or both; or paste the whole text of a "
        "token, which is kept nowhere."
    )
    ordering = ("-created_at", "pk")
    fieldsets = (
        (None, {"fields": ("text", "user", "entity", "status", "revoked_at", "revocation_reason")}),
        (_("Expiry and flags"), {"fields": ("expires_at", "flags")}),
        (
            _("Times"),
            {"fields": ("created_at", "issued_at", "last_used_at", "generation")},
        ),
    )
    readonly_fields = (
        "text",
        "user",
        "entity",
        "status",
        "revoked_at",
        "revocation_reason",
        "created_at",
        "issued_at",
        "last_used_at",
        "generation",
    )
    acts: ClassVar = (RefreshToken(), RevokeToken())

    issue_form = IssueTokenForm
    issue_label = _("Issue an authentication token")
    issue_note = _(
        "The user gets an authentication token in this entity; a dead one is replaced. Its text is "
        "shown once, on the next page."
    )
    issued_title = _("Authentication token issued")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuthToken]:
        return super().get_queryset(request).select_related(*self.list_select_related)

    def within(
        self, request: HttpRequest, rows: QuerySet[Any], entity_ids: Collection[str]
    ) -> QuerySet[Any]:
        if (few := few_memberships(request, entity_ids)) is not None:
            return rows.filter(membership__in=few.values("pk"))
        return super().within(request, rows, entity_ids)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        chosen = (_ORDERINGS.get(pair) for pair in request.GET.dict().items())
        return next(filter(None, chosen), self.ordering)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        owners = {"user": "membership__user", "entity": "membership__entity"}
        return search_owners(queryset, search_term, **owners), False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.known_flags_view)
        return [
            path("known-flags/", view, name="entities_authtoken_known_flags"),
            *super().get_urls(),
        ]

    def known_flags_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with the flags to offer for a membership, which the form to issue asks for."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        chosen = request.GET.get("membership", "")
        memberships = self.admin_site.get_model_admin(Membership).get_queryset(request)
        found = chosen.isascii() and chosen.isdigit() and len(chosen) < 19
        membership = memberships.filter(pk=chosen).first() if found else None
        flags = membership.entity.known_flags() if membership else []
        return JsonResponse({"flags": flags})

    def links(self, request: HttpRequest, obj: AuthToken) -> list[Link]:
        links = super().links(request, obj)
        is_dead = obj.dead_because(at=moments.now()) is not None
        if is_dead and obj.membership.is_live and self.has_add_permission(request):
            url = f"{self.url_of('add')}?membership={obj.membership_id}"
            links.insert(0, Link(url, _("Issue a new one")))
        return links

    def panels(self, request: HttpRequest, obj: AuthToken) -> Sequence[Panel]:
        return events_panel(self, request, credential=obj.pk)

    def has_change_permission(self, request: HttpRequest, obj: AuthToken | None = None) -> bool:
        """A dead token is only read; sent a change of one, the service says why."""
        allowed = super().has_change_permission(request, obj)
        if obj is None or request.method == "POST":
            return allowed
        return allowed and obj.dead_because(at=moments.now()) is None

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        context["show_save_and_add_another"] = False
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: AuthToken, form: Any, change: bool) -> None:
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        if not changed:
            return
        # Locked, so that no newer token of the membership is edited in the place of this one.
        token = AuthToken.objects.select_for_update().get(pk=obj.pk)
        if token.revoked_at is not None:
            raise TokenRevokedError
        update_token(membership=token.membership, by=actor_of(request), **changed)

    def issue_form_for(self, request: HttpRequest) -> IssueForm:
        form = super().issue_form_for(request)
        widget = form.fields["flags"].widget
        assert isinstance(widget, FlagsWidget)  # noqa: S101  the field's own
        widget.offers_url = self.url_of("known_flags")
        widget.offers_by = "membership"
        return form

    def issue(self, terms: dict[str, Any], *, by: Actor) -> tuple[AuthToken, ShownOnce]:
        token = issue_token(by=by, **terms)
        return token, text_of(token)

    def facts(self, obj: AuthToken) -> Facts:
        return token_facts(obj)

    def curl(self, request: HttpRequest, obj: AuthToken, text: ShownOnce) -> ShownOnce | None:
        return curl_line(request, obj.membership, text)

    @admin.display(description=_("token"))
    def status_and_text(self, obj: AuthToken) -> SafeString:
        return format_html("{} {}", self.status(obj), masked(obj))

    @admin.display(description=_("text"))
    def text(self, obj: AuthToken) -> SafeString:
        return masked(obj)

    @admin.display(description=_("user"))
    def user(self, obj: AuthToken) -> SafeString:
        return name_above_id(obj.membership.user)

    @admin.display(description=_("entity"))
    def entity(self, obj: AuthToken) -> SafeString:
        return name_above_id(obj.membership.entity)

    @admin.display(description=_("status"))
    def status(self, obj: AuthToken) -> SafeString:
        return badge(token_status(obj, at=moments.now()))

    @admin.display(description=_("flags"))
    def flag_chips(self, obj: AuthToken) -> SafeString:
        return chips(obj.flags)

    @admin.display(description=_("expires"), ordering="expires_at")
    def expires(self, obj: AuthToken) -> StrOrPromise:
        return relative(obj.expires_at, never=_("never"))

    @admin.display(description=_("last used"))
    def last_used(self, obj: AuthToken) -> StrOrPromise:
        return relative(obj.last_used_at, never=_("never"))
