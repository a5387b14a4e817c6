"""The header `Authorization: Bearer …`, and the challenge that asks for it.

Spec: RFC 6750 sections 2.1 and 3; RFC 9110 sections 11.4 and 11.6.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from entities.exceptions import NotAuthenticatedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

REFUSED = _(
    "The authentication token is missing or wrong. Send the header Authorization once, as Bearer "
    "and a live authentication token of this entity."
)
"""Of a 401: one sentence for every cause, so that it teaches nothing."""

_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*", re.ASCII)
_CREDENTIALS = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.ASCII | re.IGNORECASE)


def is_bearer(request: HttpRequest) -> bool:
    """Whether the header came, with this scheme: whatever stands behind it is ours to judge."""
    scheme = _SCHEME.match(_header(request))
    return scheme is not None and scheme[0].lower() == "bearer"


def bearer_text(request: HttpRequest) -> str | None:
    """Return the text that the header brings. None: no header, or one of another scheme.

    A header that came twice is joined by a comma, which no text has.

    Raises:
        NotAuthenticatedError: it is not one text behind the scheme.
    """
    credentials = _CREDENTIALS.fullmatch(_header(request))
    if credentials is not None:
        return credentials[1]
    if is_bearer(request):
        raise NotAuthenticatedError("Authorization: malformed", message=REFUSED)
    return None


def challenge(error: str | None = None, *, flags: Sequence[str] = ()) -> str:
    """Write the value of `WWW-Authenticate`.

    Args:
        error: `invalid_token` or `insufficient_scope`; None where no token came.
        flags: what would be enough.
    """
    parameters = {"realm": "entities", "error": error, "scope": " ".join(flags)}
    return "Bearer " + ", ".join(f'{name}="{text}"' for name, text in parameters.items() if text)


def _header(request: HttpRequest) -> str:
    header: str = request.META.get("HTTP_AUTHORIZATION", "")
    return header
