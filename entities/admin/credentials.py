"""API keys and user tokens: issued and revoked, and never edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from entities import moments
from entities.admin.acts import Act, ActsMixin, Made
from entities.admin.base import UnlimitedAdmin
from entities.admin.display import (
    badge,
    credential_status,
    masked,
    moment,
    name_above_id,
    named,
    relative,
)
from entities.admin.filters import (
    ApiKeyStatusFilter,
    UserTokenStatusFilter,
    by_entity,
    by_user,
)
from entities.admin.forms import ActForm, IssueApiKeyForm, IssueUserTokenForm, RotateForm
from entities.admin.history import events_panel
from entities.admin.issue import IssueMixin
from entities.admin.limits import limited_to
from entities.admin.once import ShownOnce
from entities.admin.search import search_owners
from entities.models import ApiKey, KeyAccess, UserToken
from entities.services import (
    issue_api_key,
    issue_user_token,
    revoke_api_key,
    revoke_user_token,
    rotate_api_key,
    rotate_user_token,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString
    from django_stubs_ext import StrOrPromise

    from entities.actors import Actor
    from entities.admin.acts import Facts
    from entities.admin.forms import IssueForm
    from entities.admin.panels import Panel

_REVOKED_BEFORE = _("This was revoked before.")


def _facts(credential: ApiKey | UserToken) -> Facts:
    if isinstance(credential, ApiKey):
        own: list[tuple[StrOrPromise, object]] = [
            (_("Entity"), named(credential.entity)),
            (_("Access"), credential.get_access_display()),
        ]
    else:
        own = [(_("User"), named(credential.user))]
    return [
        *own,
        (_("Name"), credential.name),
        (_("Expires at"), moment(credential.expires_at) or _("never")),
        (_("Last used at"), moment(credential.last_used_at) or _("never")),
    ]


class _RevokeCredential(Act):
    verb = "revoke"
    label = _("Revoke")
    button = _("Yes, revoke it")
    history = "Revoked."

    def refusal(self, obj: ApiKey | UserToken) -> StrOrPromise | None:
        return None if obj.revoked_at is None else _REVOKED_BEFORE

    def facts(self, obj: ApiKey | UserToken) -> Facts:
        return _facts(obj)


class _RotateCredential(Act):
    verb = "rotate"
    label = _("Rotate")
    button = _("Yes, rotate it")
    history = "Rotated."
    is_destructive = False
    form_class: type[ActForm] = RotateForm

    def version(self, obj: ApiKey | UserToken) -> int:
        """Count what took its place already: a form sent twice makes one new credential."""
        owner = "entity" if isinstance(obj, ApiKey) else "user"
        newer = type(obj)._default_manager.filter(name=obj.name, created_at__gt=obj.created_at)
        return newer.filter((owner, getattr(obj, owner))).count()

    def refusal(self, obj: ApiKey | UserToken) -> StrOrPromise | None:
        if obj.is_live(at=moments.now()):
            return None
        return _("This has ended, and cannot be rotated. Issue a new one.")

    def facts(self, obj: ApiKey | UserToken) -> Facts:
        return _facts(obj)

    def effects(self, obj: ApiKey | UserToken) -> Sequence[StrOrPromise]:
        return [
            _("A new one of the same name is issued, whose text the next page shows once."),
            _("The old one ends after the time that you choose, or sooner where it would anyway."),
        ]


class RotateApiKey(_RotateCredential):
    title = _("Rotate this API key?")
    done = _("API key rotated")

    def perform(self, obj: ApiKey, *, by: Actor, **terms: Any) -> Made:
        new, text = rotate_api_key(api_key=obj, by=by, **terms)
        return Made(new, ShownOnce(text))


class RotateUserToken(_RotateCredential):
    title = _("Rotate this user token?")
    done = _("User token rotated")

    def perform(self, obj: UserToken, *, by: Actor, **terms: Any) -> Made:
        new, text = rotate_user_token(token=obj, by=by, **terms)
        return Made(new, ShownOnce(text))


class RevokeApiKey(_RevokeCredential):
    title = _("Revoke this API key?")
    done = _("The API key was revoked.")

    def effects(self, obj: ApiKey) -> Sequence[StrOrPromise]:
        return [
            _("Applications that call with this key are locked out at once."),
            _("This cannot be undone. A new key can be issued at any time."),
        ]

    def perform(self, obj: ApiKey, *, by: Actor, **terms: Any) -> None:
        if not revoke_api_key(api_key=obj, by=by):
            raise ValidationError(_REVOKED_BEFORE)


class RevokeUserToken(_RevokeCredential):
    title = _("Revoke this user token?")
    done = _("The user token was revoked.")

    def effects(self, obj: UserToken) -> Sequence[StrOrPromise]:
        return [
            _("The user can prove himself by this token no more, in any entity."),
            _("Other credentials of this user, authentication tokens among them, stay good."),
            _("This cannot be undone. A new user token can be issued at any time."),
        ]

    def perform(self, obj: UserToken, *, by: Actor, **terms: Any) -> None:
        if not revoke_user_token(token=obj, by=by):
            raise ValidationError(_REVOKED_BEFORE)


class _CredentialAdmin(ActsMixin, IssueMixin):
    list_display: tuple[str, ...] = (
        "name",
        "text",
        "owner",
        "status",
        "created_at",
        "expires",
        "last_used",
    )
    sortable_by = ("created_at",)
    ordering = ("-created_at", "pk")

    def has_change_permission(
        self, request: HttpRequest, obj: ApiKey | UserToken | None = None
    ) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related(self.issue_form.owner)

    def facts(self, obj: ApiKey | UserToken) -> Facts:
        return _facts(obj)

    def panels(self, request: HttpRequest, obj: ApiKey | UserToken) -> Sequence[Panel]:
        return events_panel(self, request, credential=obj.pk)

    @admin.display(description=_("text"))
    def text(self, obj: ApiKey | UserToken) -> SafeString:
        return masked(obj)

    @admin.display(description=_("expires"))
    def expires(self, obj: ApiKey | UserToken) -> StrOrPromise:
        return relative(obj.expires_at, never=_("never"))

    @admin.display(description=_("last used"))
    def last_used(self, obj: ApiKey | UserToken) -> StrOrPromise:
        return relative(obj.last_used_at, never=_("never"))

    def check_name(self, terms: dict[str, Any]) -> None:
        """Refuse the name of a live credential of the same owner.

        Two could not be told apart; and of a form that is sent twice at once, the second finds the
        first one's: the owner's row is locked.

        Raises:
            ValidationError: the name is taken.
        """
        owner = terms[self.issue_form.owner]
        type(owner)._default_manager.select_for_update().get(pk=owner.pk)
        live = self.model._default_manager.live(at=moments.now())
        if live.filter((self.issue_form.owner, owner), name=terms["name"]).exists():
            raise ValidationError(
                _("A live one of this name exists. Choose another name, or revoke that one first."),
                code="name_taken",
            )


@admin.register(ApiKey)
class ApiKeyAdmin(_CredentialAdmin):
    """Staff who are limited to some entities get the text of no key that opens them all."""

    entity_path = "entity"
    list_display = (
        "name",
        "text",
        "owner",
        "access",
        "status",
        "created_at",
        "expires",
        "last_used",
    )
    list_filter = (ApiKeyStatusFilter, "access", by_entity("entity"))
    list_select_related = ("entity",)
    search_fields = ("name",)
    search_help_text = _("Search by the name of the key, or the id or name of the entity.")
    fields = (
        "name",
        "text",
        "entity",
        "access",
        "status",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    readonly_fields = fields
    acts: ClassVar = (RotateApiKey(), RevokeApiKey())

    issue_form = IssueApiKeyForm
    issue_label = _("Issue an API key")
    issue_note = _(
        "Whoever has the key can call as an application of this entity. Its text is shown once, on "
        "the next page."
    )
    issued_title = _("API key issued")

    def has_act_permission(self, request: HttpRequest, act: Act, obj: Any = None) -> bool:
        opens_all = obj is not None and obj.access == KeyAccess.SUPERUSER
        if isinstance(act, RotateApiKey) and opens_all and limited_to(request) is not None:
            return False
        return super().has_act_permission(request, act, obj)

    def issue_form_for(self, request: HttpRequest) -> IssueForm:
        form = super().issue_form_for(request)
        if limited_to(request) is not None:
            cast("IssueApiKeyForm", form).offer_no_superuser()
        return form

    def issue(self, terms: dict[str, Any], *, by: Actor) -> tuple[ApiKey, ShownOnce]:
        self.check_name(terms)
        api_key, text = issue_api_key(by=by, **terms)
        return api_key, ShownOnce(text)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        fields = self.search_fields
        return search_owners(queryset, search_term, entity="entity", fields=fields), False

    @admin.display(description=_("entity"))
    def owner(self, obj: ApiKey) -> SafeString:
        return name_above_id(obj.entity)

    @admin.display(description=_("status"))
    def status(self, obj: ApiKey) -> SafeString:
        return badge(credential_status(obj, owner=obj.entity, at=moments.now()))


@admin.register(UserToken)
class UserTokenAdmin(_CredentialAdmin, UnlimitedAdmin):
    """They prove a user in every entity, so that only staff who see all of them see these."""

    list_filter = (UserTokenStatusFilter, by_user("user"))
    list_select_related = ("user",)
    search_fields = ("name",)
    search_help_text = _("Search by the name of the token, or the id or name of the user.")
    fields = (
        "name",
        "text",
        "user",
        "status",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    readonly_fields = fields
    acts: ClassVar = (RotateUserToken(), RevokeUserToken())

    issue_form = IssueUserTokenForm
    issue_label = _("Issue a user token")
    issue_note = _(
        "Whoever has the token can prove himself to be this user. Its text is shown once, on the "
        "next page."
    )
    issued_title = _("User token issued")

    def issue(self, terms: dict[str, Any], *, by: Actor) -> tuple[UserToken, ShownOnce]:
        self.check_name(terms)
        token, text = issue_user_token(by=by, **terms)
        return token, ShownOnce(text)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        fields = self.search_fields
        return search_owners(queryset, search_term, user="user", fields=fields), False

    @admin.display(description=_("user"))
    def owner(self, obj: UserToken) -> SafeString:
        return name_above_id(obj.user)

    @admin.display(description=_("status"))
    def status(self, obj: UserToken) -> SafeString:
        return badge(credential_status(obj, owner=obj.user, at=moments.now()))
