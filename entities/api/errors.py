"""Domain error -> status and body: the one error form of the API.

Spec: RFC 9457, with three more members: `success` (false), `error` (what to do about it) and
`code` (a stable word); the errors of fields stand under `errors`.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
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
    domain.BatchRefusedError: 400,
    domain.FlagsError: 400,
    domain.LifetimeError: 400,
    domain.LifetimesError: 400,
    domain.NothingToChangeError: 400,
    domain.TokenMismatchError: 400,
    domain.NotAuthenticatedError: 401,
    domain.FlagCeilingError: 403,
    domain.FlagNotGrantedError: 403,
    domain.KeyReadOnlyError: 403,
    domain.PermissionDeniedError: 403,
    domain.SuperuserKeyError: 403,
    domain.UserSharedError: 403,
    domain.CredentialNotFoundError: 404,
    domain.EntityNotFoundError: 404,
    domain.MembershipNotFoundError: 404,
    domain.TokenExpiredError: 404,
    domain.TokenKeyRetiredError: 404,
    domain.TokenNotFoundError: 404,
    domain.TokenRevokedError: 404,
    domain.TokenSuspendedError: 404,
    domain.CredentialRevokedError: 409,
    domain.EntityExistsError: 409,
    domain.LastAdminError: 409,
    domain.MembershipExistsError: 409,
    domain.MembershipInactiveError: 409,
    domain.TokenChangedError: 409,
    domain.TokenExistsError: 409,
    domain.TokenReusedError: 409,
    domain.ReplayExpiredError: 409,
    domain.RequestInProgressError: 409,
    domain.PreconditionFailedError: 412,
    domain.IdempotencyKeyReusedError: 422,
    domain.ProviderUnavailableError: 503,
}

RETRY_AFTER: dict[type, int] = {
    domain.RequestInProgressError: 1,
    domain.ProviderUnavailableError: 10,
}
"""Seconds after which it is worth to call again."""

WIRE_NAMES = {
    "allowed_origins": "allowedOrigins",
    "default_lifetime": "defaultLifetime",
    "expires_at": "expiry",
    "flags": "flags",
    "id": "id",
    "max_lifetime": "maxLifetime",
    "name": "name",
    "restricted_flags": "restrictedFlags",
    "text": "authenticationToken",
}

_MOST_IN_SUMMARY = 10  # of a thousand wrong fields the sentence names some, `errors` all

_WHOLE = "non_field_errors"  # how REST framework names what is wrong with a whole object

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


class ReadOnlyKeyRefused(drf.PermissionDenied):
    """`KeyReadOnlyError` for REST framework, so that the views of hosts answer 403 too."""

    default_code = domain.KeyReadOnlyError.code
    default_detail = domain.KeyReadOnlyError.message


class ProviderUnavailable(drf.APIException):
    """`ProviderUnavailableError` for REST framework, so that the views of hosts answer 503 too."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = domain.ProviderUnavailableError.code
    default_detail = domain.ProviderUnavailableError.message
    wait = RETRY_AFTER[domain.ProviderUnavailableError]


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
    if isinstance(exception, ValidationError):
        return _respond(_of_model(exception))
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
    errors = {WIRE_NAMES[error.field]: [str(error.message)]} if error.field else None
    if isinstance(error, domain.BatchRefusedError):
        errors = {
            ".".join(("tokens", str(place), *([WIRE_NAMES[cause.field]] if cause.field else []))): [
                str(cause.message)
            ]
            for place, cause in error.causes.items()
        }
    return problem(STATUS_OF[type(error)], code=error.code, error=error.message, errors=errors)


def _of_validation(error: drf.ValidationError) -> dict[str, Any]:
    return _of_fields(
        {
            path: list(_sentences(inner))
            for name, detail in _items(error.detail)
            for path, inner in _paths(name, detail)
        }
    )


def _of_model(error: ValidationError) -> dict[str, Any]:
    """Build the body of what a model refuses, in the names of the wire."""
    by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    names = WIRE_NAMES | {NON_FIELD_ERRORS: "body", "": "body"}
    return _of_fields({names.get(name, name): found for name, found in by_field.items()})


def _of_fields(fields: dict[str, list[str]]) -> dict[str, Any]:
    some = list(fields.items())[:_MOST_IN_SUMMARY]
    summary = " ".join(f"{name}: {sentences[0]}" for name, sentences in some)
    return problem(400, code="validation_error", error=summary, errors=fields)


def _of_framework(error: drf.APIException) -> dict[str, Any]:
    if isinstance(error, (BodyError, ReadOnlyKeyRefused, ProviderUnavailable)):
        return problem(error.status_code, code=error.default_code, error=str(error.detail))
    return _of_status(error.status_code)


def _of_status(status: int) -> dict[str, Any]:
    code, error = status_error(status)
    return problem(status, code=code, error=error)


def _items(detail: Any) -> list[tuple[str, Any]]:
    return list(detail.items()) if isinstance(detail, dict) else [("body", detail)]


def _paths(name: str, detail: Any) -> list[tuple[str, Any]]:
    """Name what is wrong inside of objects and lists of objects: `tokens.3.expiry`."""
    inner: Any = detail
    if isinstance(detail, list):
        inner = {place: one for place, one in enumerate(detail) if isinstance(one, dict) and one}
    if not isinstance(inner, dict) or not inner or _is_of_a_plain_list(inner):
        return [(name, detail)]
    return [
        path
        for key, one in inner.items()
        for path in _paths(name if key == _WHOLE else f"{name}.{key}", one)
    ]


def _is_of_a_plain_list(detail: dict[Any, Any]) -> bool:
    return all(isinstance(key, int) and isinstance(one, list) for key, one in detail.items())


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
