"""The body of a request: read up to a limit, however it is sent, and parsed strictly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from django.utils.translation import gettext as _
from rest_framework.exceptions import UnsupportedMediaType

from entities.api.errors import BodyError, BodyTooLargeError, LengthRequiredError

if TYPE_CHECKING:
    from django.http import HttpRequest

_ATTRIBUTE = "_entities_body"
_MAX_LENGTH_DIGITS = 18  # enough for any body, few enough for int()


def read_json_object(request: HttpRequest, *, limit: int) -> dict[str, Any]:
    """Read the body as one JSON object; an empty body is an empty object.

    Raises:
        BodyTooLargeError: it is over `limit` bytes.
        LengthRequiredError: it comes in chunks, and the server does not tell where it ends.
        UnsupportedMediaType: it is not application/json in UTF-8.
        BodyError: it is no JSON object, or one with a name twice, NaN, or a lone surrogate.
    """
    body = read_body(request, limit=limit)
    if not body:
        return {}
    if not _says_json(request):
        raise UnsupportedMediaType(request.content_type or "")
    return parse_json_object(body)


def read_body(request: HttpRequest, *, limit: int) -> bytes:
    """Read the body, with a Content-Length or in chunks. See `read_json_object` for the errors.

    It is read once and kept with the request: a stream of chunks can be read only once.

    REST framework takes a body without a Content-Length for empty: a refresh that sends a wrong
    text in chunks would refresh as if it had sent none.
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


def parse_json_object(body: bytes) -> dict[str, Any]:
    """Parse strictly: RFC 8259, less what makes two readers of it disagree.

    Raises:
        BodyError: with a sentence that says what is wrong.
    """
    try:
        text = body.decode()
        parsed = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
        if "\\u" in text:
            json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise BodyError(_("The body is not UTF-8.")) from None
    except UnicodeEncodeError:
        sentence = _("The body has a lone surrogate: \\ud800 to \\udfff come in pairs.")
        raise BodyError(sentence) from None
    except RecursionError:
        raise BodyError(_("The body is nested too deep.")) from None
    except ValueError:
        raise BodyError(_("The body is not JSON.")) from None
    if not isinstance(parsed, dict):
        raise BodyError(_("The body is not a JSON object: send {…}."))
    return parsed


def _says_json(request: HttpRequest) -> bool:
    charset = (request.content_params or {}).get("charset", "utf-8")
    is_json = (request.content_type or "").lower() == "application/json"
    return is_json and charset.lower() in {"utf-8", "utf8"}


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
        raise UnsupportedMediaType(request.content_type or "")
    body: bytes = request.read(limit + 1)
    return body


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) != len(pairs):
        raise BodyError(_("The body has a name twice in one object."))
    return parsed


def _refuse_constant(name: str) -> NoReturn:
    raise BodyError(_("The body has {name}, which is not JSON.").format(name=name))
