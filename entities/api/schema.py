"""How drf-spectacular writes what REST framework has no words for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from entities import exceptions as domain
from entities.api.retries import KEY_PATTERN
from entities.api.serializers import StrictSerializer
from entities.http.problems import PROBLEM_MEDIA_TYPE, of_domain, problem, status_error

if TYPE_CHECKING:
    from drf_spectacular.utils import Direction

_HEADERS = {
    "apikey": "API key of the calling application, of the entity in the path.",
    "userid": (
        "Id of the user who performs the request. One with a comma, or with characters beyond "
        "ASCII, is sent percent-encoded."
    ),
    "token": (
        "User token of that user, or the user's live authentication token of the entity in the "
        "path."
    ),
}


_INTEGER = {"type": "integer", "minimum": 1}


def response_header(
    name: str, description: str, *, on: list[int] | None = None, schema: Any = str
) -> OpenApiParameter:
    """Describe a header of answers, `on` these statuses or on any."""
    return OpenApiParameter(
        name, schema, OpenApiParameter.HEADER, description=description, response=on or True
    )


def request_header(
    name: str, description: str, *, schema: dict[str, Any], example: str
) -> OpenApiParameter:
    """Describe a header that a call may send."""
    return OpenApiParameter(
        name,
        schema,
        OpenApiParameter.HEADER,
        description=description,
        examples=[OpenApiExample(name, value=example)],
    )


_EXAMPLE_TAG = '"5a8f1c0de34b7a1290cc41f7.09b2d4e6f8a1c3e5b7d90a2c"'
_TAG = r'(W/)?"[!#-~]*"'

ETAG = response_header(
    "ETag", "The version of what the answer shows (RFC 9110).", on=[200, 201, 304]
)
IF_MATCH = request_header(
    "If-Match",
    "ETag of what is to be changed, or several. Where it has another by now, nothing is done: 412.",
    schema={"type": "string", "pattern": rf"^(\*|{_TAG}( *, *{_TAG})*)$"},
    example=_EXAMPLE_TAG,
)
IF_NONE_MATCH = request_header(
    "If-None-Match",
    "ETag of an answer that the caller has. Where nothing is new, the answer is 304.",
    schema={"type": "string"},
    example=_EXAMPLE_TAG,
)
IDEMPOTENCY_KEY = request_header(
    "Idempotency-Key",
    "A new random key for each act. Sent again with the same key within 24 hours, the request is "
    "not carried out again: the answer is that of the first time "
    "(draft-ietf-httpapi-idempotency-key-header).",
    schema={"type": "string", "pattern": f"^{KEY_PATTERN}$"},
    example="9f1c6a52-3f0e-4c7f-9c0a-51f0a8c1d2e3",
)

_ANY_CALL = [
    response_header(
        "RateLimit-Policy",
        "The limits that this call counts against: q calls in w seconds "
        "(draft-ietf-httpapi-ratelimit-headers).",
    ),
    response_header("RateLimit", "Of each limit, r calls are left, for t seconds."),
    response_header(
        "Retry-After",
        "Seconds after which to call again, where that is known (RFC 9110).",
        on=[409, 429],
        schema=_INTEGER,
    ),
]
_POST = [
    IDEMPOTENCY_KEY,
    response_header(
        "Idempotent-Replayed", '"true" where the answer is that of the first time.', on=[200, 201]
    ),
]
_POST_REFUSED = (
    domain.RequestInProgressError,
    domain.ReplayExpiredError,
    domain.IdempotencyKeyReusedError,
)


class ApiSchema(AutoSchema):
    """What drf-spectacular writes, which bodies are wanted, and what holds for any call."""

    def get_override_parameters(self) -> list[Any]:
        posted = _POST if self.method == "POST" else []
        return [*super().get_override_parameters(), *_ANY_CALL, *posted]

    def get_generic_problems(self) -> list[dict[str, Any]]:
        """Build an example of each error that a call answers whatever it is about."""
        code, error = status_error(429)
        problems = [problem(429, code=code, error=error)]
        if self.method == "POST":
            problems += [of_domain(cause()) for cause in _POST_REFUSED]
        return problems

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for example in self.get_generic_problems():
            status, name = str(example["status"]), example["code"]
            described = OpenApiResponse(
                ProblemSerializer,
                example["title"],
                [OpenApiExample(name, value=example, status_codes=[status])],
            )
            body = self._get_response_for_code(described, status, [PROBLEM_MEDIA_TYPE], direction)  # type: ignore[no-untyped-call]
            known = bodies.setdefault(status, body)["content"][PROBLEM_MEDIA_TYPE]
            known["examples"] |= body["content"][PROBLEM_MEDIA_TYPE]["examples"]
        return bodies

    def _get_request_body(self, direction: Direction = "request") -> dict[str, Any] | None:
        body: dict[str, Any] | None = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        if body is not None and getattr(self.get_request_serializer(), "wants_something", False):
            body["required"] = True
        return body


class HeaderScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The three headers, all of them together."""

    target_class = "entities.api.authentication.HeaderAuthentication"
    name = list(_HEADERS)

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return [
            {"type": "apiKey", "in": "header", "name": name, "description": description}
            for name, description in _HEADERS.items()
        ]


class StrictSerializerSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Says that unknown fields are errors, and that a change changes something."""

    target_class = StrictSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        schema["additionalProperties"] = False
        if self.target.wants_something:
            schema["minProperties"] = 1
        return schema


class ProblemSerializer(serializers.Serializer[Any]):
    """An error (RFC 9457)."""


class DoneSerializer(serializers.Serializer[Any]):
    """It is done."""


class ProblemSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Fixed values, which no field of REST framework's tells."""

    target_class = ProblemSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        properties: dict[str, dict[str, Any]] = {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string", "description": "Phrase of the status."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "The same as error."},
            "success": {"type": "boolean", "const": False, "description": "Always false."},
            "error": {
                "type": "string",
                "minLength": 1,
                "description": "What to do about it, for people.",
            },
            "code": {
                "type": "string",
                "pattern": "^[a-z_]+$",
                "description": "A stable word, for programs.",
            },
        }
        required = list(properties)
        properties["errors"] = {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "What is wrong with each field of the body.",
        }
        return {
            "type": "object",
            "description": self.target.__doc__,
            "properties": properties,
            "required": required,
        }


class DoneSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A success that has nothing more to say."""

    target_class = DoneSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        return {
            "type": "object",
            "description": self.target.__doc__,
            "properties": {
                "success": {"type": "boolean", "const": True, "description": "Always true."}
            },
            "required": ["success"],
        }
