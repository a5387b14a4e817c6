"""The column of an account of the host, which may be in another database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models, router

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models.deletion import Collector


def forget(
    collector: Collector, field: models.Field[Any, Any], rows: models.QuerySet[Any], using: str
) -> None:
    """Set the column to null when its account is deleted, where the rows are."""
    here = router.db_for_write(field.model)
    models.SET_NULL(collector, field, rows.using(here), here)


def go_along(
    collector: Collector, field: models.Field[Any, Any], rows: models.QuerySet[Any], using: str
) -> None:
    """Delete the rows with their account. Those of another database are deleted after it.

    What is collected is deleted in one database; see `entities.apps`.
    """
    if router.db_for_write(field.model) == using and rows:
        models.CASCADE(collector, field, rows, using)


# Django reads the rows first otherwise, in the database of the account.
forget.lazy_sub_objs = True  # type: ignore[attr-defined]
go_along.lazy_sub_objs = True  # type: ignore[attr-defined]

_STOCK: dict[Any, Callable[..., None]] = {forget: models.SET_NULL, go_along: models.CASCADE}


class AccountField(models.OneToOneField[Any, Any]):
    """An account that is the same person; without a constraint, which knows one database only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"db_constraint": False, **kwargs})

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """Stand in migrations as Django's own, so that these import nothing of ours."""
        name, _, args, kwargs = super().deconstruct()
        on_delete = kwargs["on_delete"]
        kwargs["on_delete"] = _STOCK.get(on_delete, on_delete)
        return name, "django.db.models.OneToOneField", args, kwargs
