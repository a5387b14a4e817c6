"""Form fields and widgets that staff can use without knowing how a column is stored."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.widgets import (
    AdminDateWidget,
    AdminSplitDateTime,
    AdminTextareaWidget,
    AdminTimeWidget,
    AutocompleteSelect,
    AutocompleteSelectMultiple,
)
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from entities import moments
from entities.exceptions import FlagsError
from entities.models.flags import MAX_FLAGS, clean_flags
from entities.models.origins import validate_origins

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db import models

MAX_DAYS = 36_500
_DAY_SECONDS = 86_400
_SEPARATORS = re.compile(r"[\s,]+")


def days_of(duration: timedelta) -> str:
    """Write `duration` in days, with as many decimals as tell one second from the next."""
    days = Decimal(round(duration.total_seconds())) / _DAY_SECONDS
    return f"{days:.5f}".rstrip("0").rstrip(".")


def in_days(duration: timedelta) -> str:
    """Write `duration` for people: `30 days`."""
    days = days_of(duration)
    return ngettext("{days} day", "{days} days", 1 if days == "1" else 2).format(days=days)


class DaysField(forms.DecimalField):
    """A duration, typed as a number of days, whole to the second."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", _("In days; 0.5 is twelve hours."))
        super().__init__(min_value=0, max_value=MAX_DAYS, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return days_of(value) if isinstance(value, timedelta) else value

    def clean(self, value: Any) -> Any:
        days: Decimal | None = super().clean(value)
        return None if days is None else timedelta(seconds=round(days * _DAY_SECONDS))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(self.prepare_value(initial), data))


class FlagsWidget(AdminTextareaWidget):
    """A text area, and buttons that put flags in and take them out.

    `offered` are the flags to offer; with `offers_url`, `admin.js` asks there when the field named
    `offers_by` changes.
    """

    template_name = "admin/entities/widgets/flags.html"
    offered: Sequence[str] = ()
    offers_url = ""
    offers_by = ""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 3, **(attrs or {})})

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["widget"] |= {
            "offered": self.offered,
            "offers_url": self.offers_url,
            "offers_by": self.offers_by,
        }
        return context


class LinesField(forms.Field):
    """A list of strings, typed one a line or with commas or spaces between them."""

    widget: forms.Widget | type[forms.Widget] = AdminTextareaWidget(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        return list(dict.fromkeys(filter(None, _SEPARATORS.split(value or ""))))

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.to_python(data) != (initial or [])
        except ValidationError:
            return True


class OriginsField(LinesField):
    """Origins of browser apps, each as a browser sends it."""

    def to_python(self, value: Any) -> list[str]:
        origins = [origin.rstrip("/") for origin in super().to_python(value)]
        validate_origins(origins)
        return origins


class FlagsField(LinesField):
    """Flags; a set."""

    widget = FlagsWidget

    def __init__(self, *, most: int | None = MAX_FLAGS, **kwargs: Any) -> None:
        self.most = most
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> list[str]:
        try:
            return clean_flags(super().to_python(value), most=self.most)
        except FlagsError as error:
            raise ValidationError(error.message, code=error.code) from None


class ExpiryWidget(AdminSplitDateTime):
    """The stock widget, with a name for each of its two inputs: its label names the first only."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        forms.MultiWidget.__init__(
            self,
            [
                AdminDateWidget(attrs={"aria-label": _("Expiry date")}),
                AdminTimeWidget(attrs={"aria-label": _("Expiry time")}),
            ],
            attrs,
        )


class ExpiryField(forms.SplitDateTimeField):
    """The moment that a credential ends; empty where the service chooses."""

    widget = ExpiryWidget

    def clean(self, value: Any) -> Any:
        moment: datetime | None = super().clean(value)
        try:
            return moment and moments.aware(moment).astimezone(UTC)
        except OverflowError:  # 31 December 9999 here is the year 10000 there
            raise ValidationError(
                self.error_messages["invalid_date"], code="invalid_date"
            ) from None


class Autocomplete(AutocompleteSelect):
    """The stock widget, which asks the database for whatever came and falls over what is no key."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> list[Any]:
        key = self.field.remote_field.model._meta.pk
        groups: list[Any] = super().optgroups(name, list(_keys_among(value, key)), attr)
        return groups


class AutocompleteMany(AutocompleteSelectMultiple):
    """The stock widget without its button to clear all, which breaks the list that it stands in."""

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        attrs: dict[str, Any] = super().build_attrs(base_attrs, extra_attrs)
        return attrs | {"data-allow-clear": "false"}


def _keys_among(values: Iterable[str], key: models.Field[Any, Any]) -> Iterable[str]:
    for value in values:
        try:
            key.run_validators(key.to_python(value))
        except ValidationError:
            continue
        if "\x00" not in str(value):
            yield value
