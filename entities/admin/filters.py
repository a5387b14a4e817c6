"""Filters of the lists."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib.admin import SimpleListFilter
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from entities import moments
from entities.admin.display import EXPIRING_WITHIN, Status, named
from entities.models import AuthTokenFlag, Entity, User
from entities.models.directory import MAX_GATHERED
from entities.models.flags import FLAG_PATTERN, HasFlag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.contrib.admin import ModelAdmin
    from django.contrib.admin.views.main import ChangeList
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django_stubs_ext import StrOrPromise

    from entities.models.tokens import AuthTokenQuerySet

MAX_OWNERS_LISTED = 30
MAX_FLAGS_LISTED = 20


def token_conditions(*, at: datetime) -> dict[Status, Q]:
    """Conditions of the statuses of authentication tokens: each token has exactly one.

    SQL twin of `display.token_status`.
    """
    unrevoked = Q(revoked_at__isnull=True)
    of_this_epoch = unrevoked & Q(epoch=F("membership__entity__token_epoch"))
    active = of_this_epoch & Q(
        membership__is_active=True,
        membership__user__is_active=True,
        membership__entity__is_active=True,
    )
    soon = at + EXPIRING_WITHIN
    return {
        Status.REVOKED: ~unrevoked,
        Status.ENTITY_REVOKED: unrevoked & ~of_this_epoch,
        Status.SUSPENDED: of_this_epoch & ~active,
        Status.EXPIRED: active & Q(expires_at__lte=at),
        Status.EXPIRING: active & Q(expires_at__gt=at, expires_at__lte=soon),
        Status.LIVE: active & Q(expires_at__gt=soon),
    }


def credential_conditions(*, owner: str, at: datetime) -> dict[Status, Q]:
    """Conditions of the statuses of API keys and user tokens, by the name of their owner's field.

    SQL twin of `display.credential_status`.
    """
    unrevoked = Q(revoked_at__isnull=True)
    active = unrevoked & Q((f"{owner}__is_active", True))
    soon = at + EXPIRING_WITHIN
    return {
        Status.REVOKED: ~unrevoked,
        Status.SUSPENDED: unrevoked & Q((f"{owner}__is_active", False)),
        Status.EXPIRED: active & Q(expires_at__lte=at),
        Status.EXPIRING: active & Q(expires_at__gt=at, expires_at__lte=soon),
        Status.LIVE: active & (Q(expires_at__isnull=True) | Q(expires_at__gt=soon)),
    }


class _ByConditions(SimpleListFilter):
    """By status. What is expiring is live too, and is found under both."""

    title = _("status")
    parameter_name = "status"

    def conditions(self) -> dict[Status, Q]:
        raise NotImplementedError

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        known = self.conditions()
        return [(status.value, status.label) for status in Status if status in known]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        conditions = self.conditions()
        wanted = {status.value: each for status, each in conditions.items()}
        wanted["live"] = conditions[Status.LIVE] | conditions[Status.EXPIRING]
        condition = wanted.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


class TokenStatusFilter(_ByConditions):
    def conditions(self) -> dict[Status, Q]:
        return token_conditions(at=moments.now())


class ApiKeyStatusFilter(_ByConditions):
    def conditions(self) -> dict[Status, Q]:
        return credential_conditions(owner="entity", at=moments.now())


class UserTokenStatusFilter(_ByConditions):
    def conditions(self) -> dict[Status, Q]:
        return credential_conditions(owner="user", at=moments.now())


_DAYS = {
    "1": (timedelta(days=1), _("24 hours")),
    "7": (timedelta(days=7), _("7 days")),
    "30": (timedelta(days=30), _("30 days")),
    "90": (timedelta(days=90), _("90 days")),
}


class _ByWindow(SimpleListFilter):
    """By a moment in a window of some days, counted from now."""

    label: StrOrPromise
    days: ClassVar[tuple[str, ...]]

    def within(self, now: datetime, window: timedelta) -> Q:
        raise NotImplementedError

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        return [(key, self.label % {"days": _DAYS[key][1]}) for key in self.days]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if (chosen := self.value()) not in self.days:
            return queryset
        return queryset.filter(self.within(moments.now(), _DAYS[chosen][0]))


class ExpiryFilter(_ByWindow):
    """By how soon it expires; what has expired is the status filter's."""

    title = _("expiry")
    parameter_name = "expires"
    label = _("Within %(days)s")
    days = ("1", "7", "30")

    def within(self, now: datetime, window: timedelta) -> Q:
        return Q(expires_at__gt=now, expires_at__lte=now + window)


class UsedFilter(_ByWindow):
    """By when it was last used."""

    title = _("last used")
    parameter_name = "used"
    label = _("In the last %(days)s")
    days = ("1", "7", "30")

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        unused = [
            ("not30", _("Not for 30 days")),
            ("not90", _("Not for 90 days")),
            ("never", _("Never")),
        ]
        return [*super().lookups(request, model_admin), *unused]

    def within(self, now: datetime, window: timedelta) -> Q:
        return Q(last_used_at__gt=now - window)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() or ""
        if chosen == "never":
            return queryset.filter(last_used_at__isnull=True)
        if chosen.startswith("not") and (window := _DAYS.get(chosen[3:])):
            return queryset.filter(last_used_at__lte=moments.now() - window[0])
        return super().queryset(request, queryset)


class RevokedFilter(SimpleListFilter):
    """By when it was revoked."""

    title = _("revoked")
    parameter_name = "revoked"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        return [("today", _("Today")), ("7", _("In the last 7 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        since = {
            "today": start_of_today(),
            "7": moments.now() - timedelta(days=7),
        }.get(self.value() or "")
        return queryset if since is None else queryset.filter(revoked_at__gte=since)


def start_of_today() -> datetime:
    """Return the midnight before now, in the current time zone."""
    return timezone.localtime(moments.now()).replace(hour=0, minute=0, second=0, microsecond=0)


class TypedFilter(SimpleListFilter):
    """A filter with some choices to click, and a field to type any other into."""

    template = "admin/entities/filters/typed.html"
    typed_label: StrOrPromise

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        # What the form in the template carries along: it replaces the whole query.
        self.others = [
            (name, value)
            for name, values in changelist.filter_params.items()
            if name != self.parameter_name
            for value in values
        ]
        return super().choices(changelist)


class FlagFilter(TypedFilter):
    """By one flag. Offered are those of the newest tokens that the staff member sees."""

    title = _("flag")
    parameter_name = "flag"
    typed_label = _("Flag")

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        tokens = cast("AuthTokenQuerySet", model_admin.get_queryset(request))
        listed = tokens.recent_flags(most=MAX_FLAGS_LISTED)
        chosen = self.value()
        if chosen and chosen not in listed:
            listed.append(chosen)
        return [(flag, flag) for flag in listed]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if not chosen:
            return queryset
        if FLAG_PATTERN.fullmatch(chosen) is None:
            return queryset.none()
        carriers = AuthTokenFlag.objects.filter(flag=chosen)
        if carriers[: MAX_GATHERED + 1].count() <= MAX_GATHERED:
            return queryset.filter(flag_rows__flag=chosen)
        # Those of a common flag are met soon in the list's order; to gather them is to sort all.
        found: QuerySet[Any] = queryset.alias(has_flag=HasFlag("flags", chosen))
        return found.filter(has_flag=True)


class _ByOwner(TypedFilter):
    """By one entity or user: the stock filter would list all there are, on every page.

    The one that is chosen is always listed, so that links from elsewhere can choose any.
    """

    path: str
    owner: type[Entity | User]
    most_listed: int

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        owners = model_admin.admin_site.get_model_admin(self.owner).get_queryset(request)
        found = list(owners.order_by("name", "pk")[: self.most_listed]) if self.most_listed else []
        chosen = self.value()
        if chosen and "\x00" not in chosen and chosen not in {each.pk for each in found}:
            found += owners.filter(pk=chosen)
        return [(each.pk, named(each)) for each in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if not chosen or "\x00" in chosen:
            return queryset
        return queryset.filter((self.path, chosen))


def by_entity(path: str) -> type[SimpleListFilter]:
    """Make the filter by entity of a list whose rows lead to theirs by `path`."""

    class EntityFilter(_ByOwner):
        title = _("entity")
        parameter_name = "entity"
        typed_label = _("Id of the entity")
        owner = Entity
        most_listed = MAX_OWNERS_LISTED

    EntityFilter.path = path
    return EntityFilter


def by_user(path: str) -> type[SimpleListFilter]:
    """Make the filter by user, whose id is typed: there are too many to list."""

    class UserFilter(_ByOwner):
        title = _("user")
        parameter_name = "user"
        typed_label = _("Id of the user")
        owner = User
        most_listed = 0

    UserFilter.path = path
    return UserFilter
