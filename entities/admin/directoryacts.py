"""What staff do to an entity or a user as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from entities import moments
from entities.admin.acts import Act
from entities.admin.forms import TypedIdForm
from entities.admin.panels import counted
from entities.models import AuthToken, UserToken
from entities.services import revoke_entity, sign_out_user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_stubs_ext import StrOrPromise

    from entities.actors import Actor
    from entities.admin.acts import Facts
    from entities.models import Entity, User


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
        live = AuthToken.objects.live(at=moments.now()).filter(membership__entity=obj).count()
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

    def perform(self, obj: Entity, *, by: Actor, **terms: Any) -> None:
        revoke_entity(entity=obj, by=by)


class SignOutUser(Act):
    """Revokes all that lets a user in, in every entity."""

    verb = "signout"
    label = _("Sign out everywhere")
    title = _("Sign this user out everywhere?")
    button = _("Yes, sign out")
    done = _("The user was signed out everywhere.")
    history = "Signed out everywhere."

    def facts(self, obj: User) -> Facts:
        tokens = AuthToken.objects.live(at=moments.now()).filter(membership__user=obj)
        user_tokens = UserToken.objects.live(at=moments.now()).filter(user=obj)
        return [
            (_("Id"), obj.id),
            (_("Name"), obj.name),
            (_("Live authentication tokens"), counted(tokens)),
            (_("Live user tokens"), counted(user_tokens)),
        ]

    def effects(self, obj: User) -> Sequence[StrOrPromise]:
        return [
            _("Every authentication token and every user token of this user is revoked at once."),
            _("The memberships stay: with a new user token the user gets in again."),
            _("This cannot be undone. To keep the user out, deactivate the user as well."),
        ]

    def perform(self, obj: User, *, by: Actor, **terms: Any) -> None:
        sign_out_user(user=obj, by=by)
