"""Issue a credential: takes the place of Django's form for adding, which would save the row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from entities.admin.base import ServiceAdmin, actor_of
from entities.admin.forms import SPENT, refuse
from entities.admin.once import ShownOnce, draw_once
from entities.exceptions import EntitiesError
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse
    from django_stubs_ext import StrOrPromise

    from entities.actors import Actor
    from entities.admin.forms import IssueForm

_SPENT_FORMS = "entities_spent_forms"
_SPENT_FORMS_KEPT = 50


class IssueMixin(ServiceAdmin):
    """Issues by a service, and shows the text once. Nothing is added otherwise, nor deleted.

    Django's own permissions to add and to delete open nothing here; `issue_…` does.
    """

    issue_form: ClassVar[type[IssueForm]]
    issue_label: StrOrPromise
    issue_note: StrOrPromise
    issued_title: StrOrPromise

    def issue(self, terms: dict[str, Any], *, by: Actor) -> tuple[Any, ShownOnce]:
        """Call the service with what the form says.

        Raises:
            EntitiesError, ValidationError: it refused.
        """
        raise NotImplementedError

    def facts(self, obj: Any) -> Sequence[tuple[StrOrPromise, object]]:
        """What the page with the text says of the credential."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_own_permission(request, "issue")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"entities_issue_label": self.issue_label} | (extra_context or {})
        return super().changelist_view(request, context)

    @method_decorator(sensitive_variables())
    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Ask on GET; on POST, issue, and answer with the text."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.issue_form_for(request)
        if form.is_valid():
            try:
                obj, text = self._issue(request, form)
            except (EntitiesError, ValidationError) as error:
                refuse(form, error)
            else:
                return draw_once(
                    self, request, obj, text, title=self.issued_title, facts=self.facts(obj)
                )
        return self._ask_for_terms(request, form, extra_context or {})

    def issue_form_for(self, request: HttpRequest) -> IssueForm:
        """Make the form of the page to issue, with what came of it."""
        owner = self.issue_form.owner
        target = self.model._meta.get_field(owner).related_model
        owners = self.admin_site.get_model_admin(target).get_queryset(request)
        return self.issue_form(
            request.POST if request.method == "POST" else None,
            admin_site=self.admin_site,
            owners=owners,
            initial={owner: request.GET.get(owner)},
        )

    def _issue(self, request: HttpRequest, form: IssueForm) -> tuple[Any, ShownOnce]:
        terms = form.cleaned_data.copy()
        form_id = terms.pop("form_id")
        spent = request.session.get(_SPENT_FORMS, [])
        if form_id in spent:
            raise ValidationError(
                _("This form was sent before, and did its work: nothing was issued again."),
                code=SPENT,
            )
        with atomic():
            obj, text = self.issue(terms, by=actor_of(request))
            self.log_addition(request, obj, "Issued.")
        request.session[_SPENT_FORMS] = [*spent, form_id][-_SPENT_FORMS_KEPT:]
        return obj, text

    def _ask_for_terms(
        self, request: HttpRequest, form: IssueForm, extra_context: dict[str, Any]
    ) -> TemplateResponse:
        names = [field.name for field in form.visible_fields()]
        context = {
            **self.admin_site.each_context(request),
            "title": self.issue_label,
            "opts": self.opts,
            "media": self.media + form.media,
            "form": form,
            "adminform": AdminForm(form, [(None, {"fields": names})], {}, model_admin=self),  # type: ignore[arg-type]
            "note": self.issue_note,
            "button": _("Issue"),
            "has_view_permission": self.has_view_permission(request),
            **extra_context,
        }
        return TemplateResponse(request, "admin/entities/issue.html", context)
