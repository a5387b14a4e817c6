"""What runs around the views of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.sessions.middleware import SessionMiddleware

from tokenservice.paths import is_page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class PageSessionMiddleware(SessionMiddleware):
    """Sets the cookie of a session on pages only.

    The API sets none. Django's own class would, on any path, to delete one that is broken.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if not is_page(request.path_info):
            return response
        return super().process_response(request, response)
