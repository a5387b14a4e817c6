"""The column of a moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from entities import moments

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper

_Set = TypeVar("_Set", contravariant=True)
_Get = TypeVar("_Get", covariant=True)

if TYPE_CHECKING:
    _Base = models.DateTimeField
else:

    class _Base(models.DateTimeField):
        """Django's field, which has type arguments for type checkers only."""

        def __class_getitem__(cls, _arguments: object) -> type:
            return cls


class MomentField(_Base[_Set, _Get]):
    """A moment: aware in Python, and the same one in the database, whatever USE_TZ says.

    With USE_TZ this is Django's field. Without it Django's keeps what the clock on the wall shows,
    which is two moments in one hour of each year, and no moment to whoever reads it elsewhere. A
    database without time zones then gets UTC, as it does with USE_TZ, so that the setting can be
    changed; and what is read has the offset of TIME_ZONE, for pages that show it as it stands.
    """

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """Stand in migrations as Django's own, so that these import nothing of ours."""
        name, _, args, kwargs = super().deconstruct()
        if kwargs.get("default") is moments.now:
            kwargs["default"] = timezone.now  # noqa: TID251  never called
        return name, "django.db.models.DateTimeField", args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Save a moment, and leave one on the instance, where it was given as a naive time."""
        value = super().pre_save(model_instance, add)
        if not settings.USE_TZ and isinstance(value, datetime):
            value = moments.localized(moments.aware(value))
            setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return moments.aware(value) if isinstance(value, datetime) else value

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        if not prepared:
            value = self.get_prep_value(value)
        if isinstance(value, datetime) and not _keeps_zones(connection):
            value = value.astimezone(UTC).replace(tzinfo=None)
        return super().get_db_prep_value(value, connection, prepared=True)

    def get_db_converters(self, connection: BaseDatabaseWrapper) -> list[Callable[..., Any]]:
        """Read what Django reads with USE_TZ; the hot path pays for nothing more."""
        return [] if settings.USE_TZ else [_read]


def _read(value: Any, _expression: object, connection: BaseDatabaseWrapper) -> Any:
    """Give back the moment that Django took the zone of.

    PostgreSQL answers in TIME_ZONE, and `fold` says which of the two that an hour may be.
    """
    if not isinstance(value, datetime):
        return value
    return moments.localized(
        moments.aware(value) if _keeps_zones(connection) else value.replace(tzinfo=UTC)
    )


def _keeps_zones(connection: BaseDatabaseWrapper) -> bool:
    """Whether Django hands an aware moment to this database, or can do without."""
    return settings.USE_TZ or connection.features.supports_timezones
