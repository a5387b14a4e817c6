"""Limits of calls, for REST framework: by API key and by caller, and of wrong credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import Throttled
from rest_framework.throttling import BaseThrottle

from entities.http.counting import count_call, wait_after, wait_after_failures
from entities.verification import Principal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from entities.limits import Count


class CallThrottle(BaseThrottle):
    """Limits applications, and users in an entity. Calls over the limit count too."""

    exceeded: Sequence[Count] = ()

    def allow_request(self, request: Request, view: APIView) -> bool:
        caller = request.auth
        if isinstance(caller, Principal):
            self.exceeded = _count(request._request, caller)
        return not self.exceeded

    def wait(self) -> float | None:
        """Seconds until no limit is in the way."""
        return wait_after(self.exceeded)


def count_refused(request: HttpRequest, caller: Principal) -> None:
    """Count a call that is refused before `CallThrottle` sees it.

    Raises:
        Throttled: it is over a limit.
    """
    if exceeded := _count(request, caller):
        raise Throttled(wait_after(exceeded))


def refuse_after_failures(request: HttpRequest) -> None:
    """Refuse an address that has brought too many wrong credentials, whatever it brings now.

    Raises:
        Throttled: until the window ends.
    """
    if (wait := wait_after_failures(request)) is not None:
        raise Throttled(wait)


def _count(request: HttpRequest, caller: Principal) -> Sequence[Count]:
    return count_call(request, api_key_id=caller.api_key_id, membership_id=caller.membership_id)
