"""Filters of the lists."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from entities.admin.display import Status, named
from entities.models import Entity, User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest

MAX_OWNERS_LISTED = 30


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
    return {
        Status.REVOKED: ~unrevoked,
        Status.ENTITY_REVOKED: unrevoked & ~of_this_epoch,
        Status.SUSPENDED: of_this_epoch & ~active,
        Status.EXPIRED: active & Q(expires_at__lte=at),
        Status.LIVE: active & Q(expires_at__gt=at),
    }


def credential_conditions(*, owner: str, at: datetime) -> dict[Status, Q]:
    """Conditions of the statuses of API keys and user tokens, by the name of their owner's field.

    SQL twin of `display.credential_status`.
    """
    unrevoked = Q(revoked_at__isnull=True)
    active = unrevoked & Q((f"{owner}__is_active", True))
    return {
        Status.REVOKED: ~unrevoked,
        Status.SUSPENDED: unrevoked & Q((f"{owner}__is_active", False)),
        Status.EXPIRED: active & Q(expires_at__lte=at),
        Status.LIVE: active & (Q(expires_at__isnull=True) | Q(expires_at__gt=at)),
    }


class _ByConditions(SimpleListFilter):
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
        wanted = {status.value: each for status, each in self.conditions().items()}
        condition = wanted.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


class TokenStatusFilter(_ByConditions):
    def conditions(self) -> dict[Status, Q]:
        return token_conditions(at=timezone.now())


class ApiKeyStatusFilter(_ByConditions):
    def conditions(self) -> dict[Status, Q]:
        return credential_conditions(owner="entity", at=timezone.now())


class UserTokenStatusFilter(_ByConditions):
    def conditions(self) -> dict[Status, Q]:
        return credential_conditions(owner="user", at=timezone.now())


class ExpiryFilter(SimpleListFilter):
    """By how soon it expires; what has expired is the status filter's."""

    title = _("expiry")
    parameter_name = "expires"
    windows: ClassVar[dict[str, timedelta]] = {
        "1": timedelta(days=1),
        "7": timedelta(days=7),
        "30": timedelta(days=30),
    }

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        return [
            ("1", _("Within 24 hours")),
            ("7", _("Within 7 days")),
            ("30", _("Within 30 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        window = self.windows.get(self.value() or "")
        if window is None:
            return queryset
        now = timezone.now()
        return queryset.filter(expires_at__gt=now, expires_at__lte=now + window)


class _ByOwner(SimpleListFilter):
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
        owner = Entity
        most_listed = MAX_OWNERS_LISTED

    EntityFilter.path = path
    return EntityFilter


def by_user(path: str) -> type[SimpleListFilter]:
    """Make the filter by user, which is chosen by links only: there are too many to list."""

    class UserFilter(_ByOwner):
        title = _("user")
        parameter_name = "user"
        owner = User
        most_listed = 0

    UserFilter.path = path
    return UserFilter
