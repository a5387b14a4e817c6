"""Whether a gateway lets a request through, and as whom.

For the `auth_request` of nginx, ForwardAuth of Traefik, `ext_authz` of Envoy and `forward_auth` of
Caddy. Some of them turn any status but 200, 401 and 403 into an error of their own, so that there
is no other, and none of them reads a body.

Spec: RFC 6750.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from django.db import router, transaction
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt

from entities.exceptions import NotAuthenticatedError
from entities.http.bearer import bearer_text, challenge
from entities.models import AuthToken
from entities.models.flags import FLAG_PATTERN, MAX_FLAGS
from entities.services.usage import note_uses
from entities.verification import verify_bearer

if TYPE_CHECKING:
    from django.http import HttpRequest

    from entities.verification import Principal

logger = logging.getLogger("entities.gateway")

# What a header holds as it is. A comma would make one id look like two, and a percent sign an id
# that is not encoded like one that is.
_AS_IT_IS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",%")
_PLAIN = re.compile(f"[{re.escape(_AS_IT_IS)}]*")


# In no transaction of ATOMIC_REQUESTS: the one query needs none.
@csrf_exempt
@transaction.non_atomic_requests(using=router.db_for_write(AuthToken))
def verify(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer 200 with the identity of the token's user, 401 or 403; of any method.

    Behind the endpoint's own path any other may follow, `rest`: Envoy appends that of the request.

    Spec: RFC 6750 sections 2.1, 3 and 3.1.
    """
    try:
        text = _text_of(request)
        if not text:
            return _refusal(401, challenge())
        principal = verify_bearer(text)
    except NotAuthenticatedError:
        return _refusal(401, challenge("invalid_token"))
    note_uses(principal.used, at=principal.verified_at)
    query = request.META.get("QUERY_STRING", "")
    if query and (lack := _lack(query, principal, strict=not rest)) is not None:
        return _refusal(403, challenge("insufficient_scope", flags=lack))
    # Each, also where it is empty: what is left out, a gateway may pass on as the client sent it.
    return _answer(
        200,
        {
            "X-Entity-Id": _encoded(principal.entity_id),
            "X-User-Id": _encoded(principal.user_id),
            "X-Token-Flags": ",".join(sorted(principal.flags or ())),
        },
    )


def _text_of(request: HttpRequest) -> str:
    """Return the one text of `Authorization: Bearer` and `entity-authentication-token`, or none.

    Raises:
        NotAuthenticatedError: they differ, and what stands behind the gateway might take the other.
            Or a header came twice, which servers join by a comma, or is malformed.
    """
    if "," in request.META.get("HTTP_AUTHORIZATION", ""):
        raise NotAuthenticatedError("Authorization: doubled")
    bearer = bearer_text(request) or ""
    header: str = request.META.get("HTTP_ENTITY_AUTHENTICATION_TOKEN", "")
    if bearer and header and bearer != header:
        raise NotAuthenticatedError("two tokens")
    return bearer or header


def _lack(query: str, principal: Principal, *, strict: bool) -> list[str] | None:
    """Return the flags that are asked for where the token lacks something; None: it lacks nothing.

    Parameters add up: all of them must hold. Whatever else is in the query of the gateway's
    configuration is a mistake there, which must not let anybody in; `strict` says that the query
    is that, and not the one of the client's request.
    """
    wanted: set[str] = set()
    fits = True
    try:
        for name, value in parse_qsl(query, keep_blank_values=True, errors="strict"):
            if name == "flags":
                wanted.update(filter(None, value.split(",")))
            elif name == "entity":
                fits &= value == principal.entity_id
            elif strict:
                logger.warning("A query of /verify has more than flags and entity: refused.")
                fits = False
    except UnicodeDecodeError:
        fits = False
    if fits and wanted.issubset(principal.flags or ()):
        return None
    return sorted(filter(FLAG_PATTERN.fullmatch, wanted))[:MAX_FLAGS]


def _encoded(id: str) -> str:
    return id if _PLAIN.fullmatch(id) else quote(id, safe=_AS_IT_IS)


def _refusal(status: int, asked: str) -> HttpResponse:
    """Refuse, in the same words for every cause."""
    return _answer(status, {"WWW-Authenticate": asked})


def _answer(status: int, headers: dict[str, str]) -> HttpResponse:
    headers["Cache-Control"] = "no-store"
    return HttpResponse(status=status, content_type="text/plain; charset=utf-8", headers=headers)
