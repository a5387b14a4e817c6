"""Filters of authentication tokens: in the query of a list, and in the body of a bulk revoke.

Each is read from an index in the order of the list, whatever else the entity has. That is why a
list that is filtered by a moment is ordered by that moment, unless something else is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db.models import Exists, F, OuterRef
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from entities.api.filters import (
    MIN_SEARCH_CHARS,
    ChoiceFilter,
    FlagsFilter,
    ListFilterSet,
    MomentFilter,
    SearchFilter,
    TextFilter,
    TrueFilter,
    users_with,
)
from entities.api.pagination import Ordering
from entities.api.resources.shapes import id_field
from entities.api.serializers import (
    FlagField,
    Rfc3339Field,
    StrictSerializer,
    StringField,
    TrueField,
)
from entities.models import AuthTokenFlag, TokenStatus
from entities.models.flags import MAX_FLAGS, HasFlag

if TYPE_CHECKING:
    from entities.models import Entity
    from entities.models.tokens import AuthTokenQuerySet

_BEFORE = "Only those whose {} is before this moment (RFC 3339)."
_AFTER = "Only those whose {} is at or after this moment (RFC 3339)."
_FLAGGED = Ordering(("created_at", "pk"), ("flagged_at", "flagged_token"))


class TokenFilters(ListFilterSet):
    """Filters of the list of authentication tokens. Their entity is a filter too, and always on."""

    status = ChoiceFilter(
        TokenStatus.values,
        method="by_status",
        help_text="What they are good for. Suspended: live, but for the user who is deactivated.",
    )
    user = TextFilter(method="by_user", help_text="Id of their user.")
    flagsAny = FlagsFilter(  # noqa: N815  the wire's name, as of those below
        method="by_any_flag", help_text="Only those with one of these flags, commas between."
    )
    flagsAll = FlagsFilter(  # noqa: N815
        method="by_all_flags", help_text="Only those with all of these flags, commas between."
    )
    flagsNone = FlagsFilter(  # noqa: N815
        method="by_no_flag", help_text="Only those with none of these flags, commas between."
    )
    expiryBefore = MomentFilter(  # noqa: N815
        "expires_at", "lt", help_text=_BEFORE.format("expiry")
    )
    expiryAfter = MomentFilter(  # noqa: N815
        "expires_at", "gte", help_text=_AFTER.format("expiry")
    )
    issuedBefore = MomentFilter(  # noqa: N815
        "issued_at", "lt", help_text=_BEFORE.format("issue or last refresh")
    )
    issuedAfter = MomentFilter(  # noqa: N815
        "issued_at", "gte", help_text=_AFTER.format("issue or last refresh")
    )
    lastUsedBefore = MomentFilter(  # noqa: N815
        "last_used_at", "lt", help_text=_BEFORE.format("last use")
    )
    lastUsedAfter = MomentFilter(  # noqa: N815
        "last_used_at", "gte", help_text=_AFTER.format("last use")
    )
    neverUsed = TrueFilter(  # noqa: N815
        method="by_use", help_text="Whether they were never used."
    )
    search = SearchFilter(method="by_part", help_text="A part of the user's id or name.")

    orderings = {
        "createdAt": Ordering(("created_at", "pk")),
        "expiry": Ordering(("expires_at", "pk")),
        "issuedAt": Ordering(("issued_at", "pk")),
        "lastUsedAt": Ordering(("last_used_at", "pk")),
    }
    default_ordering = "-createdAt"

    def ordering(self, wanted: str | None) -> Ordering:
        """Return the order, through the index of flags where that is what narrows the list.

        Raises:
            ValidationError: there is no such order, or it has no place for those never used.
        """
        ordering = super().ordering(wanted)
        if ordering.columns[0] == "last_used_at" and not self._has("lastUsed"):
            sentence = _(
                "Order by lastUsedAt together with lastUsedBefore or lastUsedAfter: tokens that "
                "were never used have no place in it."
            )
            raise ValidationError({"ordering": [sentence]})
        if ordering.columns[0] == "created_at" and self._leading_flag() is not None:
            return _FLAGGED.reversed() if ordering.descending else _FLAGGED
        return ordering

    def usual_ordering(self) -> str:
        if self._has("lastUsed"):
            return "-lastUsedAt"
        if self._has("expiry") or self.sent.get("status") == TokenStatus.EXPIRED:
            return "-expiry"
        return "-issuedAt" if self._has("issued") else self.default_ordering

    def filtered(self) -> AuthTokenQuerySet:
        """Apply the filters, the entity among them, and one flag by the index of flags.

        The entity is asked of one table only: the planner would take a second time for a second
        choice, expect next to nothing, and read everything.

        Raises:
            ValidationError: by name: one is unknown, empty, or has a wrong value.
        """
        rows = cast("AuthTokenQuerySet", super().filtered())
        flag = self._leading_flag()
        if flag is None:
            return rows.filter(listed_in=self._entity)
        return rows.filter(flag_rows__flag=flag, flag_rows__listed_in=self._entity).alias(
            flagged_at=F("flag_rows__created_at"), flagged_token=F("flag_rows__token")
        )

    def by_status(self, rows: AuthTokenQuerySet, name: str, value: str) -> AuthTokenQuerySet:
        return rows.with_status(value, entity=self._entity, at=self.now)

    def by_user(self, rows: AuthTokenQuerySet, name: str, value: str) -> AuthTokenQuerySet:
        return rows.filter(membership__user=value, membership__entity=self._entity)

    def by_any_flag(
        self, rows: AuthTokenQuerySet, name: str, value: list[str]
    ) -> AuthTokenQuerySet:
        if value == [self._leading_flag()]:
            return rows
        flagged = AuthTokenFlag.objects.filter(token=OuterRef("pk"), flag__in=value)
        return rows.filter(Exists(flagged))

    def by_all_flags(
        self, rows: AuthTokenQuerySet, name: str, value: list[str]
    ) -> AuthTokenQuerySet:
        for flag in value[1:]:  # the first one leads
            rows = rows.filter(HasFlag("flags", flag))
        return rows

    def by_no_flag(self, rows: AuthTokenQuerySet, name: str, value: list[str]) -> AuthTokenQuerySet:
        for flag in value:
            rows = rows.exclude(HasFlag("flags", flag))
        return rows

    def by_use(self, rows: AuthTokenQuerySet, name: str, value: str) -> AuthTokenQuerySet:
        return rows.filter(last_used_at__isnull=value == "true")

    def by_part(self, rows: AuthTokenQuerySet, name: str, value: str) -> AuthTokenQuerySet:
        return rows.filter(membership__user__in=users_with(value))

    @property
    def _entity(self) -> Entity:
        assert self.entity is not None, "the list of an entity"  # noqa: S101
        return self.entity

    def _has(self, moment: str) -> bool:
        return any(name.startswith(moment) for name in self.sent)

    def _leading_flag(self) -> str | None:
        """Return the flag whose index the list is read from, in the order of creation."""
        wanted = self.form.cleaned_data
        every: list[str] = wanted.get("flagsAll") or []
        some: list[str] = wanted.get("flagsAny") or []
        if every:
            return every[0]
        return some[0] if len(some) == 1 else None


class TokenFilterSerializer(StrictSerializer):
    """Which tokens: the filters of the list. At least one."""

    wants_something = True
    status = serializers.ChoiceField(choices=TokenStatus.values, required=False)
    user = id_field(required=False, help_text="Id of their user.")
    flagsAny = serializers.ListField(  # noqa: N815
        child=FlagField(), min_length=1, max_length=MAX_FLAGS, required=False
    )
    flagsAll = serializers.ListField(  # noqa: N815
        child=FlagField(), min_length=1, max_length=MAX_FLAGS, required=False
    )
    flagsNone = serializers.ListField(  # noqa: N815
        child=FlagField(), min_length=1, max_length=MAX_FLAGS, required=False
    )
    expiryBefore = Rfc3339Field(required=False)  # noqa: N815
    expiryAfter = Rfc3339Field(required=False)  # noqa: N815
    issuedBefore = Rfc3339Field(required=False)  # noqa: N815
    issuedAfter = Rfc3339Field(required=False)  # noqa: N815
    lastUsedBefore = Rfc3339Field(required=False)  # noqa: N815
    lastUsedAfter = Rfc3339Field(required=False)  # noqa: N815
    neverUsed = TrueField(required=False)  # noqa: N815
    search = StringField(
        min_length=MIN_SEARCH_CHARS, max_length=128, trim_whitespace=False, required=False
    )

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Check the types, and write the values as a query has them, for `TokenFilters`."""
        super().to_internal_value(data)
        if not data:
            raise ValidationError([_("Send at least one filter, or all: true.")])
        return {name: _as_query(value) for name, value in data.items()}


def _as_query(value: str | bool | list[str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, list) else value
