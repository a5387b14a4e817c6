"""Limits of calls: what a request counts against, and what its answer says of that.

Spec: RFC 6585 section 4 (429); draft-ietf-httpapi-ratelimit-headers-10 (the headers).
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from entities import limits
from entities.conf import app_settings
from entities.limits import Limit
from entities.origins import origin_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.http import HttpRequest

    from entities.limits import Count

_ATTRIBUTE = "_entities_counts"


def count_call(
    request: HttpRequest, *, api_key_id: UUID | None = None, membership_id: int | None = None
) -> Sequence[Count]:
    """Count a call of an application, of a user, or of both; return the limits that it is over."""
    wanted = []
    if api_key_id is not None:
        wanted.append(Limit("api-key", app_settings.RATE_LIMIT_API_KEY, of=api_key_id.hex))
    if membership_id is not None:
        # In one entity: what one tenant's app does is no other tenant's loss.
        wanted.append(Limit("caller", app_settings.RATE_LIMIT_CALLER, of=str(membership_id)))
    counts = limits.count(*wanted)
    _note(request, *counts)
    return [one for one in counts if one.used > one.rate.quota]


def wait_after(exceeded: Sequence[Count]) -> int | None:
    """Return the seconds until none of the limits is in the way."""
    return max((one.resets_in for one in exceeded), default=None)


def wait_after_failures(request: HttpRequest) -> int | None:
    """Return the seconds that an address waits which has brought too many wrong credentials.

    Those that arrive at once are looked at before any of them has failed: so many more get through.
    """
    if not limits.are_on() or (address := _network(request)) is None:
        return None
    failed = limits.look(_failures_of(address))
    if failed is None or failed.remaining > 0:
        return None
    _note(request, failed)
    return failed.resets_in


def count_failure(request: HttpRequest) -> None:
    """Count wrong credentials against the client's address, where that is known."""
    if limits.are_on() and (address := _network(request)) is not None:
        _note(request, *limits.count(_failures_of(address)))


def limit_headers(request: HttpRequest) -> dict[str, str]:
    """Tell what was counted for `request`, and what is left."""
    counts: list[Count] = getattr(request, _ATTRIBUTE, [])
    if not counts:
        return {}
    return {
        "RateLimit-Policy": ", ".join(
            f'"{one.policy}";q={one.rate.quota};w={one.rate.window}' for one in counts
        ),
        "RateLimit": ", ".join(
            f'"{one.policy}";r={one.remaining};t={one.resets_in}' for one in counts
        ),
    }


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
