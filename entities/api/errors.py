"""Domain error -> status and body: the one error form of the API.

Spec: RFC 9457, with three more members: `success` (false), `error` (what to do about it) and
`code` (a stable word); the errors of fields stand under `errors`.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.http import Http404, JsonResponse
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions as drf
from rest_framework.response import Response

from entities import exceptions as domain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest
    from django_stubs_ext import StrOrPromise

    from entities.services.retries import KeptAnswer

logger = logging.getLogger("django.request")

PROBLEM_MEDIA_TYPE = "application/problem+json"

STATUS_OF: dict[type[domain.EntitiesError], int] = {
    domain.CredentialTextError: 400,
    domain.FlagsError: 400,
    domain.LifetimeError: 400,
    domain.NothingToChangeError: 400,
    domain.TokenMismatchError: 400,
    domain.NotAuthenticatedError: 401,
    domain.FlagCeilingError: 403,
    domain.FlagNotGrantedError: 403,
    domain.PermissionDeniedError: 403,
    domain.MembershipNotFoundError: 404,
    domain.TokenExpiredError: 404,
    domain.TokenKeyRetiredError: 404,
    domain.TokenNotFoundError: 404,
    domain.TokenRevokedError: 404,
    domain.TokenSuspendedError: 404,
    domain.CredentialRevokedError: 409,
    domain.MembershipInactiveError: 409,
    domain.TokenChangedError: 409,
    domain.TokenExistsError: 409,
    domain.TokenReusedError: 409,
    domain.ReplayExpiredError: 409,
    domain.RequestInProgressError: 409,
    domain.PreconditionFailedError: 412,
    domain.IdempotencyKeyReusedError: 422,
}

RETRY_AFTER: dict[type, int] = {domain.RequestInProgressError: 1}
"""Seconds after which it is worth to call again."""

WIRE_NAMES = {"expires_at": "expiry", "flags": "flags", "text": "authenticationToken"}

_DJANGO: dict[int, tuple[str, StrOrPromise]] = {
    400: ("bad_request", _("This request is broken. Check its path, its host and its headers.")),
    401: (domain.NotAuthenticatedError.code, domain.NotAuthenticatedError.message),
    403: (domain.PermissionDeniedError.code, domain.PermissionDeniedError.message),
    404: ("not_found", _("Nothing is at this path. Compare it with the documentation at /docs.")),
    405: ("method_not_allowed", _("This path has no such method. The header Allow lists its own.")),
    411: ("length_required", _("Send the body with a Content-Length.")),
    413: ("body_too_large", _("The body is larger than this service reads. Send less.")),
    415: (
        "unsupported_media_type",
        _("Send the body as application/json, in UTF-8."),
    ),
    429: (
        "rate_limited",
        _("Too many calls. Wait for as many seconds as the header Retry-After says."),
    ),
    500: ("internal_error", _("This went wrong on our side, and is logged. Try again later.")),
}


class BodyTooLargeError(drf.APIException):
    """The body is over `MAX_BODY_BYTES`."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class LengthRequiredError(drf.APIException):
    """A body in chunks, and a server that does not tell where it ends."""

    status_code = HTTPStatus.LENGTH_REQUIRED


class BodyError(drf.APIException):
    """The body is no JSON object as the API reads it."""

    status_code = HTTPStatus.BAD_REQUEST
    default_code = "body_malformed"


class Replay(Exception):  # noqa: N818  it is no error
    """Ends a call that was answered before: `answer` is its answer again."""

    def __init__(self, answer: KeptAnswer) -> None:
        self.answer = answer
        super().__init__("answered before")


def problem(
    status: int,
    *,
    code: str,
    error: StrOrPromise,
    errors: Mapping[str, list[str]] | None = None,
) -> dict[str, Any]:
    """Build the body of an error."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(error),
        "success": False,
        "error": str(error),
        "code": code,
    }
    if errors:
        body["errors"] = errors
    return body


def status_error(status: int) -> tuple[str, StrOrPromise]:
    """Return code and sentence of an error that only its status tells."""
    return _DJANGO[status]


def problem_response(status: int) -> JsonResponse:
    """Answer in the error form outside of REST framework: for Django's own errors."""
    code, error = status_error(status)
    response = JsonResponse(
        problem(status, code=code, error=error), status=status, content_type=PROBLEM_MEDIA_TYPE
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> Response:
    """Turn any exception of an API view into its answer; one that nobody foresaw is a 500."""
    if isinstance(exception, Replay):
        return _replayed(exception.answer)
    if isinstance(exception, domain.EntitiesError):
        return _respond(of_domain(exception), exception)
    if isinstance(exception, drf.ValidationError):
        return _respond(_of_validation(exception))
    if isinstance(exception, Http404):
        exception = drf.NotFound()
    elif isinstance(exception, PermissionDenied):
        exception = drf.PermissionDenied()
    if isinstance(exception, drf.APIException):
        return _respond(_of_framework(exception), exception)
    _report(exception, context["request"]._request)
    return _respond(_of_status(500))


def of_domain(error: domain.EntitiesError) -> dict[str, Any]:
    """Build the body of a domain error."""
    name = WIRE_NAMES[error.field] if error.field else None
    return problem(
        STATUS_OF[type(error)],
        code=error.code,
        error=error.message,
        errors={name: [str(error.message)]} if name else None,
    )


def _of_validation(error: drf.ValidationError) -> dict[str, Any]:
    fields = {name: list(_sentences(detail)) for name, detail in _items(error.detail)}
    summary = " ".join(f"{name}: {sentences[0]}" for name, sentences in fields.items())
    return problem(400, code="validation_error", error=summary, errors=fields)


def _of_framework(error: drf.APIException) -> dict[str, Any]:
    if isinstance(error, BodyError):
        return problem(error.status_code, code=error.default_code, error=str(error.detail))
    return _of_status(error.status_code)


def _of_status(status: int) -> dict[str, Any]:
    code, error = status_error(status)
    return problem(status, code=code, error=error)


def _items(detail: Any) -> list[tuple[str, Any]]:
    return list(detail.items()) if isinstance(detail, dict) else [("body", detail)]


def _sentences(detail: Any) -> list[str]:
    """Flatten what REST framework nests: the errors of a list's items, say."""
    if isinstance(detail, dict):
        return [sentence for value in detail.values() for sentence in _sentences(value)]
    if isinstance(detail, list):
        return [sentence for value in detail for sentence in _sentences(value)]
    return [str(detail)]


def _respond(body: dict[str, Any], cause: Exception | None = None) -> Response:
    headers = {}
    if scheme := getattr(cause, "auth_header", None):
        headers["WWW-Authenticate"] = scheme
    if wait := getattr(cause, "wait", None) or RETRY_AFTER.get(type(cause)):
        headers["Retry-After"] = str(wait)
    return Response(body, status=body["status"], headers=headers, content_type=PROBLEM_MEDIA_TYPE)


def _replayed(answer: KeptAnswer) -> Response:
    media_type = PROBLEM_MEDIA_TYPE if answer.status >= 400 else None
    headers = answer.headers | {"Idempotent-Replayed": "true"}
    return Response(answer.body, status=answer.status, headers=headers, content_type=media_type)


def _report(exception: Exception, request: HttpRequest) -> None:
    """Tell of an unforeseen exception as Django does: error trackers and the log hear of it."""
    got_request_exception.send(sender=None, request=request)
    logger.error(
        "Internal Server Error: %s",
        request.path,
        exc_info=exception,
        extra={"status_code": 500, "request": request},
    )
