"""Filters of lists: strict, for a mistyped one must never mean "all"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_filters import Filter, FilterSet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from entities import moments
from entities.api.pagination import Ordering
from entities.api.serializers import Rfc3339Field
from entities.exceptions import FlagsError
from entities.models import User
from entities.models.flags import FLAG_PATTERN, MAX_FLAGS, clean_flags
from entities.models.ids import MAX_ID_CHARS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from django.db.models import QuerySet

    from entities.models import Entity

MIN_SEARCH_CHARS = 3
"""Fewer find nearly everything, by no index."""

_INSTEAD_OF_NOTHING = _("Send a value, or leave it out.")


class MomentField(forms.Field):
    """A moment with an offset (RFC 3339)."""

    def clean(self, value: Any) -> datetime | None:
        try:
            return Rfc3339Field().to_internal_value(value) if value else None
        except serializers.ValidationError as error:
            raise forms.ValidationError([str(detail) for detail in error.detail]) from None


class FlagsField(forms.Field):
    """Flags with commas between."""

    def clean(self, value: Any) -> list[str]:
        try:
            return clean_flags(value.split(",")) if value else []
        except FlagsError as error:
            raise forms.ValidationError(error.message) from None


class ListFilter(Filter):
    """A filter that says in `describes` what its values are, for the document."""

    describes: ClassVar[Mapping[str, Any]] = {}


class TextFilter(ListFilter):
    """A text as it is: white space counts."""

    field_class = forms.CharField
    describes = {"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARS}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, strip=False, max_length=MAX_ID_CHARS, **kwargs)


class SearchFilter(ListFilter):
    """A part of a text, in any case."""

    field_class = forms.CharField
    describes = {"type": "string", "minLength": MIN_SEARCH_CHARS, "maxLength": MAX_ID_CHARS}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            *args, strip=False, min_length=MIN_SEARCH_CHARS, max_length=MAX_ID_CHARS, **kwargs
        )


class UuidFilter(ListFilter):
    """The id of a credential."""

    field_class = forms.UUIDField
    describes = {"type": "string", "format": "uuid"}


class ChoiceFilter(ListFilter):
    """One of a closed list, and no other spelling of it."""

    field_class = forms.ChoiceField

    def __init__(self, choices: Iterable[str], *args: Any, **kwargs: Any) -> None:
        values = list(choices)
        self.describes = {"type": "string", "enum": values}  # type: ignore[misc]
        known = _("Send one of: {values}.").format(values=", ".join(values))
        super().__init__(
            *args,
            choices=[(value, value) for value in values],
            error_messages={"invalid_choice": known},
            **kwargs,
        )


class TrueFilter(ChoiceFilter):
    """True or false, spelled so."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(["true", "false"], *args, **kwargs)
        self.describes = {"type": "boolean"}  # type: ignore[misc]


class MomentFilter(ListFilter):
    """A limit of a column of moments."""

    field_class = MomentField
    describes = {"type": "string", "format": "date-time"}


class FlagsFilter(ListFilter):
    """Flags with commas between."""

    field_class = FlagsField
    describes = {
        "type": "string",
        "pattern": rf"^{FLAG_PATTERN.pattern}(,{FLAG_PATTERN.pattern}){{0,{MAX_FLAGS - 1}}}$",
    }


class ListFilterSet(FilterSet):
    """Filters of one list, and the orders in which it can be read.

    `data` is a plain dict: whoever fills it has seen to it that no name came twice.
    """

    orderings: ClassVar[Mapping[str, Ordering]]
    """By their names on the wire, the default first. A minus before a name turns it around."""
    default_ordering: ClassVar[str]

    def __init__(
        self, data: dict[str, str], queryset: QuerySet[Any], *, entity: Entity | None = None
    ) -> None:
        self.entity = entity
        self.now = moments.now()
        self.sent = data
        super().__init__(data, queryset)

    @classmethod
    def names(cls) -> list[str]:
        """Names of the filters on the wire."""
        return list(cls.base_filters)

    @classmethod
    def ordering_names(cls) -> list[str]:
        return [name for wire in cls.orderings for name in (wire, f"-{wire}")]

    def filtered(self) -> QuerySet[Any]:
        """Apply the filters.

        Raises:
            ValidationError: by name: one is unknown, empty, or has a wrong value.
        """
        check_names(self.sent, known=self.names())
        if errors := self.errors:
            raise ValidationError({name: list(found) for name, found in errors.items()})
        rows: QuerySet[Any] = self.qs
        return rows

    def ordering(self, wanted: str | None) -> Ordering:
        """Return the order that is asked for, or the one that the filters make cheap.

        Raises:
            ValidationError: there is no such order.
        """
        name = wanted or self.usual_ordering()
        if name not in self.ordering_names():
            known = _("Send one of: {values}.").format(values=", ".join(self.ordering_names()))
            raise ValidationError({"ordering": [known]})
        ordering = self.orderings[name.removeprefix("-")]
        return ordering.reversed() if name.startswith("-") else ordering

    def usual_ordering(self) -> str:
        """Name the order of a list that nobody asked one for."""
        return self.default_ordering


def users_with(part: str) -> QuerySet[User]:
    """Users with `part` in id or name, in any case. One table: its indexes serve no OR over two."""
    return User.objects.filter(Q(id__icontains=part) | Q(name__icontains=part))


def check_names(given: Iterable[str], *, known: Iterable[str]) -> None:
    """Refuse names that are not known.

    Raises:
        ValidationError: by name.
    """
    known = list(known)
    sentence = _("There is no such filter. Known are: {known}.").format(known=", ".join(known))
    errors = {name[:64] or "query": [sentence] for name in given if name not in known}
    if errors:
        raise ValidationError(errors)


def once_each(parameters: Mapping[str, list[str]]) -> dict[str, str]:
    """Return query parameters of which each came once, with a value.

    Raises:
        ValidationError: by name.
    """
    errors = {}
    for name, values in parameters.items():
        if len(values) != 1:
            errors[name[:64]] = [_("Send this once.")]
        elif not values[0]:
            errors[name[:64]] = [_INSTEAD_OF_NOTHING]
    if errors:
        raise ValidationError(errors)
    return {name: values[0] for name, values in parameters.items()}
