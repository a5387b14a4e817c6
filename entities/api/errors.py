"""Whatever a view of the API raises -> its answer, in the one error form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response

from entities import exceptions as domain
from entities.http.problems import (
    PROBLEM_MEDIA_TYPE,
    RETRY_AFTER,
    WIRE_NAMES,
    RequestError,
    of_domain,
    of_fields,
    problem,
    report,
    status_error,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entities.services.retries import KeptAnswer

_WHOLE = "non_field_errors"  # how REST framework names what is wrong with a whole object


class ReadOnlyKeyRefused(drf.PermissionDenied):
    """`KeyReadOnlyError` for REST framework, so that the views of hosts answer 403 too."""

    default_code = domain.KeyReadOnlyError.code
    default_detail = domain.KeyReadOnlyError.message


class Replay(Exception):  # noqa: N818  it is no error
    """Ends a call that was answered before: `answer` is its answer again."""

    def __init__(self, answer: KeptAnswer) -> None:
        self.answer = answer
        super().__init__("answered before")


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> Response:
    """Turn any exception of an API view into its answer; one that nobody foresaw is a 500."""
    if isinstance(exception, Replay):
        return _replayed(exception.answer)
    if isinstance(exception, domain.EntitiesError):
        return _respond(of_domain(exception), exception)
    if isinstance(exception, RequestError):
        return _respond(exception.body())
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
    report(exception, context["request"]._request)
    return _respond(_of_status(500))


def _of_validation(error: drf.ValidationError) -> dict[str, Any]:
    return of_fields(
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
    return of_fields({names.get(name, name): found for name, found in by_field.items()})


def _of_framework(error: drf.APIException) -> dict[str, Any]:
    if isinstance(error, ReadOnlyKeyRefused):
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
