"""The one error form of everything that answers in JSON: domain error -> status and body.

Spec: RFC 9457, with three more members: `success` (false), `error` (what to do about it) and
`code` (a stable word); the errors of fields stand under `errors`.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.signals import got_request_exception
from django.http import JsonResponse
from django.utils.translation import gettext_lazy as _

from entities import exceptions as domain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest
    from django_stubs_ext import StrOrPromise

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
}

RETRY_AFTER: dict[type, int] = {domain.RequestInProgressError: 1}
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


class RequestError(Exception):
    """HTTP, or the form of the request, refuses it, whatever it is about."""

    status: ClassVar[int]

    def __init__(
        self,
        sentence: StrOrPromise | None = None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.sentence = sentence
        self.headers = headers
        super().__init__(str(sentence or ""))

    def body(self) -> dict[str, Any]:
        """Build the body of its answer."""
        code, error = status_error(self.status)
        return problem(self.status, code=code, error=self.sentence or error)


class MethodError(RequestError):
    """There is no such method here. The header `Allow` says which there are."""

    status = HTTPStatus.METHOD_NOT_ALLOWED


class TooManyCallsError(RequestError):
    """A limit is used up."""

    status = HTTPStatus.TOO_MANY_REQUESTS


class BodyTooLargeError(RequestError):
    """The body is over `MAX_BODY_BYTES`."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class LengthRequiredError(RequestError):
    """A body in chunks, and a server that does not tell where it ends."""

    status = HTTPStatus.LENGTH_REQUIRED


class MediaTypeError(RequestError):
    """The body is of a media type that is not read here."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class BodyError(RequestError):
    """The body is not what its media type says, as it is read here; the sentence says what."""

    status = HTTPStatus.BAD_REQUEST

    def __init__(self, sentence: StrOrPromise) -> None:
        super().__init__(sentence)

    def body(self) -> dict[str, Any]:
        return super().body() | {"code": "body_malformed"}


class FieldsError(RequestError):
    """Fields of the body are wrong; `fields` says what is, for each."""

    status = HTTPStatus.BAD_REQUEST

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self.fields = fields
        super().__init__()

    def body(self) -> dict[str, Any]:
        return of_fields(self.fields)


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
    return json_answer(problem(status, code=code, error=error), status=status)


def json_answer(
    body: Mapping[str, Any],
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> JsonResponse:
    """Answer outside of REST framework: an error from 400 on."""
    media_type = PROBLEM_MEDIA_TYPE if status >= HTTPStatus.BAD_REQUEST else "application/json"
    response = JsonResponse(body, status=status, content_type=media_type, headers=headers)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


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


def of_fields(fields: dict[str, list[str]]) -> dict[str, Any]:
    """Build the body of what is wrong with fields."""
    some = list(fields.items())[:_MOST_IN_SUMMARY]
    summary = " ".join(f"{name}: {sentences[0]}" for name, sentences in some)
    return problem(400, code="validation_error", error=summary, errors=fields)


def report(exception: Exception, request: HttpRequest) -> None:
    """Tell of an unforeseen exception as Django does: error trackers and the log hear of it."""
    got_request_exception.send(sender=None, request=request)
    logger.error(
        "Internal Server Error: %s",
        request.path,
        exc_info=exception,
        extra={"status_code": 500, "request": request},
    )
