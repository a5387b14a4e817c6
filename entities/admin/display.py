"""How states, people, flags and moments look: in a list, on a page, in a sentence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from entities import keys, moments
from entities.codec import Kind
from entities.models import ApiKey, AuthToken, UserToken
from entities.services.credentials import derive_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.safestring import SafeString
    from django_stubs_ext import StrOrPromise

    from entities.models import Entity, User

EXPIRING_WITHIN = timedelta(days=7)
_KINDS = {ApiKey: Kind.API_KEY, UserToken: Kind.USER_TOKEN, AuthToken: Kind.AUTH_TOKEN}


class Status(models.TextChoices):
    """What staff are told of a credential. The dead ones are spelt like `Death`."""

    LIVE = "live", _("Live")
    EXPIRING = "expiring", _("Expiring")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")
    ENTITY_REVOKED = "entity_revoked", _("Superseded")
    SUSPENDED = "suspended", _("Suspended")


def token_status(token: AuthToken, *, at: datetime) -> Status:
    """Status of an authentication token. SQL twin: `filters.TokenStatusFilter`."""
    death = token.dead_because(at=at)
    if death is not None:
        return Status(death.value)
    return Status.EXPIRING if token.expires_at <= at + EXPIRING_WITHIN else Status.LIVE


def credential_status(
    credential: ApiKey | UserToken, *, owner: Entity | User, at: datetime
) -> Status:
    """Status of an API key or user token. SQL twin: `filters.CredentialStatusFilter`."""
    if credential.revoked_at is not None:
        return Status.REVOKED
    if not owner.is_active:
        return Status.SUSPENDED
    if not credential.is_live(at=at):
        return Status.EXPIRED
    ends_soon = credential.expires_at is not None and credential.expires_at <= at + EXPIRING_WITHIN
    return Status.EXPIRING if ends_soon else Status.LIVE


def badge(status: Status) -> SafeString:
    """Draw a status. The word says it; the colour only helps."""
    return format_html(
        '<span class="entities-status entities-status-{}">{}</span>', status.value, status.label
    )


def chips(flags: Iterable[str]) -> SafeString:
    """Draw flags side by side."""
    return format_html_join(" ", '<span class="entities-flag">{}</span>', ((f,) for f in flags))


def named(record: Entity | User) -> str:
    """Name and id of an entity or a user: a name alone may be another's too."""
    return f"{record.name} ({record.id})" if record.name else record.id


def name_above_id(record: Entity | User) -> SafeString:
    """Draw `named` for a column: the id under the name."""
    if not record.name:
        return format_html('<span class="entities-id">{}</span>', record.id)
    return format_html('{} <span class="entities-id">{}</span>', record.name, record.id)


def moment(at: datetime | None) -> str:
    """Write a moment as the admin does, in the current time zone."""
    if at is None:
        return ""
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")


def relative(at: datetime | None, *, never: StrOrPromise) -> SafeString | StrOrPromise:
    """Write how far off a moment is, with the moment itself on hover; `never` where there is none.

    The largest unit is enough in a list.
    """
    if at is None:
        return never
    now = moments.now()
    if at > now:
        words = gettext("in %(time)s") % {"time": timeuntil(at, now, depth=1)}
    elif now - at < timedelta(minutes=1):
        words = gettext("just now")
    else:
        words = gettext("%(time)s ago") % {"time": timesince(at, now, depth=1)}
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), moment(at), words
    )


def masked(credential: ApiKey | UserToken | AuthToken) -> SafeString:
    """Draw what tells a text from others, and is no secret: its prefix and last four characters.

    Those are of the check, which says little of the rest. A text whose signing key is retired has
    only its prefix.
    """
    text = (
        credential.derive_text() if isinstance(credential, AuthToken) else derive_text(credential)
    )
    end = text[-4:] if text else ""
    prefix = keys.prefix_of(_KINDS[type(credential)])
    return format_html('<code class="entities-masked">{}_…{}</code>', prefix, end)
