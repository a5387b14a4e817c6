"""What runs around the views of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.sessions.middleware import SessionMiddleware
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from tokenservice.paths import is_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase


# What a page may load: from this service, and nothing that stands in the page itself.
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",  # the admin's stylesheets draw some of their icons so
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
_DOCS_POLICY = _POLICY | {"style-src": "'self' 'unsafe-inline'"}  # Swagger UI writes styles


class ContentSecurityPolicyMiddleware:
    """Sends a strict Content-Security-Policy (CSP Level 3) with pages, unless the view sent one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if is_page(request.path_info):
            policy = _DOCS_POLICY if request.path_info.startswith("/docs") else _POLICY
            written = "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
            response.headers.setdefault("Content-Security-Policy", written)
        return response


class PageLocaleMiddleware(LocaleMiddleware):
    """Chooses the language of pages by the browser's wish. The API speaks LANGUAGE_CODE only."""

    def process_request(self, request: HttpRequest) -> None:
        if is_page(request.path_info):
            super().process_request(request)
        else:
            translation.deactivate()  # what an earlier request of this thread has chosen

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        return (
            super().process_response(request, response) if is_page(request.path_info) else response
        )


class PageSessionMiddleware(SessionMiddleware):
    """Sets the cookie of a session on pages only.

    The API sets none. Django's own class would, on any path, to delete one that is broken.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if not is_page(request.path_info):
            return response
        return super().process_response(request, response)
