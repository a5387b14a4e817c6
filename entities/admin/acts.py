"""Acts of staff on one object: each on a page that asks first, behind a permission of its own."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import router, transaction
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from entities.admin.base import ServiceAdmin, actor_of
from entities.admin.forms import SPENT, ActForm, refuse
from entities.admin.once import ShownOnce, draw_once
from entities.admin.panels import Link
from entities.exceptions import EntitiesError
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django_stubs_ext import StrOrPromise

    from entities.actors import Actor

    Facts = Sequence[tuple[StrOrPromise, object]]


class Made(NamedTuple):
    """A credential that an act made, and its text."""

    obj: Any
    text: ShownOnce


class Act:
    """Something that staff do to one object.

    Its `verb` ends the page's path and begins the permission's name.
    """

    verb: ClassVar[str]
    label: StrOrPromise
    title: StrOrPromise
    button: StrOrPromise
    done: StrOrPromise  # the message, or the title of the page with the text
    history: str
    is_destructive = True
    is_durable = False  # its service commits by itself, and refuses to run inside a transaction
    form_class: type[ActForm] = ActForm

    def version(self, obj: Any) -> int:
        """Return a number that moves when what the page promised no longer holds."""
        return 0

    def refusal(self, obj: Any) -> StrOrPromise | None:
        """Why it cannot be done to `obj` as it is; None where it can."""
        return None

    def facts(self, obj: Any) -> Facts:
        """To whom it is done."""
        return []

    def effects(self, obj: Any) -> Sequence[StrOrPromise]:
        """What will happen, a sentence each."""
        return []

    def perform(self, obj: Any, *, by: Actor, **terms: Any) -> Made | None:
        """Call the service with what the form says; return what it made, where it makes a text.

        Raises:
            EntitiesError, ValidationError: the service refused.
        """
        raise NotImplementedError


class ActsMixin(ServiceAdmin):
    """Gives each of `acts` its page, and a link to it from the object's."""

    acts: ClassVar[Sequence[Act]] = ()

    def has_act_permission(self, request: HttpRequest, act: Act, obj: Any = None) -> bool:
        """Who acts sees what it is done to: viewing is part of it."""
        return self.has_own_permission(request, act.verb) and self.has_view_permission(request, obj)

    def links(self, request: HttpRequest, obj: Any) -> list[Link]:
        own = [
            Link(self.url_of(act.verb, quote(obj.pk)), act.label)
            for act in self.acts
            if self.has_act_permission(request, act, obj) and act.refusal(obj) is None
        ]
        return own + super().links(request, obj)

    def get_urls(self) -> list[URLPattern]:
        return [self._path_of(act) for act in self.acts] + super().get_urls()

    def _path_of(self, act: Act) -> URLPattern:
        view = partial(self.act_view, act=act)
        # A host's ATOMIC_REQUESTS would wrap a service that commits before it raises.
        apart = transaction.non_atomic_requests(using=router.db_for_write(self.model))(view)
        return path(
            f"<path:object_id>/{act.verb}/",
            self.admin_site.admin_view(apart),
            name=f"{self.opts.app_label}_{self.opts.model_name}_{act.verb}",
        )

    @method_decorator(sensitive_variables())
    def act_view(self, request: HttpRequest, object_id: str, *, act: Act) -> HttpResponse:
        """Ask on GET; on POST, act and answer."""
        if not self.has_act_permission(request, act):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not self.has_act_permission(request, act, obj):
            raise PermissionDenied
        sent = request.POST if request.method == "POST" else None
        form = act.form_class(sent, obj=obj, initial={"seen": act.version(obj)})
        if form.is_valid():
            try:
                made = self._perform(request, act, obj, form)
            except (EntitiesError, ValidationError) as error:
                refuse(form, error)
            else:
                return self._answer(request, act, obj, made)
        return self._ask_first(request, act, obj, form)

    def _perform(self, request: HttpRequest, act: Act, obj: Any, form: ActForm) -> Made | None:
        """Act on the row as it is now, locked unless the act is durable."""
        rows = self.model._default_manager.all()
        with nullcontext() if act.is_durable else atomic():
            current = (rows if act.is_durable else rows.select_for_update()).get(pk=obj.pk)
            if (message := act.refusal(current)) is not None:
                raise ValidationError(message)
            if act.version(current) != form.cleaned_data["seen"]:
                raise ValidationError(
                    _("It changed since this page was drawn, and nothing was done."),
                    code=SPENT,
                )
            made = act.perform(current, by=actor_of(request), **form.terms)
            self.log_change(request, current, act.history)
        return made

    def _answer(self, request: HttpRequest, act: Act, obj: Any, made: Made | None) -> HttpResponse:
        if made is not None:
            fresh = self.get_object(request, str(made.obj.pk))
            return draw_once(
                self, request, fresh, made.text, title=act.done, facts=act.facts(fresh)
            )
        self.message_user(request, act.done, messages.SUCCESS)
        return HttpResponseRedirect(self.url_of("change", quote(obj.pk)))

    def _ask_first(
        self, request: HttpRequest, act: Act, obj: Any, form: ActForm
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": act.title,
            "subtitle": str(obj),
            "opts": self.opts,
            "media": self.media + form.media,
            "object": obj,
            "act": act,
            "facts": act.facts(obj),
            "effects": act.effects(obj),
            "refusal": act.refusal(obj),
            "form": form,
        }
        return TemplateResponse(request, "admin/entities/act.html", context)
