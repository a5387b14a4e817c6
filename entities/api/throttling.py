"""Limits of calls: by API key, by caller, and of wrong credentials by client address.

Spec: RFC 6585 section 4 (429); draft-ietf-httpapi-ratelimit-headers-10 (the headers).
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from rest_framework.exceptions import Throttled
from rest_framework.throttling import BaseThrottle

from entities import limits
from entities.conf import app_settings
from entities.limits import Limit
from entities.origins import origin_of
from entities.verification import Principal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from rest_framework.request import Request
    from rest_framework.response import Response
    from rest_framework.views import APIView

    from entities.limits import Count

_ATTRIBUTE = "_entities_counts"


class CallThrottle(BaseThrottle):
    """Limits applications, and users in an entity. Calls over the limit count too."""

    exceeded: Sequence[Count] = ()

    def allow_request(self, request: Request, view: APIView) -> bool:
        caller = request.auth
        if isinstance(caller, Principal):
            self.exceeded = _count_call(request._request, caller)
        return not self.exceeded

    def wait(self) -> float | None:
        """Seconds until no limit is in the way."""
        return _wait(self.exceeded)


def count_refused(request: HttpRequest, caller: Principal) -> None:
    """Count a call that is refused before `CallThrottle` sees it.

    Raises:
        Throttled: it is over a limit.
    """
    if exceeded := _count_call(request, caller):
        raise Throttled(_wait(exceeded))


def refuse_after_failures(request: HttpRequest) -> None:
    """Refuse an address that has brought too many wrong credentials, whatever it brings now.

    Those that arrive at once are looked at before any of them has failed: so many more get through.

    Raises:
        Throttled: until the window ends.
    """
    address = _network(request)
    if address is None:
        return
    failed = limits.look(_failures_of(address))
    if failed is not None and failed.remaining == 0:
        _note(request, failed)
        raise Throttled(failed.resets_in)


def count_failure(request: HttpRequest) -> None:
    """Count wrong credentials against the client's address, where that is known."""
    if (address := _network(request)) is not None:
        _note(request, *limits.count(_failures_of(address)))


def add_headers(request: HttpRequest, response: Response) -> None:
    """Tell what was counted for `request`, and what is left."""
    counts: list[Count] = getattr(request, _ATTRIBUTE, [])
    if counts:
        response.headers["RateLimit-Policy"] = ", ".join(
            f'"{one.policy}";q={one.rate.quota};w={one.rate.window}' for one in counts
        )
        response.headers["RateLimit"] = ", ".join(
            f'"{one.policy}";r={one.remaining};t={one.resets_in}' for one in counts
        )


def _count_call(request: HttpRequest, caller: Principal) -> Sequence[Count]:
    """Count a call, and return the limits that it is over."""
    # In one entity: what one tenant's app does is no other tenant's loss.
    wanted = [Limit("caller", app_settings.RATE_LIMIT_CALLER, of=str(caller.membership_id))]
    if caller.api_key_id is not None:
        by_key = Limit("api-key", app_settings.RATE_LIMIT_API_KEY, of=caller.api_key_id.hex)
        wanted.insert(0, by_key)
    counts = limits.count(*wanted)
    _note(request, *counts)
    return [one for one in counts if one.used > one.rate.quota]


def _wait(exceeded: Sequence[Count]) -> float | None:
    return max((one.resets_in for one in exceeded), default=None)


def _note(request: HttpRequest, *counts: Count) -> None:
    setattr(request, _ATTRIBUTE, [*getattr(request, _ATTRIBUTE, []), *counts])


def _failures_of(address: str) -> Limit:
    return Limit("failures", app_settings.RATE_LIMIT_FAILURES, of=address)


def _network(request: HttpRequest) -> str | None:
    """Return the client's address; of IPv6 its /64, which is what one customer has."""
    known = origin_of(request).client_address
    if known is None:
        return None
    address = ip_address(known)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or ip_network((int(address), 64), strict=False)[0]
    return str(address)
