"""What staff do to one authentication token: refresh it, and revoke it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from entities import moments
from entities.admin.acts import Act, Made
from entities.admin.display import Status, chips, moment, named, token_status
from entities.admin.once import ShownOnce
from entities.conf import app_settings
from entities.exceptions import TokenSuspendedError
from entities.models import RevocationReason
from entities.services import refresh_token, revoke_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_stubs_ext import StrOrPromise

    from entities.actors import Actor
    from entities.admin.acts import Facts
    from entities.models import AuthToken


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
        status = token_status(obj, at=moments.now())
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
            expiry.format(moment=moment(moments.now() + lifetime)),
        ]

    def perform(self, obj: AuthToken, *, by: Actor, **terms: Any) -> Made:
        token = refresh_token(membership=obj.membership, by=by, seen=obj)
        return Made(token, text_of(token))


class RevokeToken(Act):
    verb = "revoke"
    label = _("Revoke")
    title = _("Revoke this authentication token?")
    button = _("Yes, revoke it")
    done = _("The authentication token was revoked.")
    history = "Revoked."

    def refusal(self, obj: AuthToken) -> StrOrPromise | None:
        status = token_status(obj, at=moments.now())
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

    def perform(self, obj: AuthToken, *, by: Actor, **terms: Any) -> None:
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
