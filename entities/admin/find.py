"""What is typed into the search of a list: words for its address, or a secret for nothing but us.

A search by GET would write a pasted token into the address, the browser's history and the logs. So
the form is sent by POST: words are answered by the address of the filtered list, and a text by the
address of the credential that it is of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from entities import keys
from entities.admin.search import looks_like_a_credential
from entities.codec import Kind
from entities.exceptions import CredentialTextError
from entities.models import ApiKey, AuthToken, TextAge, UserToken

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest, HttpResponse

    from entities.admin.base import ServiceAdmin
    from entities.codec import Parsed

_MODELS: dict[Kind, type[Model]] = {
    Kind.API_KEY: ApiKey,
    Kind.USER_TOKEN: UserToken,
    Kind.AUTH_TOKEN: AuthToken,
}


@sensitive_variables()
@sensitive_post_parameters()
def find_view(request: HttpRequest, model_admin: ServiceAdmin) -> HttpResponse:
    """Answer by a redirect, in whose address no text stands."""
    if not model_admin.has_view_or_change_permission(request):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    term = request.POST.get(SEARCH_VAR, "").strip()
    text = _text_in(term)
    if text is not None:
        return HttpResponseRedirect(_page_of(model_admin, request, text))
    params = QueryDict(mutable=True)
    for name, values in request.POST.lists():
        if name not in {"csrfmiddlewaretoken", SEARCH_VAR}:
            params.setlist(name, values)
    if term:
        params[SEARCH_VAR] = term
    query = params.urlencode()
    return HttpResponseRedirect(model_admin.url_of("changelist") + (f"?{query}" if query else ""))


def _text_in(term: str) -> str | None:
    """Return what in `term` has the form of a text: alone, or behind a header's name, say."""
    words = [word.strip("\"',;") for word in term.split()]
    return next((word for word in words if looks_like_a_credential(word)), None)


def _page_of(model_admin: ServiceAdmin, request: HttpRequest, text: str) -> str:
    found = _credential_of(model_admin, request, text)
    if found is None:
        sentence = _("No credential that you may see has this text. Nothing was kept of it.")
        model_admin.message_user(request, sentence, messages.WARNING)
        return model_admin.url_of("changelist")
    obj, parsed = found
    if isinstance(obj, AuthToken):
        age = obj.age_of(parsed)
        sentence = (
            _("This is the token whose current text you pasted.")
            if age is TextAge.CURRENT
            else _("You pasted an older text of this token: it was refreshed since.")
        )
        level = messages.SUCCESS if age is TextAge.CURRENT else messages.WARNING
        model_admin.message_user(request, sentence, level)
    return model_admin.url_of("change", quote(obj.pk), model=type(obj))


def _credential_of(
    model_admin: ServiceAdmin, request: HttpRequest, text: str
) -> tuple[Any, Parsed] | None:
    try:
        parsed = keys.parse(text)
    except CredentialTextError:
        return None
    theirs = model_admin.admin_site.get_model_admin(_MODELS[parsed.kind])
    if not theirs.has_view_permission(request):
        return None
    obj = theirs.get_queryset(request).filter(pk=parsed.id).first()
    return None if obj is None else (obj, parsed)
