"""Who makes a request, by the authentication token that it bears.

A token is verified once a request, however many ask: the middleware, a guard, an authentication
class.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from entities.exceptions import FlagsError, NotAuthenticatedError
from entities.http.bearer import REFUSED, bearer_text
from entities.http.counting import count_failure, wait_after_failures
from entities.models.flags import clean_flags
from entities.services.usage import note_uses
from entities.verification import Principal, verify_bearer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.http import HttpRequest
    from django_stubs_ext import StrPromise

    _Known = Principal | Callable[[], Exception]
    """What came of a token: whom it proves, or what to raise."""

NOT_ADMIN = _("This takes an admin of the entity.")

_ATTRIBUTE = "_entities_bearer"


class TooManyFailuresError(Exception):
    """The client's address has brought too many wrong credentials; `wait` is in seconds."""

    def __init__(self, wait: int) -> None:
        self.wait = wait
        super().__init__(wait)


def caller_by_bearer(request: HttpRequest, *, entity_id: str | None = None) -> Principal | None:
    """Verify the bearer token of `request`. None: it has none.

    One query, and none where the text is forged or mistyped.

    Args:
        entity_id: whose token it must be; None: any entity's.

    Raises:
        NotAuthenticatedError: wrong, dead, doubled, or of another entity; it is counted.
        TooManyFailuresError: nothing is looked at before the window ends.
    """
    known: _Known | None = getattr(request, _ATTRIBUTE, None)
    if known is None:
        known = _verify(request)
        setattr(request, _ATTRIBUTE, known)
    if known is None:
        return None
    if not isinstance(known, Principal):
        raise known()
    if entity_id is not None and known.entity_id != entity_id:
        count_failure(request)
        raise NotAuthenticatedError("authentication token: another entity's", message=REFUSED)
    note_uses(known.used, at=known.verified_at)
    return known


def carries(caller: Principal, flags: Iterable[str]) -> bool:
    """Whether `caller` proved himself by an authentication token with all of `flags`.

    Flags from elsewhere are a ceiling, and grant nothing.
    """
    return caller.proof is not None and (caller.flags or frozenset()).issuperset(flags)


def checked_flags(flags: Iterable[str]) -> tuple[str, ...]:
    """Return what a developer asks for; at start, so that no typo shuts or opens a view.

    Raises:
        ValueError: no flag, or one of the wrong form.
    """
    try:
        wanted = () if isinstance(flags, str) else tuple(clean_flags(flags))
    except (FlagsError, TypeError):
        wanted = ()
    if not wanted:
        raise ValueError(f"{flags!r} is no list of flags: of letters, digits and ._:- each.")
    return wanted


def lacking(flags: Iterable[str]) -> StrPromise:
    """Write the sentence of a 403 to who carries not all of `flags`."""
    return format_lazy(_("This takes an authentication token with {flags}."), flags=" ".join(flags))


def _verify(request: HttpRequest) -> _Known | None:
    try:
        text = bearer_text(request)
        if text is None:
            return None
        if (wait := wait_after_failures(request)) is not None:
            return partial(TooManyFailuresError, wait)
        return verify_bearer(text).own()
    except NotAuthenticatedError as error:
        count_failure(request)
        return partial(NotAuthenticatedError, str(error), message=REFUSED)
