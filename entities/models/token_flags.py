"""The index of flags: a row for each flag of a token."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from entities.models.directory import Entity
from entities.models.moments import MomentField
from entities.models.primary import PrimaryQuerySet
from entities.models.tokens import AuthToken


class AuthTokenFlag(models.Model):
    """A flag of a token, to find tokens by. Triggers of the database keep it: never write here.

    `AuthToken.flags` is what verification reads, and the only thing that anybody writes.
    """

    pk = models.CompositePrimaryKey("token_id", "flag")
    token = models.ForeignKey(
        AuthToken, on_delete=models.CASCADE, related_name="flag_rows", db_index=False
    )
    flag = models.CharField(_("flag"), max_length=64)
    # The token's, for the index of lists.
    listed_in = models.ForeignKey(
        Entity,
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    created_at = MomentField(null=True)

    objects = PrimaryQuerySet["AuthTokenFlag"].as_manager()

    class Meta:
        verbose_name = _("flag of a token")
        verbose_name_plural = _("flags of tokens")
        default_permissions = ()
        indexes = [
            models.Index(name="entities_authtokenflag_flag", fields=["flag", "token"]),
            models.Index(
                name="entities_authtokenflag_list",
                fields=["listed_in", "flag", "created_at", "token"],
            ),
        ]

    def __str__(self) -> str:
        return self.flag
