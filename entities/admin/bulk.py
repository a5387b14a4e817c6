"""What staff do to many tokens at once: the selected ones, or all that match the list's filters."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from entities.admin.base import ServiceAdmin, actor_of
from entities.exceptions import FlagsError
from entities.models import RevocationReason
from entities.models.flags import clean_flags
from entities.services import add_flag, extend_tokens, remove_flag, revoke_tokens_in_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django.http import HttpRequest, HttpResponse
    from django_stubs_ext import StrOrPromise

    from entities.actors import Actor
    from entities.models.tokens import AuthTokenQuerySet

_CONFIRMED = "entities_confirmed"


class BulkForm(forms.Form):
    """Confirms an act on many."""


class FlagForm(BulkForm):
    flag = forms.CharField(
        label=_("Flag"),
        max_length=64,
        widget=AdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Letters, digits, dots, underscores, colons, hyphens."),
    )

    def clean_flag(self) -> str:
        try:
            (flag,) = clean_flags([self.cleaned_data["flag"]])
        except FlagsError as error:
            raise ValidationError(error.message, code=error.code) from None
        return flag


class ExtendForm(BulkForm):
    lifetime = forms.TypedChoiceField(
        label=_("Each then lasts"),
        coerce=lambda days: timedelta(days=int(days)),
        choices=[
            ("1", _("1 day from now")),
            ("7", _("7 days from now")),
            ("30", _("30 days from now")),
            ("90", _("90 days from now")),
            ("365", _("365 days from now")),
        ],
        initial="30",
    )


class BulkAct:
    """Something that staff do to many tokens."""

    form_class: type[BulkForm] = BulkForm
    is_destructive = False
    title: StrOrPromise
    button: StrOrPromise
    effects: Sequence[StrOrPromise]
    done: Any  # of how many it was done: a lazy plural of `count`

    def perform(self, tokens: AuthTokenQuerySet, *, by: Actor, **terms: Any) -> Iterator[int]:
        """Call the service, which yields how many each batch changed."""
        raise NotImplementedError


class RevokeMany(BulkAct):
    is_destructive = True
    title = _("Revoke these authentication tokens?")
    button = _("Yes, revoke them")
    effects = (
        _("Each of them stops being good at once, everywhere."),
        _("Those that were revoked before stay as they are."),
        _("This cannot be undone. New tokens can be issued at any time."),
    )
    done = ngettext_lazy("%(count)s token was revoked.", "%(count)s tokens were revoked.", "count")

    def perform(self, tokens: AuthTokenQuerySet, *, by: Actor, **terms: Any) -> Iterator[int]:
        return revoke_tokens_in_batches(tokens=tokens, reason=RevocationReason.STAFF, by=by)


class ExtendMany(BulkAct):
    form_class = ExtendForm
    title = _("Extend these authentication tokens?")
    button = _("Yes, extend them")
    effects = (
        _("The live ones that end sooner last until then; their texts stay as they are."),
        _(
            "Those that last longer already, and those whose entity allows no such lifetime, stay "
            "as they are."
        ),
    )
    done = ngettext_lazy(
        "%(count)s token was extended.", "%(count)s tokens were extended.", "count"
    )

    def perform(self, tokens: AuthTokenQuerySet, *, by: Actor, **terms: Any) -> Iterator[int]:
        return extend_tokens(tokens=tokens, by=by, **terms)


class AddFlagToMany(BulkAct):
    form_class = FlagForm
    title = _("Add a flag to these authentication tokens?")
    button = _("Yes, add it")
    effects = (
        _("The live ones get the flag, also where their entity lists it as restricted."),
        _("Those that have it, or have 32 flags already, stay as they are."),
    )
    done = ngettext_lazy("%(count)s token got the flag.", "%(count)s tokens got the flag.", "count")

    def perform(self, tokens: AuthTokenQuerySet, *, by: Actor, **terms: Any) -> Iterator[int]:
        return add_flag(tokens=tokens, by=by, **terms)


class RemoveFlagFromMany(BulkAct):
    form_class = FlagForm
    is_destructive = True
    title = _("Remove a flag from these authentication tokens?")
    button = _("Yes, remove it")
    effects = (
        _("Those that have the flag lose it at once, and with it whatever it allows."),
        _("Revoked ones stay as they are."),
    )
    done = ngettext_lazy(
        "%(count)s token lost the flag.", "%(count)s tokens lost the flag.", "count"
    )

    def perform(self, tokens: AuthTokenQuerySet, *, by: Actor, **terms: Any) -> Iterator[int]:
        return remove_flag(tokens=tokens, by=by, **terms)


class BulkMixin(ServiceAdmin):
    """The actions of the list, each on a page that counts first, and asks."""

    actions = ("revoke_many", "extend_many", "add_flag_to_many", "remove_flag_from_many")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.has_own_permission(request, "revoke")

    @admin.action(description=_("Revoke"), permissions=["revoke"])
    def revoke_many(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self._act_on_many(request, queryset, RevokeMany())

    @admin.action(description=_("Extend"), permissions=["change"])
    def extend_many(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self._act_on_many(request, queryset, ExtendMany())

    @admin.action(description=_("Add a flag"), permissions=["change"])
    def add_flag_to_many(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self._act_on_many(request, queryset, AddFlagToMany())

    @admin.action(description=_("Remove a flag"), permissions=["change"])
    def remove_flag_from_many(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self._act_on_many(request, queryset, RemoveFlagFromMany())

    def _act_on_many(
        self, request: HttpRequest, tokens: AuthTokenQuerySet, act: BulkAct
    ) -> HttpResponse | None:
        """Ask first; once confirmed, act, and go back to the list (None says so)."""
        form = act.form_class(request.POST if _CONFIRMED in request.POST else None)
        if not form.is_valid():
            return self._ask_about_many(request, tokens, act, form)
        count = 0
        try:
            for changed in act.perform(tokens, by=actor_of(request), **form.cleaned_data):
                count += changed
        finally:  # what an error stopped has done so much, and says so
            self.message_user(request, act.done % {"count": count}, messages.SUCCESS)
        return None

    def _ask_about_many(
        self, request: HttpRequest, tokens: AuthTokenQuerySet, act: BulkAct, form: BulkForm
    ) -> TemplateResponse:
        count = tokens.order_by().count()
        chosen = ngettext("You chose %(count)s token.", "You chose %(count)s tokens.", count) % {
            "count": count
        }
        context = {
            **self.admin_site.each_context(request),
            "title": act.title,
            "opts": self.opts,
            "media": self.media + form.media,
            "act": act,
            "chosen": chosen,
            "form": form,
            "confirmed": _CONFIRMED,
            "carried": self._carried(request),
        }
        return TemplateResponse(request, "admin/entities/bulk.html", context)

    def _carried(self, request: HttpRequest) -> Iterable[tuple[str, str]]:
        """What says, in the POST that confirms, which tokens and which act are meant."""
        names = ("action", "select_across", ACTION_CHECKBOX_NAME)
        return [(name, value) for name in names for value in request.POST.getlist(name)]
