"""What plain Django views are protected with, `async` ones too. It needs no REST framework.

`token_required` lets a caller in by `Authorization: Bearer` and an authentication token;
`TokenMiddleware` says who calls, and lets everybody in. Neither logs anybody in: `request.user` is
that of Django. The caller is `request.principal`.

Spec: RFC 6750.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers

from entities import keys
from entities.codec import Kind
from entities.exceptions import NotAuthenticatedError, PermissionDeniedError
from entities.http.bearer import REFUSED, bearer_text, challenge, is_bearer
from entities.http.callers import (
    NOT_ADMIN,
    TooManyFailuresError,
    caller_by_bearer,
    carries,
    checked_flags,
    lacking,
)
from entities.http.problems import json_answer, problem, status_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from django.http import JsonResponse
    from django_stubs_ext import StrOrPromise

    from entities.verification import Principal

    _GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]

_View = TypeVar("_View", bound="Callable[..., HttpResponseBase | Awaitable[HttpResponseBase]]")


class TokenRequest(HttpRequest):
    """A request as a guarded view sees it: for annotations, nothing is an instance of it."""

    principal: Principal


class TokenMiddleware:
    """Sets `request.principal`: whom the bearer token of the request proves, or None.

    None stands for any token that is not good here: let the view decide. Where the URL has an
    `entityId`, a token of another entity is none. A text without the prefix of an authentication
    token may be somebody else's: it is not looked at.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._answer(request)
        _attach(request, _known_caller(request))
        return _varied(cast("HttpResponseBase", self.get_response(request)))

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        # The thread is for those who bring a token.
        caller = await sync_to_async(_known_caller)(request) if _is_ours(request) else None
        _attach(request, caller)
        return _varied(await cast("Awaitable[HttpResponseBase]", self.get_response(request)))

    def process_view(
        self, request: HttpRequest, view: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        """Forget a caller of another entity than the URL names, before the view sees him."""
        caller: Principal | None = getattr(request, "principal", None)
        if caller is not None and str(kwargs.get("entityId", caller.entity_id)) != caller.entity_id:
            _attach(request, None)


@overload
def token_required(view: _View, /) -> _View: ...
@overload
def token_required(
    *, flags: Sequence[str] = (), admin: bool = False, entity: str | None = None
) -> Callable[[_View], _View]: ...
def token_required(
    view: _View | None = None,
    /,
    *,
    flags: Sequence[str] = (),
    admin: bool = False,
    entity: str | None = None,
) -> _View | Callable[[_View], _View]:
    """Let in who brings a live authentication token, as `request.principal`; others get a problem.

    A token of another entity than the URL names is a 401. A view whose URL names none lets tokens
    of every entity in: let it touch what is of `request.principal.entity_id`, and nothing else.

    No cookie lets anybody in, so that CSRF has nothing to forge: the view is exempt, as it is from
    `LoginRequiredMiddleware`. Answers vary by `Authorization`, lest Django's cache mix them up.

    For a class, `@method_decorator(token_required, name="dispatch")`.

    Args:
        flags: the token carries all of them.
        admin: the caller is an admin of the entity.
        entity: what the URL pattern calls the entity's id; None: `entityId`, where it has that.

    Raises:
        TypeError: it stands on what is no view.
        ValueError: a flag of the wrong form.
    """
    wanted = () if flags == () or flags == [] else checked_flags(flags)
    gate = _Gate(wanted, admin=admin, entity=entity)
    if view is None:
        return lambda its_view: _guarded(its_view, gate)
    return _guarded(view, gate)


@dataclass(frozen=True, slots=True)
class _Gate:
    """What a guarded view asks for."""

    flags: tuple[str, ...]
    admin: bool
    entity: str | None

    def refuse(self, request: HttpRequest, kwargs: Mapping[str, Any]) -> HttpResponseBase | None:
        """Let the caller in; or return the answer to who is not."""
        try:
            caller = caller_by_bearer(request, entity_id=self._entity_id(kwargs))
        except TooManyFailuresError as error:
            code, sentence = status_error(429)
            return _refusal(429, code, sentence, {"Retry-After": str(error.wait)})
        except NotAuthenticatedError:
            caller = None
        if caller is None:
            asked = challenge("invalid_token" if is_bearer(request) else None)
            return _refusal(401, NotAuthenticatedError.code, REFUSED, {"WWW-Authenticate": asked})
        # RFC 6750 section 3.1: a 403 says with the same header what would be enough.
        asked = challenge("insufficient_scope", flags=self.flags)
        if not carries(caller, self.flags):
            sentence = lacking(self.flags)
            return _refusal(403, "insufficient_scope", sentence, {"WWW-Authenticate": asked})
        if self.admin and not caller.is_admin:
            code = PermissionDeniedError.code
            return _refusal(403, code, NOT_ADMIN, {"WWW-Authenticate": asked})
        _attach(request, caller)
        return None

    def _entity_id(self, kwargs: Mapping[str, Any]) -> str | None:
        if self.entity is None:
            entity_id: str | None = kwargs.get("entityId")
        elif self.entity in kwargs:
            entity_id = kwargs[self.entity]
        else:  # to let in whomever would be worse than to let in nobody
            raise ImproperlyConfigured(f"The URL of this view has no {self.entity!r}.")
        return None if entity_id is None else str(entity_id)


def _guarded(view: _View, gate: _Gate) -> _View:
    if isinstance(view, type) or not callable(view):
        raise TypeError(
            f"{view!r} is no view. For a class: @method_decorator(token_required, name='dispatch')."
        )
    if _is_async(view):

        @wraps(view)
        async def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            answer: Any = await sync_to_async(gate.refuse)(request, kwargs)
            if answer is None:
                answer = view(request, *args, **kwargs)
            return _varied(await answer if isawaitable(answer) else answer)

    else:

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            answer: Any = gate.refuse(request, kwargs) or view(request, *args, **kwargs)
            return _varied(answer)

    guarded.csrf_exempt = True  # type: ignore[attr-defined]
    guarded.login_required = False  # type: ignore[attr-defined]
    return cast("_View", guarded)


def _is_async(view: Callable[..., Any]) -> bool:
    """Whether `view` answers with a coroutine.

    `dispatch` of a class with `async` methods does, and is no coroutine function itself.
    """
    owner = getattr(getattr(view, "func", view), "__self__", None)
    return iscoroutinefunction(view) or getattr(owner, "view_is_async", False)


def _is_ours(request: HttpRequest) -> bool:
    try:
        text = bearer_text(request)
    except NotAuthenticatedError:
        return False
    return text is not None and keys.rules().begins_as(Kind.AUTH_TOKEN, text)


def _known_caller(request: HttpRequest) -> Principal | None:
    if not _is_ours(request):
        return None
    try:
        return caller_by_bearer(request)
    except (NotAuthenticatedError, TooManyFailuresError):
        return None


def _attach(request: HttpRequest, caller: Principal | None) -> None:
    request.principal = caller  # type: ignore[attr-defined]


def _varied(response: HttpResponseBase) -> HttpResponseBase:
    if isinstance(response, HttpResponseBase):  # what a view forgets, Django tells of
        patch_vary_headers(response, ["Authorization"])
    return response


def _refusal(
    status: int, code: str, sentence: StrOrPromise, headers: Mapping[str, str]
) -> JsonResponse:
    return json_answer(problem(status, code=code, error=sentence), status=status, headers=headers)
