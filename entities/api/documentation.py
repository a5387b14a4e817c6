"""What the OpenAPI document says of the calls, beyond what their code says by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)

from entities import exceptions as domain
from entities.api.schema import (
    ETAG,
    IF_MATCH,
    IF_NONE_MATCH,
    ApiSchema,
    DoneSerializer,
    response_header,
)
from entities.api.serializers import (
    AuthTokenSerializer,
    RefreshSerializer,
    TokenChangesSerializer,
    TokenTermsSerializer,
)
from entities.http.problems import problem
from entities.models.ids import MAX_ID_CHARS

if TYPE_CHECKING:
    from collections.abc import Callable

_TAGS = ["Entity Authentication Token"]
_TEXT = "eat_04dvh22unVN0qcopmRjTfNRKXF4UGLWxwGPxsMrWlBWpBKQTa3PYB1lShG7B0nw4Vgg5LwF7AHeQr2g489l"
_EXPIRY = "2030-01-31T12:00:00Z"
_EXPIRY_ERROR = "Send a date and time with an offset (RFC 3339), like 2030-01-31T12:00:00Z."

PATH_PARAMETERS = {
    name: OpenApiParameter(
        name,
        {"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARS, "pattern": "^[^/]+$"},
        OpenApiParameter.PATH,
        description=f"The ID of the {noun}.",
        examples=[OpenApiExample(noun, value=example)],
    )
    for name, noun, example in (
        ("entityId", "entity", "e-acme"),
        ("userId", "user", "auth0|5f7c8ec7"),
    )
}
ANSWER_HEADERS = [
    response_header("WWW-Authenticate", "The scheme of the three headers (RFC 9110).", on=[401]),
    response_header("Allow", "The methods of the path (RFC 9110).", on=[405]),
]

_TOKEN_EXAMPLE = OpenApiExample(
    "token",
    value={
        "success": True,
        "authenticationToken": _TEXT,
        "expiry": _EXPIRY,
        "flags": ["reports.read"],
        "createdAt": "2030-01-01T12:00:00Z",
        "lastUsedAt": None,
    },
    response_only=True,
)
_DONE_EXAMPLE = OpenApiExample("done", value={"success": True}, response_only=True)

_FLAGS_EXAMPLE = ("flags", {"flags": ["reports.read"]})
_TERMS_EXAMPLE = ("expiry and flags", {"expiry": _EXPIRY, "flags": ["reports.read"]})

_FORM_ERRORS = [
    problem(400, code="body_malformed", error="The body is not JSON."),
    problem(
        400,
        code="validation_error",
        error=f"expiry: {_EXPIRY_ERROR}",
        errors={"expiry": [_EXPIRY_ERROR]},
    ),
]

_NONE_LIVE = (
    domain.MembershipNotFoundError,
    domain.TokenNotFoundError,
    domain.TokenRevokedError,
    domain.TokenSuspendedError,
)
_NONE_READABLE = (*_NONE_LIVE, domain.TokenExpiredError, domain.TokenKeyRetiredError)
_TERMS_REFUSED = (
    domain.FlagsError,
    domain.LifetimeError,
    domain.FlagCeilingError,
    domain.FlagNotGrantedError,
)


def _requests(*examples: tuple[str, dict[str, Any]]) -> list[OpenApiExample]:
    """Examples of a body. Swagger UI sends the first one, so that one works as it is."""
    return [OpenApiExample(name, value=value, request_only=True) for name, value in examples]


def _call(
    *headers: OpenApiParameter,
    causes: tuple[type[domain.EntitiesError], ...],
    request: Any = None,
    reads: bool = False,
    **facts: Any,
) -> Callable[[Any], Any]:
    """Document a call on our own schema class: `extend_schema` builds on the host's default one."""
    every_cause: tuple[type[domain.EntitiesError], ...] = (
        domain.NotAuthenticatedError,
        domain.PermissionDeniedError,
        *(() if reads else (domain.KeyReadOnlyError,)),
        domain.EntityNotFoundError,
        *causes,
    )
    has_body = request is not None
    schema = ApiSchema.of(every_cause, problems=_FORM_ERRORS if has_body else (), body=has_body)
    parameters = [*PATH_PARAMETERS.values(), *ANSWER_HEADERS, *headers]
    document = extend_schema(tags=_TAGS, parameters=parameters, request=request, **facts)

    def decorator(method: Any) -> Any:
        method.kwargs = {"schema": schema}
        return document(method)

    return decorator


document_auth_token: Callable[[Any], Any] = extend_schema_view(
    retrieve=_call(
        IF_MATCH,
        IF_NONE_MATCH,
        ETAG,
        operation_id="getAuthenticationToken",
        summary="Get Authentication Token",
        description="Get the authentication token for a user in a specific entity.",
        responses={
            200: OpenApiResponse(AuthTokenSerializer, "The token.", [_TOKEN_EXAMPLE]),
            304: OpenApiResponse(description="The caller has this answer already."),
        },
        causes=(
            *_NONE_READABLE,
            domain.FlagCeilingError,
            domain.PreconditionFailedError,
        ),
        reads=True,
    ),
    create=_call(
        IF_MATCH,
        ETAG,
        operation_id="createAuthenticationToken",
        summary="Create Authentication Token",
        description=(
            "Create an authentication token for a user in a specific entity. A user has at most "
            "one live token there."
        ),
        request=TokenTermsSerializer,
        examples=_requests(_FLAGS_EXAMPLE, _TERMS_EXAMPLE, ("defaults", {})),
        responses={
            201: OpenApiResponse(AuthTokenSerializer, "The new token.", [_TOKEN_EXAMPLE]),
        },
        causes=(
            *_TERMS_REFUSED,
            domain.MembershipNotFoundError,
            domain.MembershipInactiveError,
            domain.TokenExistsError,
            domain.PreconditionFailedError,
        ),
    ),
    partial_update=_call(
        IF_MATCH,
        ETAG,
        operation_id="updateAuthenticationToken",
        summary="Update Authentication Token",
        description=(
            "Update the authentication token for a user in a specific entity: its expiry, its "
            "flags, or both. The text stays as it is."
        ),
        request=TokenChangesSerializer,
        examples=_requests(_FLAGS_EXAMPLE, _TERMS_EXAMPLE),
        responses={
            200: OpenApiResponse(AuthTokenSerializer, "The token.", [_TOKEN_EXAMPLE]),
        },
        causes=(
            *_TERMS_REFUSED,
            domain.NothingToChangeError,
            *_NONE_READABLE,
            domain.PreconditionFailedError,
        ),
    ),
    destroy=_call(
        IF_MATCH,
        operation_id="deleteAuthenticationToken",
        summary="Delete Authentication Token",
        description=(
            "Delete the authentication token for a user in a specific entity. It is revoked at "
            "once, everywhere."
        ),
        responses={
            200: OpenApiResponse(DoneSerializer, "It is revoked.", [_DONE_EXAMPLE]),
        },
        causes=(
            domain.MembershipNotFoundError,
            domain.TokenNotFoundError,
            domain.TokenRevokedError,
            domain.PreconditionFailedError,
        ),
    ),
)

document_refresh: Callable[[Any], Any] = extend_schema_view(
    create=_call(
        IF_MATCH,
        ETAG,
        operation_id="refreshAuthenticationToken",
        summary="Refresh Authentication Token",
        description=(
            "Refresh the authentication token for a user in a specific entity: a new text and a "
            "new expiry. The old text stops being good after a short grace, in which a repeated "
            "refresh with it answers the same new text. A refresh with an older text revokes the "
            "token."
        ),
        request=RefreshSerializer,
        examples=_requests(
            ("whatever the text is", {}),
            ("this text", {"authenticationToken": _TEXT}),
            ("this text, until then", {"authenticationToken": _TEXT, "expiry": _EXPIRY}),
        ),
        responses={
            200: OpenApiResponse(AuthTokenSerializer, "The new text.", [_TOKEN_EXAMPLE]),
        },
        causes=(
            domain.LifetimeError,
            domain.TokenMismatchError,
            domain.FlagCeilingError,
            *_NONE_LIVE,
            domain.TokenReusedError,
            domain.PreconditionFailedError,
        ),
    ),
)
