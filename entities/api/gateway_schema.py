"""The plain views for other services in the OpenAPI document, which knows REST framework's only.

A host names it in `SPECTACULAR_SETTINGS["POSTPROCESSING_HOOKS"]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import get_script_prefix, reverse

from entities import exceptions as domain
from entities.api.schema import by_status, examples_of
from entities.http.problems import PROBLEM_MEDIA_TYPE, BodyError, FieldsError
from entities.models.flags import FLAG_PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TAGS = ["Other services"]
_TEXT = "eat_04dvh22unVN0qcopmRjTfNRKXF4UGLWxwGPxsMrWlBWpBKQTa3PYB1lShG7B0nw4Vgg5LwF7AHeQr2g489l"
_STRING = {"type": "string"}
_SECONDS = {"type": "integer", "minimum": 0}

_SCHEMES = {
    "apikey": {"type": "apiKey", "in": "header", "name": "apikey"},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Id of an API key as the user, and its text as the password.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An authentication token.",
    },
    "entity-authentication-token": {
        "type": "apiKey",
        "in": "header",
        "name": "entity-authentication-token",
        "description": "An authentication token.",
    },
}
_INTROSPECTION = {
    "type": "object",
    "description": "What is known of a token; of one that is not good, that it is not.",
    "properties": {
        "active": {"type": "boolean", "description": "Whether it is good."},
        "sub": _STRING | {"description": "Id of its user."},
        "entity": _STRING | {"description": "Id of its entity."},
        "scope": _STRING | {"description": "Its flags, with a space between."},
        "exp": _SECONDS | {"description": "When it ends, in seconds since 1970."},
        "iat": _SECONDS | {"description": "When it was issued or last refreshed."},
        "jti": _STRING | {"format": "uuid", "description": "Its id. A refresh keeps it."},
        "client_id": _STRING
        | {"format": "uuid", "description": "Id of the API key through which it was issued."},
        "token_type": {"type": "string", "const": "Bearer"},
    },
    "required": ["active"],
}
_ACTIVE = {
    "active": True,
    "sub": "auth0|5f7c8ec7",
    "entity": "e-acme",
    "scope": "reports.read reports.write",
    "exp": 1896091200,
    "iat": 1893499200,
    "jti": "8f0f4a34-7d1e-4b53-9d3f-0a8b1a6ce7d1",
    "client_id": "0d9c0f8e-54a9-4d0a-9b59-0b6b6c2f3c55",
    "token_type": "Bearer",
}
_FORM = {
    "type": "object",
    "properties": {
        "token": {"type": "string", "minLength": 1, "description": "Text of the token."},
        "token_type_hint": _STRING | {"description": "Ignored: a text says what it is."},
    },
    "required": ["token"],
    "additionalProperties": _STRING | {"description": "Ignored. None is given twice."},
}


def add_gateway(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Add introspection, revocation and forward-auth to the document."""
    result["paths"] |= {
        _path_of("introspect"): {"post": _introspect()},
        _path_of("revoke"): {"post": _revoke()},
        _path_of("verify"): {"get": _verify()},
    }
    components = result["components"]
    components["schemas"]["Introspection"] = _INTROSPECTION
    components["securitySchemes"] = _SCHEMES | components.get("securitySchemes", {})
    return result


def _path_of(name: str) -> str:
    """Return a path as the document has it, below the one that the project is mounted at."""
    return "/" + reverse(f"entities:{name}").removeprefix(get_script_prefix())


def _introspect() -> dict[str, Any]:
    examples = {"active": {"value": _ACTIVE}, "inactive": {"value": {"active": False}}}
    content = {"schema": _ref("Introspection"), "examples": examples}
    return _posted(
        "introspectToken",
        "Introspect a token",
        "Whether an authentication token of the API key's entity is good, and whose it is "
        "(RFC 7662). Of any other, only that it is not.",
        {"200": _answer("What is known.", {"application/json": content})},
        (),
    )


def _revoke() -> dict[str, Any]:
    content = {"schema": _ref("Done"), "examples": {"done": {"value": {"success": True}}}}
    return _posted(
        "revokeToken",
        "Revoke a token",
        "The end of an authentication token of the API key's entity (RFC 7009). The answer is the "
        "same whether or not there was one.",
        {"200": _answer("It is good no more.", {"application/json": content})},
        (domain.KeyReadOnlyError,),
    )


def _verify() -> dict[str, Any]:
    challenge = {"WWW-Authenticate": _header("What is wanted (RFC 6750).")}
    identity = {
        "X-Entity-Id": _header("Id of the token's entity, percent-encoded where need be."),
        "X-User-Id": _header("Id of its user, percent-encoded where need be."),
        "X-Token-Flags": _header("Its flags, with commas between; empty where it has none."),
    }
    return {
        "operationId": "verifyToken",
        "summary": "Let a request through",
        "description": (
            "Whether a gateway lets a request through, and as whom: for nginx, Traefik, Envoy and "
            "Caddy. Any method is answered like GET, and any path may follow."
        ),
        "tags": _TAGS,
        "parameters": [
            _query("flags", f"^({FLAG_PATTERN.pattern}(,|$))*$", "reports.read,reports.write"),
            _query("entity", "^[^/]+$", "e-acme"),
        ],
        "security": [{"bearer": []}, {"entity-authentication-token": []}],
        "responses": {
            "200": {"description": "Let it through.", "headers": identity},
            "401": {"description": "No token, or none that is good.", "headers": challenge},
            "403": {"description": "A token that lacks what is asked for.", "headers": challenge},
        },
    }


def _posted(
    name: str,
    summary: str,
    description: str,
    answers: dict[str, Any],
    causes: Iterable[type[domain.EntitiesError]],
) -> dict[str, Any]:
    form = {"schema": _FORM, "examples": {"text": {"value": {"token": _TEXT}}}}
    return {
        "operationId": name,
        "summary": summary,
        "description": description,
        "tags": _TAGS,
        "security": [{"apikey": []}, {"basic": []}],
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": form}},
        "responses": answers | dict(_refusals(causes)),
    }


def _refusals(causes: Iterable[type[domain.EntitiesError]]) -> Iterator[tuple[str, Any]]:
    """Describe every error, by status, each cause with an example."""
    refused: list[type[domain.EntitiesError]] = [domain.NotAuthenticatedError, *causes]
    problems = [
        FieldsError({"token": ["Send the text of a token, in a form."]}).body(),
        BodyError("The body is not UTF-8.").body(),
        *examples_of(refused, [400, 405, 411, 413, 415, 429, 500]),
    ]
    for status, found in by_status(problems):
        examples = {one["code"]: {"value": one} for one in found}
        content = {PROBLEM_MEDIA_TYPE: {"schema": _ref("Problem"), "examples": examples}}
        answer = _answer(found[0]["title"], content)
        if status == 401:
            answer["headers"]["WWW-Authenticate"] = _header("The two schemes (RFC 9110).")
        if status == 405:
            answer["headers"]["Allow"] = _header("The methods of the path (RFC 9110).")
        if status == 429:
            answer["headers"]["Retry-After"] = _header("Seconds after which to call again.")
        yield str(status), answer


def _answer(description: str, content: dict[str, Any]) -> dict[str, Any]:
    headers = {
        "RateLimit-Policy": _header("The limits that this call counts against."),
        "RateLimit": _header("Of each limit, what is left, and for how long."),
    }
    return {"description": description, "headers": headers, "content": content}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": _STRING}


def _query(name: str, pattern: str, example: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": f"What the token has to have: {name}. Given twice, both must hold.",
        "schema": {"type": "string", "pattern": pattern},
        "examples": {name: {"value": example}},
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
