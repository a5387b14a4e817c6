"""The text of a credential, drawn once: in the answer to the very POST that made it.

It stands in no message, session, address, history or log. A reload sends the POST again, which
is refused (`acts`, `issue`), and a page that a browser kept is emptied by `admin.js`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django_stubs_ext import StrOrPromise

    from entities.admin.base import ServiceAdmin


class ShownOnce:
    """A text that only a template draws: error reports and debug pages show the `repr`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "<text of a credential>"


def draw_once(
    model_admin: ServiceAdmin,
    request: HttpRequest,
    obj: Any,
    text: ShownOnce,
    *,
    title: StrOrPromise,
    facts: Sequence[tuple[StrOrPromise, object]],
) -> TemplateResponse:
    """Answer with the page that shows `text`. No cache may keep it."""
    can_view = model_admin.has_view_permission(request, obj)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "media": model_admin.media,
        "facts": facts,
        "text": text,
        "curl": model_admin.curl(request, obj, text),
        "can_view": can_view,
        "object": obj,
    }
    response = TemplateResponse(request, "admin/entities/shown_once.html", context)
    add_never_cache_headers(response)
    return response
