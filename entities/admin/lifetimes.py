"""How long a new credential lasts: a few usual lifetimes, the entity's longest, or an own date."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.widgets import AdminRadioSelect
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from entities import moments
from entities.admin.fields import ExpiryField

if TYPE_CHECKING:
    Form = forms.Form
else:
    Form = object

OWN_DATE = "own"
LONGEST = "longest"
_DAYS = ("1", "7", "30", "90")


class LifetimeMixin(Form):
    """Two fields, of which `terms` takes the moment that they mean together."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["lifetime"] = forms.ChoiceField(
            label=_("Lifetime"),
            required=False,
            widget=AdminRadioSelect(attrs={"class": "inline", "data-entities-own-date": OWN_DATE}),
            choices=[
                ("", _("The entity's default")),
                ("1", _("1 day")),
                ("7", _("7 days")),
                ("30", _("30 days")),
                ("90", _("90 days")),
                (LONGEST, _("The entity's longest")),
                (OWN_DATE, _("Own date")),
            ],
        )
        self.fields["expires_at"] = ExpiryField(
            required=False,
            label=_("Expires at"),
            help_text=_("The own date: in the future, within the entity's longest lifetime."),
        )
        self.order_fields(self.field_order)

    def longest(self, cleaned: dict[str, Any]) -> timedelta | None:
        """Return the longest lifetime that can be chosen, as far as the form knows it."""
        raise NotImplementedError

    def clean(self) -> Any:
        """Put the moment meant into `expires_at`; None leaves it to the service."""
        cleaned = super().clean() or self.cleaned_data
        chosen, typed = cleaned.pop("lifetime", ""), cleaned.get("expires_at")
        if chosen in _DAYS or chosen == LONGEST:
            if typed:
                self._refuse(_("Choose a lifetime, or give a date: not both."), "expiry_twice")
            lifetime = self.longest(cleaned) if chosen == LONGEST else timedelta(days=int(chosen))
            cleaned["expires_at"] = lifetime and moments.now() + lifetime
        elif chosen == OWN_DATE and not typed and "expires_at" not in self.errors:
            self._refuse(_("Give the date on which it expires."), "expiry_missing")
        return cleaned

    def _refuse(self, sentence: Any, code: str) -> None:
        self.add_error("expires_at", ValidationError(sentence, code=code))
