"""Authentication tokens: the product."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from entities import keys, moments
from entities.codec import NONCE_BYTES, Kind
from entities.models.directory import Entity, Membership
from entities.models.moments import MomentField
from entities.models.primary import PrimaryQuerySet
from entities.models.texts import text_age
from entities.models.versions import version_of

if TYPE_CHECKING:
    from entities.codec import Parsed
    from entities.models.texts import TextAge

_RECENT = 300


class RevocationReason(models.TextChoices):
    """Why a token was revoked."""

    DELETED = "deleted", _("deleted over the API")
    REUSED = "reused", _("an older text was used to refresh")
    REPLACED = "replaced", _("a new one took its place")
    STAFF = "staff", _("revoked by staff")
    COMMAND = "command", _("revoked by a command")


class Death(Enum):
    """Why a token does not verify, the gravest cause first."""

    REVOKED = "revoked"
    ENTITY_REVOKED = "entity_revoked"
    SUSPENDED = "suspended"
    EXPIRED = "expired"


class TokenStatus(models.TextChoices):
    """What a token is good for, as lists say it."""

    LIVE = "live", _("live")
    EXPIRED = "expired", _("expired")
    SUSPENDED = "suspended", _("suspended")
    REVOKED = "revoked", _("revoked")


_STATUSES: dict[Death | None, TokenStatus] = {
    None: TokenStatus.LIVE,
    Death.EXPIRED: TokenStatus.EXPIRED,
    Death.SUSPENDED: TokenStatus.SUSPENDED,
    Death.ENTITY_REVOKED: TokenStatus.REVOKED,
    Death.REVOKED: TokenStatus.REVOKED,
}


class AuthTokenQuerySet(PrimaryQuerySet["AuthToken"]):
    def live(self, *, at: datetime) -> Self:
        """Tokens that verify at `at`. SQL twin of `AuthToken.dead_because`."""
        return self.filter(
            revoked_at__isnull=True,
            expires_at__gt=at,
            epoch=F("membership__entity__token_epoch"),
            membership__is_active=True,
            membership__user__is_active=True,
            membership__entity__is_active=True,
        )

    def with_status(self, status: str, *, entity: Entity, at: datetime) -> Self:
        """Of tokens of `entity`, those with a `TokenStatus` at `at`.

        SQL twin of `AuthToken.status_at`. What the entity's row says is put in as values, so that
        a page of any status is read from an index.
        """
        if status == TokenStatus.REVOKED:
            revoked = Q(revoked_at__isnull=False)
            if entity.token_epoch:
                revoked |= Q(epoch__lt=entity.token_epoch)
            return self.filter(revoked)
        standing = self.filter(revoked_at__isnull=True, epoch=entity.token_epoch)
        if not entity.is_active:
            return standing if status == TokenStatus.SUSPENDED else standing.none()
        if status == TokenStatus.SUSPENDED:
            return standing.filter(Membership.objects.suspended_in(entity, path="membership__"))
        active = standing.filter(membership__is_active=True, membership__user__is_active=True)
        if status == TokenStatus.EXPIRED:
            return active.filter(expires_at__lte=at)
        return active.filter(expires_at__gt=at)

    def with_flag(self, flag: str) -> Self:
        """Tokens that carry `flag`, by the index of flags."""
        return self.filter(flag_rows__flag=flag)

    def recent_flags(self, *, most: int) -> list[str]:
        """Up to `most` flags of the newest few hundred tokens, sorted: all that a menu can offer.

        To find every flag in use would be to read every token.
        """
        newest = self.order_by("-created_at").values_list("flags", flat=True)[:_RECENT]
        found = dict.fromkeys(flag for flags in newest for flag in flags)
        return sorted(list(found)[:most])

    def unrevoked(self) -> Self:
        """Tokens that were not revoked one by one; expired ones and older epochs among them."""
        return self.filter(revoked_at__isnull=True)

    def finished(self, *, before: datetime) -> Self:
        """Tokens that have been revoked, or expired, since before `before`."""
        return self.filter(Q(revoked_at__lt=before) | Q(expires_at__lt=before))


class AuthToken(models.Model):
    """For one user in one entity: at most one unrevoked at a time, and so at most one live.

    The row holds what the text is derived from, less the signing key.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    membership = models.ForeignKey(
        Membership,
        verbose_name=_("membership"),
        on_delete=models.PROTECT,
        related_name="auth_tokens",
    )
    # The membership's entity, for the indexes of lists. Where it is left out, a trigger writes it.
    listed_in = models.ForeignKey(
        Entity,
        verbose_name=_("entity"),
        null=True,
        on_delete=models.DO_NOTHING,
        editable=False,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    epoch = models.PositiveIntegerField(_("epoch"), editable=False)
    generation = models.PositiveIntegerField(_("generation"), default=0, editable=False)
    signing_key = models.PositiveBigIntegerField(editable=False)
    nonce = models.BinaryField(max_length=NONCE_BYTES)
    previous_nonce = models.BinaryField(max_length=NONCE_BYTES, null=True)
    previous_expires_at = MomentField(null=True, editable=False)
    flags = models.JSONField(_("flags"), default=list, blank=True)
    lifetime = models.DurationField(
        _("lifetime"),
        editable=False,
        help_text=_("How far off the expiry was when it was set; a refresh sets it as far off."),
    )
    created_at = MomentField(_("created at"), default=moments.now, editable=False)
    issued_at = MomentField(_("issued at"), default=moments.now, editable=False)
    # The API key; null where staff or a command issued it, or refreshed it last.
    issued_through = models.UUIDField(_("issued through"), null=True, editable=False)
    expires_at = MomentField(_("expires at"))
    revoked_at = MomentField(_("revoked at"), null=True, blank=True, editable=False)
    revocation_reason = models.CharField(
        _("reason"), max_length=16, choices=RevocationReason, blank=True, editable=False
    )
    last_used_at = MomentField(_("last used at"), null=True, blank=True, editable=False)

    objects = AuthTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("authentication token")
        verbose_name_plural = _("authentication tokens")
        permissions = [
            ("issue_authtoken", "Can issue an authentication token"),
            ("refresh_authtoken", "Can refresh an authentication token"),
            ("revoke_authtoken", "Can revoke an authentication token"),
        ]
        constraints = [
            models.UniqueConstraint(
                name="entities_authtoken_one_unrevoked",
                fields=["membership"],
                condition=Q(revoked_at__isnull=True),
            ),
            models.CheckConstraint(
                name="entities_authtoken_expires_after_issue",
                condition=Q(expires_at__gt=F("issued_at")),
            ),
            models.CheckConstraint(
                name="entities_authtoken_reason_when_revoked",
                condition=Q(revoked_at__isnull=True, revocation_reason="")
                | (Q(revoked_at__isnull=False) & ~Q(revocation_reason="")),
            ),
            models.CheckConstraint(
                name="entities_authtoken_previous_complete",
                condition=Q(previous_nonce__isnull=True, previous_expires_at__isnull=True)
                | Q(previous_nonce__isnull=False, previous_expires_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="entities_authtoken_expires", fields=["expires_at"]),
            models.Index(name="entities_authtoken_created", fields=["-created_at"]),
            models.Index(
                name="entities_authtoken_revoked",
                fields=["revoked_at"],
                condition=Q(revoked_at__isnull=False),
            ),
            models.Index(name="entities_authtoken_used", fields=["last_used_at"]),
            # The lists of one entity are read in the order of these, page by page.
            models.Index(
                name="entities_authtoken_in_entity", fields=["listed_in", "created_at", "id"]
            ),
            models.Index(
                name="entities_authtoken_by_expiry", fields=["listed_in", "expires_at", "id"]
            ),
            models.Index(
                name="entities_authtoken_by_issue", fields=["listed_in", "issued_at", "id"]
            ),
            models.Index(
                name="entities_authtoken_by_use", fields=["listed_in", "last_used_at", "id"]
            ),
            models.Index(
                name="entities_authtoken_standing",
                fields=["listed_in", "epoch", "created_at", "id"],
                condition=Q(revoked_at__isnull=True),
            ),
            models.Index(
                name="entities_authtoken_ended",
                fields=["listed_in", "created_at", "id"],
                condition=Q(revoked_at__isnull=False),
            ),
            models.Index(
                name="entities_authtoken_unused",
                fields=["listed_in", "created_at", "id"],
                condition=Q(last_used_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"authentication token {self.id}"

    def dead_because(self, *, at: datetime) -> Death | None:
        """Why it does not verify at `at`; None where it is live."""
        if self.revoked_at is not None:
            return Death.REVOKED
        if self.epoch != self.membership.entity.token_epoch:
            return Death.ENTITY_REVOKED
        if not self.membership.is_live:
            return Death.SUSPENDED
        if self.expires_at <= at:
            return Death.EXPIRED
        return None

    def status_at(self, at: datetime) -> TokenStatus:
        """What it is good for at `at`."""
        return _STATUSES[self.dead_because(at=at)]

    @property
    def version(self) -> str:
        """What it says and holds, in short: changes with each act on it, not with its use."""
        return version_of(
            self.pk, self.generation, self.flags, self.expires_at, self.lifetime, self.revoked_at
        )

    def derive_text(self) -> str | None:
        """Write its text again; None where the key that signed it is retired. Costs no query."""
        return keys.compose(
            Kind.AUTH_TOKEN,
            id=self.id,
            generation=self.generation,
            nonce=bytes(self.nonce),
            key_id=self.signing_key,
        )

    def age_of(self, parsed: Parsed) -> TextAge:
        """How old a text with this token's id is."""
        return text_age(
            parsed,
            generation=self.generation,
            nonce=bytes(self.nonce),
            previous_nonce=None if self.previous_nonce is None else bytes(self.previous_nonce),
        )
