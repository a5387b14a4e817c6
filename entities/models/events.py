"""What happened: an append-only record, without a secret and without a foreign key.

An event outlives what it tells of, so it names by ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from entities import moments
from entities.models.ids import MAX_ID_CHARS
from entities.models.moments import MomentField
from entities.models.primary import PrimaryQuerySet

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class Action(models.TextChoices):
    """What was done. Each has a signal of the same name in `entities.signals`."""

    TOKEN_ISSUED = "token_issued", _("token issued")
    TOKEN_REFRESHED = "token_refreshed", _("token refreshed")
    TOKEN_UPDATED = "token_updated", _("token updated")
    TOKEN_REVOKED = "token_revoked", _("token revoked")
    TOKEN_REUSED = "token_reused", _("old token text used again")
    TOKEN_TEXT_READ = "token_text_read", _("token text read by another")
    ENTITY_CREATED = "entity_created", _("entity created")
    ENTITY_UPDATED = "entity_updated", _("entity changed")
    ENTITY_DELETED = "entity_deleted", _("entity deleted")
    ENTITY_REVOKED = "entity_revoked", _("every token of the entity revoked")
    USER_CREATED = "user_created", _("user created")
    USER_UPDATED = "user_updated", _("user changed")
    USER_DELETED = "user_deleted", _("user deleted")
    USER_SIGNED_OUT = "user_signed_out", _("user signed out everywhere")
    MEMBER_ADDED = "member_added", _("member added")
    MEMBER_UPDATED = "member_updated", _("member changed")
    MEMBER_REMOVED = "member_removed", _("member removed")
    API_KEY_ISSUED = "api_key_issued", _("API key issued")
    API_KEY_ROTATED = "api_key_rotated", _("API key rotated")
    API_KEY_REVOKED = "api_key_revoked", _("API key revoked")
    USER_TOKEN_ISSUED = "user_token_issued", _("user token issued")
    USER_TOKEN_ROTATED = "user_token_rotated", _("user token rotated")
    USER_TOKEN_REVOKED = "user_token_revoked", _("user token revoked")
    STAFF_LIMITED = "staff_limited", _("staff limited to entities")
    STAFF_UNLIMITED = "staff_unlimited", _("limit of staff lifted")


class EventQuerySet(PrimaryQuerySet["Event"]):
    def about(self, *, credential_id: object) -> Self:
        """Events of one credential, the newest first."""
        return self.filter(credential_id=credential_id).order_by("-id")

    def prune(self, *, before: datetime) -> int:
        """Delete what is older than `before`: the one way in which an event ends."""
        return self.filter(at__lt=before)._raw_delete(self.db)

    def update(self, **values: Any) -> NoReturn:
        """Refuse: what happened, happened."""
        raise TypeError("Events are append-only.")

    def bulk_update(self, objs: Iterable[Event], *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse, as `update` does."""
        raise TypeError("Events are append-only.")

    def delete(self) -> NoReturn:
        """Refuse; `prune` ends what is old."""
        raise TypeError("Events are append-only.")


class Event(models.Model):
    """One change, or one look at a secret: who did what to what, when and from where."""

    at = MomentField(_("at"), default=moments.now, editable=False)
    action = models.CharField(_("action"), max_length=32, editable=False)
    entity_id = models.CharField(_("entity"), max_length=MAX_ID_CHARS, blank=True, editable=False)
    user_id = models.CharField(_("user"), max_length=MAX_ID_CHARS, blank=True, editable=False)
    credential_id = models.UUIDField(_("credential"), null=True, editable=False)
    actor_kind = models.CharField(_("kind of actor"), max_length=16, editable=False)
    actor_id = models.CharField(_("actor"), max_length=MAX_ID_CHARS, editable=False)
    actor_name = models.CharField(_("actor's name"), max_length=200, blank=True, editable=False)
    api_key_id = models.UUIDField(_("API key"), null=True, editable=False)
    application = models.CharField(_("application"), max_length=100, blank=True, editable=False)
    request_id = models.CharField(_("request"), max_length=64, blank=True, editable=False)
    client_address = models.GenericIPAddressField(_("client address"), null=True, editable=False)
    details = models.JSONField(_("details"), default=dict, editable=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        default_permissions = ("view",)
        permissions = [("export_event", "Can export events")]
        indexes = [
            models.Index(name="entities_event_entity", fields=["entity_id", "-id"]),
            models.Index(name="entities_event_user", fields=["user_id", "-id"]),
            models.Index(name="entities_event_credential", fields=["credential_id", "-id"]),
            models.Index(name="entities_event_actor", fields=["actor_id", "-id"]),
            models.Index(name="entities_event_actor_name", fields=["actor_name", "-id"]),
            models.Index(name="entities_event_address", fields=["client_address", "-id"]),
            models.Index(name="entities_event_action", fields=["action", "-id"]),
            models.Index(name="entities_event_request", fields=["request_id"]),
            models.Index(
                name="entities_event_entity_action", fields=["entity_id", "action", "at", "id"]
            ),
            models.Index(name="entities_event_entity_at", fields=["entity_id", "at", "id"]),
            models.Index(name="entities_event_at", fields=["at"]),
        ]

    def __str__(self) -> str:
        return f"{self.action} at {self.at:%Y-%m-%d %H:%M:%S}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert. Only an insert: the database refuses an update too."""
        if not self._state.adding:
            raise TypeError("Events are append-only.")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse; `EventQuerySet.prune` ends what is old."""
        raise TypeError("Events are append-only.")

    @property
    def action_label(self) -> str:
        """The action in words; a later version's, that this one does not know, as it is."""
        return str(Action(self.action).label) if self.action in Action else self.action
