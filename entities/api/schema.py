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
from entities.conf import app_settings
from entities.http.problems import PROBLEM_MEDIA_TYPE, of_domain, problem, status_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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
        on=[409, 429, 503],
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

    causes: tuple[type[domain.EntitiesError], ...] = ()
    statuses: tuple[int, ...] = ()
    problems: tuple[dict[str, Any], ...] = ()

    @classmethod
    def of(
        cls,
        causes: Iterable[type[domain.EntitiesError]],
        *,
        problems: Iterable[dict[str, Any]] = (),
        body: bool = False,
    ) -> type[ApiSchema]:
        """Make the class of a call with these errors, those of HTTP itself, and more `problems`.

        Each is shown by an example, made with the document: at start nobody reads it.
        """
        facts = {
            "causes": tuple(causes),
            "statuses": (400, 404, 405, 413, 500, *((411, 415) if body else ())),
            "problems": tuple(problems),
        }
        return type(cls.__name__, (cls,), facts)

    def get_override_parameters(self) -> list[Any]:
        posted = _POST if self.method == "POST" else []
        return [*super().get_override_parameters(), *_ANY_CALL, *posted]

    def get_problems(self) -> Iterator[dict[str, Any]]:
        """Build an example of each error: of this call, and of any call whatever it is about."""
        yield from examples_of(self.causes, self.statuses)
        yield from self.problems
        posted = _POST_REFUSED if self.method == "POST" else ()
        yield from examples_of([domain.ProviderUnavailableError, *posted], [429])

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        body_of: Callable[..., dict[str, Any]] = self._get_response_for_code
        for status, examples in by_status(self.get_problems()):
            described = OpenApiResponse(
                ProblemSerializer,
                examples[0]["title"],
                [
                    OpenApiExample(one["code"], value=one, status_codes=[str(status)])
                    for one in examples
                ],
            )
            bodies[str(status)] = body_of(described, str(status), [PROBLEM_MEDIA_TYPE], direction)
        return bodies

    def _get_request_body(self, direction: Direction = "request") -> dict[str, Any] | None:
        body: dict[str, Any] | None = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        if body is not None and getattr(self.get_request_serializer(), "wants_something", False):
            body["required"] = True
        return body


def examples_of(
    causes: Iterable[type[domain.EntitiesError]], statuses: Iterable[int]
) -> Iterator[dict[str, Any]]:
    """Build an error of each cause, and of each status that HTTP itself answers."""
    for cause in causes:
        if issubclass(cause, domain.BatchRefusedError):
            yield of_domain(cause({3: domain.MembershipNotFoundError()}))
        else:
            yield of_domain(cause())
    for status in statuses:
        code, error = status_error(status)
        yield problem(status, code=code, error=error)


def by_status(problems: Iterable[dict[str, Any]]) -> list[tuple[int, list[dict[str, Any]]]]:
    """Sort errors by their statuses, and leave those of one in their order."""
    found: dict[int, list[dict[str, Any]]] = {}
    for one in problems:
        found.setdefault(one["status"], []).append(one)
    return sorted(found.items())


class HeaderScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The three headers, all of them together."""

    target_class = "entities.api.authentication.HeaderAuthentication"
    name = list(_HEADERS)

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return [
            {"type": "apiKey", "in": "header", "name": name, "description": description}
            for name, description in _HEADERS.items()
        ]


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """An authentication token alone (RFC 6750); for the views of hosts."""

    target_class = "entities.api.authentication.BearerAuthentication"
    name = "entitiesBearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": f"{app_settings.AUTH_TOKEN_PREFIX}_…",
            "description": "Live authentication token of a user in an entity.",
        }


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
