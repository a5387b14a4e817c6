"""Where a request came from: read once at the edge, for the record."""

from __future__ import annotations

import re
import uuid
from ipaddress import ip_address
from typing import TYPE_CHECKING

from entities.actors import Origin
from entities.conf import app_settings

if TYPE_CHECKING:
    from django.http import HttpRequest

REQUEST_ID_HEADER = "X-Request-ID"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:=/+-]{1,64}", re.ASCII)
_ATTRIBUTE = "_entities_origin"


def origin_of(request: HttpRequest) -> Origin:
    """Return the origin of `request`, the same at each call.

    The id is the client's or the proxy's `X-Request-ID` where it has the form of one, and a new
    one otherwise.
    """
    known: Origin | None = getattr(request, _ATTRIBUTE, None)
    if known is None:
        sent = request.headers.get(REQUEST_ID_HEADER, "")
        request_id = sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
        known = Origin(request_id, client_address(request))
        setattr(request, _ATTRIBUTE, known)
    return known


def client_address(request: HttpRequest) -> str | None:
    """Return the address of the client, as far as it can be trusted; None where there is none.

    Behind `TRUSTED_PROXIES` proxies it is that many places from the right of `X-Forwarded-For`:
    what stands further left the client may have written itself. With fewer places than proxies,
    some proxy was passed by, and the address of the connection is what is known.
    """
    address = request.META.get("REMOTE_ADDR", "")
    proxies = app_settings.TRUSTED_PROXIES
    if proxies > 0:
        forwarded = list(filter(None, request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")))
        if len(forwarded) >= proxies:
            address = forwarded[-proxies]
    try:
        return str(ip_address(address.strip()))
    except ValueError:
        return None
