"""How the calls about an entity's things stand in the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from entities import exceptions as domain
from entities.api.documentation import ANSWER_HEADERS, PATH_PARAMETERS, problems_of
from entities.api.errors import problem
from entities.api.schema import ApiSchema, DoneSerializer

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

_FILTER_ERROR = "There is no such filter. Known are: …."
_IDS = {
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
) -> Callable[[Any], Any]:
    """Document a call: its path's ids, its body, its answer, and every cause of an error.

    `requests` are examples of the body, `field_errors` one of what can be wrong with fields.
    """
    shown = {"success": True} | (example or {})
    more = []
    if request is not None:
        more.append(problem(400, code="body_malformed", error="The body is not JSON."))
    if many:
        field_errors = {"filter": _FILTER_ERROR}
    if field_errors:
        name, sentence = next(iter(field_errors.items()))
        more.append(
            problem(
                400,
                code="validation_error",
                error=f"{name}: {sentence}",
                errors={name: [sentence]},
            )
        )
    one = OpenApiExample(
        "list" if many else "answer", value=example if many else shown, response_only=True
    )
    document = extend_schema(
        operation_id=id,
        summary=summary,
        description=description,
        tags=[tag],
        parameters=[*(({**PATH_PARAMETERS, **_IDS})[name] for name in path), *ANSWER_HEADERS],
        request=request,
        examples=[
            OpenApiExample(name, value=value, request_only=True)
            for name, value in (requests or {}).items()
        ],
        responses={
            status: OpenApiResponse(answer(many=True) if many else answer, summary + ".", [one]),
            **problems_of(causes, more=more, body=request is not None),
        },
    )

    def decorator(method: Any) -> Any:
        method.kwargs = {"schema": ApiSchema}
        return document(method)

    return decorator
