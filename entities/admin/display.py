"""How states, people, flags and moments look: in a list, on a page, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.utils.safestring import SafeString

    from entities.models import ApiKey, AuthToken, Entity, User, UserToken


class Status(models.TextChoices):
    """What staff are told of a credential. The dead ones are spelt like `Death`."""

    LIVE = "live", _("Live")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")
    ENTITY_REVOKED = "entity_revoked", _("Entity revoked")
    SUSPENDED = "suspended", _("Suspended")


def token_status(token: AuthToken, *, at: datetime) -> Status:
    """Status of an authentication token. SQL twin: `filters.TokenStatusFilter`."""
    death = token.dead_because(at=at)
    return Status.LIVE if death is None else Status(death.value)


def credential_status(
    credential: ApiKey | UserToken, *, owner: Entity | User, at: datetime
) -> Status:
    """Status of an API key or user token. SQL twin: `filters.CredentialStatusFilter`."""
    if credential.revoked_at is not None:
        return Status.REVOKED
    if not owner.is_active:
        return Status.SUSPENDED
    return Status.LIVE if credential.is_live(at=at) else Status.EXPIRED


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
    return "" if at is None else date_format(timezone.localtime(at), "DATETIME_FORMAT")
