"""Answers kept for requests that are sent again: without a text, and without a digest of one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from entities.models.moments import MomentField
from entities.models.primary import PrimaryQuerySet

KEPT_FOR = timedelta(hours=24)
"""How long an answer is given again. Older rows count for nothing, pruned or not."""

LOCKED_FOR = timedelta(seconds=60)
"""How long a request may be under way before it counts as lost: longer than any timeout in it."""


class IdempotencyKeyQuerySet(PrimaryQuerySet["IdempotencyKey"]):
    def ended(self, *, at: datetime) -> Self:
        """Keys that count for nothing any more."""
        return self.filter(started_at__lte=at - KEPT_FOR)


class IdempotencyKey(models.Model):
    """A request of one caller, under way or answered.

    `id` and `fingerprint` are keyed digests: of caller and key, and of the request. Each text is
    taken out of `body`, where null stands instead; `texts` says by its place there of which
    credential, and of which generation, it is derived again.
    """

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    fingerprint = models.CharField(max_length=64, editable=False)
    started_at = MomentField(_("started at"), editable=False)
    completed_at = MomentField(_("completed at"), null=True, editable=False)
    status = models.PositiveSmallIntegerField(_("status"), null=True, editable=False)
    headers = models.JSONField(default=dict, editable=False)
    body = models.TextField(blank=True, editable=False)
    texts = models.JSONField(default=dict, editable=False)

    objects = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                name="entities_idempotencykey_complete",
                condition=Q(completed_at__isnull=True, status__isnull=True, body="")
                | Q(completed_at__isnull=False, status__isnull=False),
            ),
        ]
        indexes = [models.Index(name="entities_idempotencykey_began", fields=["started_at"])]

    def __str__(self) -> str:
        return f"request of {self.started_at:%Y-%m-%d %H:%M:%S}"

    def is_ended(self, *, at: datetime) -> bool:
        """Whether it counts for nothing any more. Twin of `IdempotencyKeyQuerySet.ended`."""
        return self.started_at <= at - KEPT_FOR

    def is_lost(self, *, at: datetime) -> bool:
        """Whether it has been under way for so long that nobody will complete it."""
        return self.completed_at is None and self.started_at <= at - LOCKED_FOR
