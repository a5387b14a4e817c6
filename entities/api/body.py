"""The body of a request, parsed strictly as one JSON object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from django.utils.translation import gettext as _

from entities.http.problems import BodyError, MediaTypeError
from entities.http.requests import read_body

if TYPE_CHECKING:
    from django.http import HttpRequest


def read_json_object(request: HttpRequest, *, limit: int) -> dict[str, Any]:
    """Read the body as one JSON object; an empty body is an empty object.

    Raises:
        MediaTypeError: it is not application/json in UTF-8.
        BodyError: it is no JSON object, or one with a name twice, NaN, or a lone surrogate.
        Besides, what `read_body` raises.
    """
    body = read_body(request, limit=limit)
    if not body:
        return {}
    if not _says_json(request):
        raise MediaTypeError
    return parse_json_object(body)


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


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) != len(pairs):
        raise BodyError(_("The body has a name twice in one object."))
    return parsed


def _refuse_constant(name: str) -> NoReturn:
    raise BodyError(_("The body has {name}, which is not JSON.").format(name=name))
