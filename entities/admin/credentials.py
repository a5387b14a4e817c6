"""API keys and user tokens: issued and revoked, and never edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from entities.admin.acts import Act, ActsMixin
from entities.admin.display import badge, credential_status, moment, name_above_id, named
from entities.admin.filters import (
    ApiKeyStatusFilter,
    UserTokenStatusFilter,
    by_entity,
    by_user,
)
from entities.admin.forms import IssueApiKeyForm, IssueUserTokenForm
from entities.admin.issue import IssueMixin
from entities.admin.once import ShownOnce
from entities.models import ApiKey, UserToken
from entities.services import (
    issue_api_key,
    issue_user_token,
    revoke_api_key,
    revoke_user_token,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString
    from django_stubs_ext import StrOrPromise

    from entities.actors import Actor
    from entities.admin.acts import Facts

_REVOKED_BEFORE = _("This was revoked before.")


def _facts(credential: ApiKey | UserToken) -> Facts:
    if isinstance(credential, ApiKey):
        owner: tuple[StrOrPromise, object] = (_("Entity"), named(credential.entity))
    else:
        owner = (_("User"), named(credential.user))
    return [
        owner,
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


class RevokeApiKey(_RevokeCredential):
    title = _("Revoke this API key?")
    done = _("The API key was revoked.")

    def effects(self, obj: ApiKey) -> Sequence[StrOrPromise]:
        return [
            _("Applications that call with this key are locked out at once."),
            _("This cannot be undone. A new key can be issued at any time."),
        ]

    def perform(self, obj: ApiKey, *, by: Actor) -> None:
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

    def perform(self, obj: UserToken, *, by: Actor) -> None:
        if not revoke_user_token(token=obj, by=by):
            raise ValidationError(_REVOKED_BEFORE)


class _CredentialAdmin(ActsMixin, IssueMixin):
    ordering = ("-created_at", "pk")

    def has_change_permission(
        self, request: HttpRequest, obj: ApiKey | UserToken | None = None
    ) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related(self.issue_form.owner)

    def facts(self, obj: ApiKey | UserToken) -> Facts:
        return _facts(obj)

    def check_name(self, terms: dict[str, Any]) -> None:
        """Refuse the name of a live credential of the same owner.

        Two could not be told apart; and of a form that is sent twice at once, the second finds the
        first one's: the owner's row is locked.

        Raises:
            ValidationError: the name is taken.
        """
        owner = terms[self.issue_form.owner]
        type(owner)._default_manager.select_for_update().get(pk=owner.pk)
        live = self.model._default_manager.live(at=timezone.now())
        if live.filter((self.issue_form.owner, owner), name=terms["name"]).exists():
            raise ValidationError(
                _("A live one of this name exists. Choose another name, or revoke that one first."),
                code="name_taken",
            )


@admin.register(ApiKey)
class ApiKeyAdmin(_CredentialAdmin):
    list_display = ("name", "owner", "status", "created_at", "expires_at", "last_used_at")
    list_filter = (ApiKeyStatusFilter, by_entity("entity"))
    list_select_related = ("entity",)
    search_fields = ("name", "entity__id", "entity__name")
    search_help_text = _("Search by the name of the key, or the id or name of the entity.")
    fields = (
        "name",
        "entity",
        "status",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    readonly_fields = fields
    acts: ClassVar = (RevokeApiKey(),)

    issue_form = IssueApiKeyForm
    issue_label = _("Issue an API key")
    issue_note = _(
        "Whoever has the key can call as an application of this entity. Its text is shown once, on "
        "the next page."
    )
    issued_title = _("API key issued")

    def issue(self, terms: dict[str, Any], *, by: Actor) -> tuple[ApiKey, ShownOnce]:
        self.check_name(terms)
        api_key, text = issue_api_key(by=by, **terms)
        return api_key, ShownOnce(text)

    @admin.display(description=_("entity"), ordering="entity__id")
    def owner(self, obj: ApiKey) -> SafeString:
        return name_above_id(obj.entity)

    @admin.display(description=_("status"))
    def status(self, obj: ApiKey) -> SafeString:
        return badge(credential_status(obj, owner=obj.entity, at=timezone.now()))


@admin.register(UserToken)
class UserTokenAdmin(_CredentialAdmin):
    list_display = ("name", "owner", "status", "created_at", "expires_at", "last_used_at")
    list_filter = (UserTokenStatusFilter, by_user("user"))
    list_select_related = ("user",)
    search_fields = ("name", "user__id", "user__name")
    search_help_text = _("Search by the name of the token, or the id or name of the user.")
    fields = (
        "name",
        "user",
        "status",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    readonly_fields = fields
    acts: ClassVar = (RevokeUserToken(),)

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

    @admin.display(description=_("user"), ordering="user__id")
    def owner(self, obj: UserToken) -> SafeString:
        return name_above_id(obj.user)

    @admin.display(description=_("status"))
    def status(self, obj: UserToken) -> SafeString:
        return badge(credential_status(obj, owner=obj.user, at=timezone.now()))
