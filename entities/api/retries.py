"""The header `Idempotency-Key`: a POST that is sent again is answered again, and done once.

Spec: draft-ietf-httpapi-idempotency-key-header-07. A key is taken as it is, quotes and all.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer

from entities.http.requests import read_body
from entities.services.retries import (
    Attempt,
    KeptAnswer,
    begin_attempt,
    filled,
    keep_answer,
    let_go,
    value_at,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest
    from rest_framework.response import Response

    from entities.actors import Actor
    from entities.models import ApiKey, AuthToken, UserToken

    Credential = AuthToken | ApiKey | UserToken

logger = logging.getLogger("entities.retries")

HEADER = "Idempotency-Key"
MAX_KEY_CHARS = 255
KEY_PATTERN = rf"[!-~]{{1,{MAX_KEY_CHARS}}}"
_KEY = re.compile(KEY_PATTERN)

_KEPT_HEADERS = ("ETag", "Location")


def _is_kept(status: int) -> bool:
    """Whether an answer is what became of the request.

    The others refused it before anything was done, or failed: the next try may fare better.
    """
    return status < 400 or status in (404, 409)


def begin(request: HttpRequest, *, by: Actor, limit: int) -> Attempt | KeptAnswer | None:
    """Begin a POST that carries a key; return its answer where it has one; None without a key.

    Args:
        limit: bytes of the largest body that is read.

    Raises:
        ValidationError: the key has another form.
        Besides, what `begin_attempt` and `read_body` raise.
    """
    key = request.headers.get(HEADER)
    if request.method != "POST" or key is None:
        return None
    if _KEY.fullmatch(key) is None:
        sentence = _("Send 1 to {most} visible ASCII characters, a new random key for each act.")
        raise ValidationError({HEADER: [sentence.format(most=MAX_KEY_CHARS)]})
    body = read_body(request, limit=limit)
    # No method and no path has a NUL, so that no two requests are one.
    told = b"\0".join([request.method.encode(), request.path.encode(), body])
    return begin_attempt(key=key, request=told, by=by)


def settle(attempt: Attempt, response: Response, secrets: Mapping[str, Credential]) -> None:
    """Keep the answer to `attempt`, less the texts at the places that `secrets` names.

    What fails here fails no answer: the work is done. The attempt then ends by itself.
    """
    try:
        if _is_kept(response.status_code):
            _keep(attempt, response, secrets)
        else:
            let_go(attempt=attempt)
    except DatabaseError:
        logger.exception("The answer to a request with a key was not kept.")


def _keep(attempt: Attempt, response: Response, secrets: Mapping[str, Credential]) -> None:
    data: Any = response.data
    texts = {place: row for place, row in secrets.items() if value_at(data, place) is not None}
    less_texts = filled(data, dict.fromkeys(texts)) if texts else data
    keep_answer(
        attempt=attempt,
        status=response.status_code,
        headers={name: response.headers[name] for name in _KEPT_HEADERS if name in response},
        body=JSONRenderer().render(less_texts).decode(),
        texts=texts,
    )
