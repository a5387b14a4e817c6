"""Who there is: entities, users, and which user belongs to which entity."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from entities import moments
from entities.exceptions import FlagsError
from entities.models.accounts import AccountField, forget
from entities.models.flags import clean_flags
from entities.models.ids import MAX_ID_CHARS, new_entity_id, new_user_id, validate_id
from entities.models.moments import MomentField
from entities.models.origins import validate_origins
from entities.models.primary import PrimaryQuerySet
from entities.models.versions import version_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from entities.models.tokens import AuthToken


MAX_GATHERED = 2000
"""How many keys a query gathers and sorts, before it rather walks a list in its order."""
MAX_LIFETIME = timedelta(days=36525)
"""A century: no sum of it and a moment overflows."""


def validate_flags(value: object) -> None:
    """Refuse anything but a list of flags, as a form wants it refused."""
    if not isinstance(value, list) or not all(isinstance(flag, str) for flag in value):
        raise ValidationError(FlagsError.message, code=FlagsError.code)
    try:
        clean_flags(value, most=None)
    except FlagsError as error:
        raise ValidationError(error.message, code=error.code) from None


def clean_by_field(**checks: tuple[Callable[[Any], None], object]) -> None:
    """Run a validator for each field, and raise all of their errors together.

    Model validators would do, but they stand in migrations, which import none of our functions.
    """
    errors: dict[str, ValidationError] = {}
    for name, (validate, value) in checks.items():
        try:
            validate(value)
        except ValidationError as error:
            errors[name] = error
    if errors:
        raise ValidationError(errors)


class Entity(models.Model):
    """A tenant: an organization, app or workspace, and the policy of its tokens."""

    id = models.CharField(
        _("id"),
        max_length=MAX_ID_CHARS,
        primary_key=True,
        blank=True,
        help_text=_(
            "Your own; left empty, one is made. It stands in every path and never changes."
        ),
    )
    name = models.CharField(_("name"), max_length=200, blank=True)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Off: nobody gets in, and nothing is deleted.")
    )
    default_lifetime = models.DurationField(
        _("default lifetime"),
        default=timedelta(days=30),
        help_text=_("Of a token issued without an expiry, as days and hh:mm:ss."),
    )
    max_lifetime = models.DurationField(
        _("longest lifetime"),
        default=timedelta(days=365),
        help_text=_("No token's expiry is set further off than this."),
    )
    restricted_flags = models.JSONField(
        _("restricted flags"),
        default=list,
        blank=True,
        help_text=_("A JSON list of the flags that only an admin of the entity sets."),
    )
    allowed_origins = models.JSONField(
        _("allowed origins"),
        default=list,
        blank=True,
        help_text=_("A JSON list of the origins whose browser apps may call for this entity."),
    )
    token_epoch = models.PositiveIntegerField(_("token epoch"), default=0, editable=False)
    created_at = MomentField(_("created at"), default=moments.now, editable=False)

    objects = PrimaryQuerySet["Entity"].as_manager()

    class Meta:
        verbose_name = _("entity")
        verbose_name_plural = _("entities")
        permissions = [("revoke_entity", "Can revoke every token of an entity")]
        indexes = [models.Index(name="entities_entity_created", fields=["created_at", "id"])]
        constraints = [
            models.CheckConstraint(name="entities_entity_id_not_empty", condition=~Q(id="")),
            models.CheckConstraint(
                name="entities_entity_lifetimes_in_order",
                condition=Q(
                    default_lifetime__gt=timedelta(0),
                    max_lifetime__gte=F("default_lifetime"),
                    max_lifetime__lte=MAX_LIFETIME,
                ),
                violation_error_message=_(
                    "The default lifetime is above zero and at most the longest, which is at most "
                    "36525 days."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.id

    @property
    def version(self) -> str:
        """Its name, policy and state, in short: changes with each change of them."""
        return version_of(
            self.pk,
            self.name,
            self.is_active,
            self.default_lifetime,
            self.max_lifetime,
            self.restricted_flags,
            self.allowed_origins,
        )

    def known_flags(self, *, most: int = 50) -> list[str]:
        """Flags to offer for a token of it: the restricted ones, and those of its newest tokens."""
        from entities.models.tokens import AuthToken

        tokens = AuthToken.objects.filter(membership__entity=self)
        return sorted({*self.restricted_flags, *tokens.recent_flags(most=most)})[:most]

    def clean(self) -> None:
        """Make an id where there is none; refuse one, flags, and origins that cannot be.

        Raises:
            ValidationError: by field.
        """
        self.id = self.id or new_entity_id()
        clean_by_field(
            id=(validate_id, self.id),
            restricted_flags=(validate_flags, self.restricted_flags),
            allowed_origins=(validate_origins, self.allowed_origins),
        )


class User(models.Model):
    """An API user, known across entities by a string id. Not Django's user, who is staff.

    Satisfies what REST framework and Django's decorators ask of `request.user`.
    """

    id = models.CharField(
        _("id"),
        max_length=MAX_ID_CHARS,
        primary_key=True,
        blank=True,
        help_text=_(
            "Your own (an email, a UUID, auth0|abc); left empty, one is made. It never changes."
        ),
    )
    name = models.CharField(_("name"), max_length=200, blank=True)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Off: this user gets into no entity.")
    )
    account = AccountField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("account"),
        on_delete=forget,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The account of this project that is the same person, if there is one."),
    )
    created_at = MomentField(_("created at"), default=moments.now, editable=False)

    objects = PrimaryQuerySet["User"].as_manager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        permissions = [("signout_user", "Can sign a user out everywhere")]
        indexes = [
            models.Index(name="entities_user_name", fields=["name", "id"]),
            models.Index(
                name="entities_user_inactive", fields=["id"], condition=Q(is_active=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(name="entities_user_id_not_empty", condition=~Q(id="")),
        ]

    def __str__(self) -> str:
        return self.name or self.id

    def clean(self) -> None:
        """Make an id where there is none; refuse one that cannot be.

        Raises:
            ValidationError: by field.
        """
        self.id = self.id or new_user_id()
        clean_by_field(id=(validate_id, self.id))

    @property
    def is_authenticated(self) -> Literal[True]:
        """Always true: an instance on a request was proved, as Django's own users are."""
        return True

    @property
    def is_anonymous(self) -> Literal[False]:
        """Always false, as for Django's own users."""
        return False

    def get_username(self) -> str:
        """Return the id, which throttles and logs of hosts ask for by this name."""
        return self.id


class Role(models.TextChoices):
    """What a membership allows."""

    MEMBER = "member", _("member")
    ADMIN = "admin", _("admin")


class MembershipQuerySet(PrimaryQuerySet["Membership"]):
    def live(self) -> Self:
        """Memberships whose user gets in: itself, its user and its entity are active.

        SQL twin of `Membership.is_live`.
        """
        return self.filter(is_active=True, user__is_active=True, entity__is_active=True)

    def suspended_in(self, entity: Entity, *, path: str = "") -> Q:
        """Build the condition of the memberships of an active `entity` that are not live.

        `path` leads to them, for a query that begins elsewhere. Costs a query: where they are few,
        their keys are gathered, by a union, for an OR over two tables would read all of the entity;
        where they are many, they are met soon in the order of a list.
        """
        here = self.filter(entity=entity)
        of_the_inactive = here.filter(user__in=User.objects.filter(is_active=False))
        keys = (
            here.filter(is_active=False).values("pk").union(of_the_inactive.values("pk"), all=True)
        )
        if keys[: MAX_GATHERED + 1].count() <= MAX_GATHERED:
            return Q((f"{path}pk__in", keys))
        return Q((f"{path}is_active", False)) | Q((f"{path}user__is_active", False))

    def with_token(self) -> Self:
        """Load entity, user, and the one unrevoked token if there is one: one query for all.

        Sets `current_token` (an `AuthToken` or None) and `had_token` (whether one was revoked).
        """
        from entities.models.tokens import AuthToken

        revoked = AuthToken.objects.filter(membership=OuterRef("pk"), revoked_at__isnull=False)
        return self.select_related("entity", "user", "current_token").annotate(
            current_token=FilteredRelation(
                "auth_tokens", condition=Q(auth_tokens__revoked_at__isnull=True)
            ),
            had_token=Exists(revoked),
        )


class Membership(models.Model):
    """A user in an entity."""

    entity = models.ForeignKey(
        Entity, verbose_name=_("entity"), on_delete=models.PROTECT, related_name="memberships"
    )
    user = models.ForeignKey(
        User, verbose_name=_("user"), on_delete=models.PROTECT, related_name="memberships"
    )
    role = models.CharField(_("role"), max_length=16, choices=Role, default=Role.MEMBER)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Off: this user does not get into this entity.")
    )
    created_at = MomentField(_("created at"), default=moments.now, editable=False)

    current_token: AuthToken | None = None  # by `with_token()`, and so is the next
    had_token: bool

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        indexes = [
            models.Index(name="entities_membership_created", fields=["-created_at"]),
            models.Index(name="entities_membership_list", fields=["entity", "created_at", "id"]),
            models.Index(
                name="entities_membership_role", fields=["entity", "role", "created_at", "id"]
            ),
            models.Index(
                name="entities_membership_inactive",
                fields=["entity", "created_at", "id"],
                condition=Q(is_active=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="entities_membership_once",
                fields=["entity", "user"],
                violation_error_message=_("This user is in this entity already."),
            ),
            models.CheckConstraint(
                name="entities_membership_role_known", condition=Q(role__in=Role.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.entity_id}"

    @property
    def version(self) -> str:
        """Role and state here, in short. What is the user's own, is no change of it."""
        return version_of(self.pk, self.role, self.is_active)

    @property
    def is_live(self) -> bool:
        """Whether itself, its user and its entity are active."""
        return self.is_active and self.user.is_active and self.entity.is_active
