"""API keys and user tokens: credentials whose text is shown once.

A row holds what a text is derived from, less the signing key: no secret, and no digest of one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypeVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from entities import moments
from entities.codec import NONCE_BYTES
from entities.models.directory import Entity, User
from entities.models.moments import MomentField
from entities.models.primary import PrimaryQuerySet

_Credential = TypeVar("_Credential", bound="Credential")


def live_credential(*, at: datetime, of: str = "") -> Q:
    """Build the condition of a credential neither revoked nor expired at `at`.

    `of` is the path to the credential's table, for a query that begins elsewhere. SQL twin of
    `Credential.is_live`.
    """
    path = f"{of}__" if of else ""
    return Q(
        Q((f"{path}expires_at__isnull", True)) | Q((f"{path}expires_at__gt", at)),
        (f"{path}revoked_at__isnull", True),
    )


class CredentialQuerySet(PrimaryQuerySet[_Credential]):
    def live(self, *, at: datetime) -> Self:
        """Credentials neither revoked nor expired at `at`."""
        return self.filter(live_credential(at=at))


class Credential(models.Model):
    """What API keys and user tokens have in common."""

    id = models.UUIDField(primary_key=True, editable=False)
    name = models.CharField(
        _("name"), max_length=100, help_text=_("What it is for, so that others can tell.")
    )
    nonce = models.BinaryField(max_length=NONCE_BYTES)
    signing_key = models.PositiveBigIntegerField(editable=False)
    created_at = MomentField(_("created at"), default=moments.now, editable=False)
    expires_at = MomentField(
        _("expires at"), null=True, blank=True, help_text=_("Empty: it does not expire.")
    )
    revoked_at = MomentField(_("revoked at"), null=True, blank=True, editable=False)
    last_used_at = MomentField(_("last used at"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def is_live(self, *, at: datetime) -> bool:
        """Whether it is neither revoked nor expired at `at`."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)


class KeyAccess(models.TextChoices):
    """What calls with an API key may do, at most: the rights of the user come on top."""

    STANDARD = "standard", _("standard")
    READ_ONLY = "read_only", _("read only")
    SUPERUSER = "superuser", _("every entity")


class ApiKey(Credential):
    """Identifies the calling application; belongs to one entity."""

    entity = models.ForeignKey(
        Entity, verbose_name=_("entity"), on_delete=models.PROTECT, related_name="api_keys"
    )
    access = models.CharField(
        _("access"),
        max_length=16,
        choices=KeyAccess,
        default=KeyAccess.STANDARD,
        help_text=_(
            "Read only: it changes nothing and sees no text. Every entity: with it, an admin of "
            "this entity is an admin of all."
        ),
    )

    objects = CredentialQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        permissions = [
            ("issue_apikey", "Can issue an API key"),
            ("rotate_apikey", "Can rotate an API key"),
            ("revoke_apikey", "Can revoke an API key"),
        ]
        indexes = [
            models.Index(name="entities_apikey_created", fields=["-created_at"]),
            # Few are superuser keys: a list of them would read all the others.
            models.Index(name="entities_apikey_access", fields=["access", "-created_at"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="entities_apikey_expires_after_issue",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
            ),
            models.CheckConstraint(
                name="entities_apikey_access_known", condition=Q(access__in=KeyAccess.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.entity_id})"


class UserToken(Credential):
    """Proves the user who performs a request, in every entity he is a member of."""

    user = models.ForeignKey(
        User, verbose_name=_("user"), on_delete=models.PROTECT, related_name="user_tokens"
    )

    objects = CredentialQuerySet.as_manager()

    class Meta:
        verbose_name = _("user token")
        verbose_name_plural = _("user tokens")
        permissions = [
            ("issue_usertoken", "Can issue a user token"),
            ("rotate_usertoken", "Can rotate a user token"),
            ("revoke_usertoken", "Can revoke a user token"),
        ]
        indexes = [models.Index(name="entities_usertoken_created", fields=["-created_at"])]
        constraints = [
            models.CheckConstraint(
                name="entities_usertoken_expires_after_issue",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.user_id})"
