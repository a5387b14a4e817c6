"""How the calls about an entity's things stand in the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from entities import exceptions as domain
from entities.api.documentation import ANSWER_HEADERS, PATH_PARAMETERS
from entities.api.schema import ETAG, IF_MATCH, IF_NONE_MATCH, ApiSchema, DoneSerializer
from entities.http.problems import problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework import serializers

Example = dict[str, Any]
Causes = tuple[type[domain.EntitiesError], ...]

MOMENT = "2030-01-01T12:00:00Z"
LATER = "2030-01-31T12:00:00Z"
UUID = "8d3c1f0e-5a77-4c0a-9a43-0f6f1d2b7c11"
CREDENTIALS: Causes = (domain.NotAuthenticatedError,)
ADMINS: Causes = (*CREDENTIALS, domain.PermissionDeniedError, domain.EntityNotFoundError)
SUPERUSERS: Causes = (*CREDENTIALS, domain.PermissionDeniedError)
WRITES: Causes = (domain.KeyReadOnlyError, domain.FlagCeilingError)

# Headers of calls about one row that has a version.
MAKES = (ETAG,)
READS_ONE = (IF_MATCH, IF_NONE_MATCH, ETAG)
CHANGES_ONE = (IF_MATCH, ETAG)
ENDS_ONE = (IF_MATCH,)

_FILTER_ERROR = "There is no such filter. Known are: …."
_PARAMETERS = PATH_PARAMETERS | {
    name: OpenApiParameter(
        name,
        {"type": "string", "format": "uuid"},
        OpenApiParameter.PATH,
        description=f"The ID of the {noun}.",
        examples=[OpenApiExample(noun, value=UUID)],
    )
    for name, noun in (("keyId", "API key"), ("tokenId", "user token"))
}


def describe(
    id: str,
    summary: str,
    description: str,
    *,
    tag: str,
    path: tuple[str, ...],
    causes: Causes,
    answer: type[serializers.BaseSerializer[Any]] = DoneSerializer,
    example: Example | None = None,
    status: int = 200,
    many: bool = False,
    request: type[serializers.BaseSerializer[Any]] | None = None,
    requests: dict[str, Example] | None = None,
    field_errors: dict[str, str] | None = None,
    headers: tuple[OpenApiParameter, ...] = (),
) -> Callable[[Any], Any]:
    """Document a call: its path's ids, its body, its answer, and every cause of an error.

    `requests` are examples of the body, `field_errors` one of what can be wrong with fields.
    """
    example = example or {}
    unchanged = {304: OpenApiResponse(description="The caller has this answer already.")}
    if IF_MATCH in headers:
        causes = (*causes, domain.PreconditionFailedError)
    if many:
        field_errors = {"filter": _FILTER_ERROR}
    shown = OpenApiExample(
        "list" if many else "answer",
        value=example if many else {"success": True} | example,
        response_only=True,
    )
    document = extend_schema(
        operation_id=id,
        summary=summary,
        description=description,
        tags=[tag],
        parameters=[*(_PARAMETERS[name] for name in path), *ANSWER_HEADERS, *headers],
        request=request,
        examples=[
            OpenApiExample(name, value=value, request_only=True)
            for name, value in (requests or {}).items()
        ],
        responses={
            status: OpenApiResponse(answer(many=True) if many else answer, summary + ".", [shown]),
            **(unchanged if IF_NONE_MATCH in headers else {}),
        },
    )
    schema = ApiSchema.of(
        causes, problems=_form_problems(request, field_errors), body=request is not None
    )

    def decorator(method: Any) -> Any:
        method.kwargs = {"schema": schema}
        return document(method)

    return decorator


def _form_problems(
    request: type[serializers.BaseSerializer[Any]] | None, field_errors: dict[str, str] | None
) -> list[Example]:
    """Build what can be wrong with the form of a body, or of a query."""
    problems = []
    if request is not None:
        problems.append(problem(400, code="body_malformed", error="The body is not JSON."))
    for name, sentence in (field_errors or {}).items():
        errors = {name: [sentence]}
        error = f"{name}: {sentence}"
        problems.append(problem(400, code="validation_error", error=error, errors=errors))
    return problems
