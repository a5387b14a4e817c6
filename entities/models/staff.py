"""Which entities a staff account is limited to, where it is."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from entities.models.accounts import AccountField, go_along
from entities.models.directory import Entity
from entities.models.moments import MomentField
from entities.models.primary import PrimaryQuerySet


class StaffLimit(models.Model):
    """Limits a staff account to some entities. An account without one sees all.

    A limit without entities shows nothing. A superuser could lift it, so that none binds one.
    """

    account = AccountField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("account"),
        on_delete=go_along,
        related_name="+",
        help_text=_("The staff account. Superusers are never limited."),
    )
    entities = models.ManyToManyField(
        Entity,
        verbose_name=_("entities"),
        blank=True,
        related_name="+",
        help_text=_("All that this account sees and touches in the admin. None: nothing."),
    )
    created_at = MomentField(_("created at"), auto_now_add=True)

    objects = PrimaryQuerySet["StaffLimit"].as_manager()

    class Meta:
        verbose_name = _("limit of staff")
        verbose_name_plural = _("limits of staff")

    def __str__(self) -> str:
        return f"limit of account {self.account_id}"


def lift_limit_of_deleted(instance: models.Model, using: str, **_facts: object) -> None:
    """Delete the limit of an account that was deleted in another database."""
    limits = StaffLimit.objects.filter(account=instance.pk)
    if limits.db != using:
        limits.delete()
