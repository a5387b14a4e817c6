"""What a request brings, before anybody asks what it means: method, body, bearer token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from entities.exceptions import NotAuthenticatedError
from entities.http.problems import (
    BodyError,
    BodyTooLargeError,
    LengthRequiredError,
    MediaTypeError,
)

if TYPE_CHECKING:
    from django.http import HttpRequest

_ATTRIBUTE = "_entities_body"
_MAX_LENGTH_DIGITS = 18  # enough for any body, few enough for int()


def method_as_sent(request: HttpRequest) -> str:
    """Return the method before Django made upper case of it.

    `delete` is not DELETE (RFC 9110 section 9.1): a proxy that guards one lets the other by.
    """
    scope: dict[str, str] | None = getattr(request, "scope", None)
    return scope["method"] if scope else request.META["REQUEST_METHOD"]


def bearer_text(authorization: str) -> str:
    """Return the token of a header `Authorization`; none where it is empty or of another scheme.

    Raises:
        NotAuthenticatedError: the header came twice, which servers join by a comma.

    Spec: RFC 6750 section 2.1; RFC 9110 sections 5.3 and 11.4.
    """
    if "," in authorization:
        raise NotAuthenticatedError("Authorization: doubled")
    scheme, _space, text = authorization.partition(" ")
    return text.strip(" ") if scheme.lower() == "bearer" else ""


def read_body(request: HttpRequest, *, limit: int) -> bytes:
    """Read the body, with a Content-Length or in chunks.

    It is read once and kept with the request: a stream of chunks can be read only once.

    REST framework and Django's forms take a body without a Content-Length for empty: a refresh
    that sends a wrong text in chunks would refresh as if it had sent none.

    Raises:
        BodyTooLargeError: it is over `limit` bytes.
        LengthRequiredError: it comes in chunks, and the server does not tell where it ends.
        MediaTypeError: a middleware has parsed it, and kept nothing.
        BodyError: it ended early.
    """
    read: bytes | None = getattr(request, _ATTRIBUTE, None)
    if read is not None:
        return read
    length = check_length(request, limit=limit)
    try:
        if _is_chunked_wsgi(request):  # first: `request.body` of such a request is always empty
            length, body = 0, _read_chunks(request, limit=limit)
        elif hasattr(request, "_body"):  # a middleware of the host's has read it
            body = request.body
        else:
            body = _read_stream(request, limit=limit)
    except OSError as error:
        raise BodyError(_("The body ended early. Send it again.")) from error
    if len(body) < length:  # a client that hung up has not sent an empty body
        raise BodyError(_("The body ended early. Send it again."))
    if len(body) > limit:
        raise BodyTooLargeError
    setattr(request, _ATTRIBUTE, body)
    return body


def check_length(request: HttpRequest, *, limit: int) -> int:
    """Refuse by the Content-Length alone, before anything is read; return it, 0 for none.

    Raises:
        BodyTooLargeError: it is over `limit`.
        BodyError: it is no number.
    """
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()):
        raise BodyError(_("The header Content-Length is no number."))
    if len(length) > _MAX_LENGTH_DIGITS or int(length) > limit:
        raise BodyTooLargeError
    return int(length)


def _is_chunked_wsgi(request: HttpRequest) -> bool:
    """Tell whether the body comes in chunks; a Content-Length beside that counts for nothing.

    Spec: RFC 9112 section 6.3.
    """
    return "wsgi.input" in request.META and "HTTP_TRANSFER_ENCODING" in request.META


def _read_chunks(request: HttpRequest, *, limit: int) -> bytes:
    """Read past Django's stream, which ends where a Content-Length of zero does."""
    if not request.META.get("wsgi.input_terminated"):
        raise LengthRequiredError
    stream = request.META["wsgi.input"]
    body = b""
    while len(body) <= limit and (chunk := stream.read(limit + 1 - len(body))):
        body += chunk
    return body


def _read_stream(request: HttpRequest, *, limit: int) -> bytes:
    if getattr(request, "_read_started", False):
        # Somebody parsed it as a form and kept nothing: it must not pass for an empty one.
        raise MediaTypeError
    body: bytes = request.read(limit + 1)
    return body
