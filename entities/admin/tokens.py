"""Authentication tokens: found, edited, issued, refreshed and revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from entities.admin.acts import Act, ActsMixin
from entities.admin.base import actor_of
from entities.admin.display import Status, badge, chips, moment, name_above_id, named, token_status
from entities.admin.filters import ExpiryFilter, TokenStatusFilter, by_entity, by_user
from entities.admin.forms import IssueTokenForm, TokenForm
from entities.admin.issue import IssueMixin
from entities.admin.once import ShownOnce
from entities.conf import app_settings
from entities.exceptions import TokenRevokedError, TokenSuspendedError
from entities.models import AuthToken, RevocationReason
from entities.services import issue_token, refresh_token, revoke_token, update_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString
    from django_stubs_ext import StrOrPromise

    from entities.actors import Actor
    from entities.admin.acts import Facts


def text_of(token: AuthToken) -> ShownOnce:
    """Take the text of a token that was signed just now."""
    text = token.derive_text()
    assert text is not None, "the key that signs is configured"  # noqa: S101
    return ShownOnce(text)


def token_facts(token: AuthToken) -> Facts:
    """Whose a token is, and what it is worth."""
    return [
        (_("User"), named(token.membership.user)),
        (_("Entity"), named(token.membership.entity)),
        (_("Flags"), chips(token.flags) if token.flags else _("none")),
        (_("Expires at"), moment(token.expires_at)),
        (_("Last used at"), moment(token.last_used_at) or _("never")),
    ]


class RefreshToken(Act):
    verb = "refresh"
    label = _("Refresh")
    title = _("Refresh this authentication token?")
    button = _("Yes, refresh it")
    done = _("Authentication token refreshed")
    history = "Refreshed."
    is_destructive = False
    is_durable = True

    def version(self, obj: AuthToken) -> int:
        return obj.generation

    def refusal(self, obj: AuthToken) -> StrOrPromise | None:
        status = token_status(obj, at=timezone.now())
        if status in {Status.REVOKED, Status.ENTITY_REVOKED}:
            return _("This token was revoked, and cannot be refreshed. Issue a new one.")
        return TokenSuspendedError.message if status is Status.SUSPENDED else None

    def facts(self, obj: AuthToken) -> Facts:
        return token_facts(obj)

    def effects(self, obj: AuthToken) -> Sequence[StrOrPromise]:
        lifetime = min(obj.lifetime, obj.membership.entity.max_lifetime)
        expiry = _("It then expires at {moment}, as far off as the last time.")
        return [
            _("The token gets a new text, which the next page shows once."),
            _grace_sentence(),
            expiry.format(moment=moment(timezone.now() + lifetime)),
        ]

    def perform(self, obj: AuthToken, *, by: Actor) -> ShownOnce:
        return text_of(refresh_token(membership=obj.membership, by=by, seen=obj))


class RevokeToken(Act):
    verb = "revoke"
    label = _("Revoke")
    title = _("Revoke this authentication token?")
    button = _("Yes, revoke it")
    done = _("The authentication token was revoked.")
    history = "Revoked."

    def refusal(self, obj: AuthToken) -> StrOrPromise | None:
        status = token_status(obj, at=timezone.now())
        if status in {Status.REVOKED, Status.ENTITY_REVOKED}:
            return _("This token was revoked before.")
        return None

    def facts(self, obj: AuthToken) -> Facts:
        return token_facts(obj)

    def effects(self, obj: AuthToken) -> Sequence[StrOrPromise]:
        return [
            _("The token stops being good at once, everywhere."),
            _("This cannot be undone. A new token can be issued at any time."),
        ]

    def perform(self, obj: AuthToken, *, by: Actor) -> None:
        revoke_token(membership=obj.membership, by=by, reason=RevocationReason.STAFF)


def _grace_sentence() -> StrOrPromise:
    seconds = round(app_settings.REFRESH_GRACE.total_seconds())
    if not seconds:
        return _("The old text stops being good at once: who uses it needs the new one.")
    return ngettext(
        "The old text stops being good {count} second later: who uses it needs the new one.",
        "The old text stops being good {count} seconds later: who uses it needs the new one.",
        seconds,
    ).format(count=seconds)


@admin.register(AuthToken)
class AuthTokenAdmin(ActsMixin, IssueMixin):
    """Expiry and flags of a live one can be edited; all else is read."""

    form = TokenForm
    list_display = (
        "user",
        "entity",
        "status",
        "flag_chips",
        "expires_at",
        "last_used_at",
    )
    list_filter = (
        TokenStatusFilter,
        ExpiryFilter,
        "revocation_reason",
        by_entity("membership__entity"),
        by_user("membership__user"),
    )
    list_select_related = ("membership__entity", "membership__user")
    search_fields = (
        "membership__user__id",
        "membership__user__name",
        "membership__entity__id",
        "membership__entity__name",
    )
    search_help_text = _("Search by the id or name of the user, the entity, or both.")
    ordering = ("-created_at", "pk")
    fieldsets = (
        (None, {"fields": ("user", "entity", "status", "revoked_at", "revocation_reason")}),
        (_("Expiry and flags"), {"fields": ("expires_at", "flags")}),
        (
            _("Times"),
            {"fields": ("created_at", "issued_at", "last_used_at", "generation")},
        ),
    )
    readonly_fields = (
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

    def has_change_permission(self, request: HttpRequest, obj: AuthToken | None = None) -> bool:
        """A dead token is only read; sent a change of one, the service says why."""
        allowed = super().has_change_permission(request, obj)
        if obj is None or request.method == "POST":
            return allowed
        return allowed and obj.dead_because(at=timezone.now()) is None

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

    def issue(self, terms: dict[str, Any], *, by: Actor) -> tuple[AuthToken, ShownOnce]:
        token = issue_token(by=by, **terms)
        return token, text_of(token)

    def facts(self, obj: AuthToken) -> Facts:
        return token_facts(obj)

    @admin.display(description=_("user"), ordering="membership__user__id")
    def user(self, obj: AuthToken) -> SafeString:
        return name_above_id(obj.membership.user)

    @admin.display(description=_("entity"), ordering="membership__entity__id")
    def entity(self, obj: AuthToken) -> SafeString:
        return name_above_id(obj.membership.entity)

    @admin.display(description=_("status"))
    def status(self, obj: AuthToken) -> SafeString:
        return badge(token_status(obj, at=timezone.now()))

    @admin.display(description=_("flags"))
    def flag_chips(self, obj: AuthToken) -> SafeString:
        return chips(obj.flags)
