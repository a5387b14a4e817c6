"""The OpenAPI document says what the reference says, and all that the calls answer."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from jsonschema import Draft202012Validator, FormatChecker
from rest_framework.exceptions import ValidationError

from entities.api.conditions import if_match
from tests.api.test_authorization import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import RequestFactory

PATH = "/entities/{entityId}/users/{userId}/authentication-token"
ANSWERS = {
    "getAuthenticationToken": "200 304 400 401 403 404 405 412 413 429 500 503",
    "createAuthenticationToken": "201 400 401 403 404 405 409 411 412 413 415 422 429 500 503",
    "updateAuthenticationToken": "200 400 401 403 404 405 411 412 413 415 429 500 503",
    "deleteAuthenticationToken": "200 400 401 403 404 405 412 413 429 500 503",
    "refreshAuthenticationToken": "200 400 401 403 404 405 409 411 412 413 415 422 429 500 503",
}
NONE_LIVE = {"user_not_found", "token_not_found", "token_revoked", "token_suspended"}
NONE_READABLE = NONE_LIVE | {"token_expired", "token_key_retired"}
TERMS = {"flags_invalid", "expiry_invalid", "flag_ceiling", "flag_restricted"}
ANY_CALL = {"not_authenticated", "permission_denied", "not_found", "bad_request"}
ANY_CALL |= {
    "precondition_failed",
    "method_not_allowed",
    "body_too_large",
    "provider_unavailable",
    "rate_limited",
    "internal_error",
    "entity_not_found",
}
ANY_WRITE = ANY_CALL | {"key_read_only"}
ANY_BODY = {"body_malformed", "validation_error", "length_required", "unsupported_media_type"}
ANY_POST = {"request_in_progress", "replay_expired", "idempotency_key_reused"}
CODES = {
    "getAuthenticationToken": ANY_CALL | NONE_READABLE | {"flag_ceiling"},
    "createAuthenticationToken": ANY_WRITE
    | ANY_BODY
    | TERMS
    | ANY_POST
    | {"user_not_found", "user_inactive", "token_exists"},
    "updateAuthenticationToken": ANY_WRITE
    | ANY_BODY
    | TERMS
    | NONE_READABLE
    | {"nothing_to_change"},
    "deleteAuthenticationToken": ANY_WRITE | {"user_not_found", "token_not_found", "token_revoked"},
    "refreshAuthenticationToken": ANY_WRITE
    | ANY_BODY
    | ANY_POST
    | NONE_LIVE
    | {"expiry_invalid", "token_mismatch", "token_reused", "flag_ceiling"},
}
HEADERS = {
    "getAuthenticationToken": ["If-Match", "If-None-Match"],
    "createAuthenticationToken": ["Idempotency-Key", "If-Match"],
    "updateAuthenticationToken": ["If-Match"],
    "deleteAuthenticationToken": ["If-Match"],
    "refreshAuthenticationToken": ["Idempotency-Key", "If-Match"],
}
BODIES = {
    "createAuthenticationToken": {"expiry", "flags"},
    "updateAuthenticationToken": {"expiry", "flags"},
    "refreshAuthenticationToken": {"authenticationToken", "expiry"},
}


@pytest.fixture(scope="module", autouse=True)
def openapi_3_1() -> Iterator[None]:
    with patched_settings({"OAS_VERSION": "3.1.1", "TITLE": "Tests", "VERSION": "1"}):
        yield


@pytest.fixture(scope="module")
def document(openapi_3_1: None) -> dict[str, Any]:
    """The document as JSON, made in a host whose default schema class is not drf-spectacular's."""
    generated = SchemaGenerator(urlconf="entities.urls").get_schema(request=None, public=True)
    plain: dict[str, Any] = json.loads(json.dumps(generated, default=str))
    return plain


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }


def examples(content: dict[str, Any]) -> list[Any]:
    """Examples of one media type of a body."""
    return [example["value"] for example in content["examples"].values()]


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    whole = schema | {"components": document["components"]}
    return Draft202012Validator(whole, format_checker=FormatChecker())


def test_it_is_valid_and_without_warnings(tmp_path: Path) -> None:
    file = tmp_path / "schema.yml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(file))
    assert file.read_text().startswith("openapi: 3.1.1")


def test_it_has_every_call_and_the_five_of_the_reference_under_their_names(
    document: dict[str, Any],
) -> None:
    calls = {
        (method, path): operation["operationId"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert len(set(calls.values())) == len(calls) == len(TABLE)
    five = {call: name for call, name in calls.items() if name in ANSWERS}
    assert five == {
        ("get", PATH): "getAuthenticationToken",
        ("post", PATH): "createAuthenticationToken",
        ("patch", PATH): "updateAuthenticationToken",
        ("delete", PATH): "deleteAuthenticationToken",
        ("post", f"{PATH}/refresh"): "refreshAuthenticationToken",
    }


def test_every_call_wants_the_three_headers_together(
    document: dict[str, Any], operations: dict[str, Any]
) -> None:
    schemes = document["components"]["securitySchemes"]
    assert {
        name: (scheme["type"], scheme["in"], scheme["name"]) for name, scheme in schemes.items()
    } == {name: ("apiKey", "header", name) for name in ("apikey", "userid", "token")}
    for operation in operations.values():
        assert operation["security"] == [{"apikey": [], "userid": [], "token": []}]


def test_the_five_have_the_two_path_parameters_and_headers_of_their_own(
    operations: dict[str, Any],
) -> None:
    for name in ANSWERS:
        operation = operations[name]
        parameters = [
            (one["in"], one["name"], one.get("required", False)) for one in operation["parameters"]
        ]
        headers = [("header", header, False) for header in HEADERS[name]]
        paths = [("path", "entityId", True), ("path", "userId", True)]
        assert sorted(parameters) == sorted(paths + headers)
        assert all(one["examples"] for one in operation["parameters"])


def test_every_path_parameter_is_described_with_an_example(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            named = [one for one in operation.get("parameters", []) if one["in"] == "path"]
            assert {one["name"] for one in named} == set(re.findall(r"{(\w+)}", path))
            assert all(one["description"] and one["examples"] for one in named)


def test_every_list_has_its_filters_pages_and_orders(operations: dict[str, Any]) -> None:
    lists = {name: one for name, one in operations.items() if name.startswith("list")}
    assert len(lists) == 6
    for operation in lists.values():
        queries = {one["name"]: one for one in operation["parameters"] if one["in"] == "query"}
        assert {"limit", "cursor", "ordering"} <= set(queries)
        assert all(one["description"] and one["required"] is False for one in queries.values())
    tokens = {one["name"]: one["schema"] for one in lists["listAuthenticationTokens"]["parameters"]}
    assert tokens["status"] == {
        "type": "string",
        "enum": ["live", "expired", "suspended", "revoked"],
    }
    assert tokens["expiryBefore"] == {"type": "string", "format": "date-time"}
    assert "-lastUsedAt" in tokens["ordering"]["enum"]


def test_what_has_a_version_says_so(operations: dict[str, Any]) -> None:
    def headers(operation: dict[str, Any]) -> set[str]:
        parameters = operation.get("parameters", [])
        return {one["name"] for one in parameters if one["in"] == "header"}

    conditional = {name for name, one in operations.items() if "If-Match" in headers(one)}
    assert conditional - set(ANSWERS) == {
        *("getEntity", "updateEntity", "deactivateEntity"),
        *("getUser", "changeRole", "removeUser"),
    }
    for name, operation in operations.items():
        answers = operation["responses"]
        assert ("412" in answers) is (name in conditional)
        assert ("304" in answers) is ("If-None-Match" in headers(operation))
        assert ("409" in answers and "422" in answers) or "Idempotency-Key" not in headers(
            operation
        )
    tagged = {
        name
        for name, one in operations.items()
        if any("ETag" in answer.get("headers", {}) for answer in one["responses"].values())
    }
    assert tagged - set(ANSWERS) == {
        *("getEntity", "updateEntity", "createEntity", "getUser", "changeRole", "addUser")
    }


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        *((value, True) for value in ("*", '"a.b"', 'W/"a"', '"a.b", W/"c"', '""')),
        *((value, False) for value in ("", "0", "a", '"a', '* "a"', "W/*")),
    ],
)
def test_if_match_is_described_as_it_is_read(
    value: str, fits: bool, operations: dict[str, Any], rf: RequestFactory
) -> None:
    parameters = {one["name"]: one["schema"] for one in operations["getEntity"]["parameters"]}
    assert Draft202012Validator(parameters["If-Match"]).is_valid(value) is fits
    request = rf.get("/", headers={"If-Match": value})
    with nullcontext() if fits else pytest.raises(ValidationError):
        if_match(request)


def test_every_example_fits(document: dict[str, Any], operations: dict[str, Any]) -> None:
    for operation in operations.values():
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for answer in [*bodies, *operation["responses"].values()]:
            for content in answer.get("content", {}).values():
                assert content["examples"]
                for example in examples(content):
                    validator(document, content["schema"]).validate(example)


def test_a_bulk_revoke_is_all_or_a_filter_and_never_nothing(
    document: dict[str, Any], operations: dict[str, Any]
) -> None:
    content = operations["revokeAuthenticationTokens"]["requestBody"]["content"]
    schema = content["application/json"]["schema"]
    fits = validator(document, schema).is_valid
    assert fits({"all": True})
    assert fits({"filter": {"status": "live", "neverUsed": True}})
    for broken in (
        {},
        {"all": False},
        {"filter": {}},
        {"all": True, "filter": {"status": "live"}},
        {"filter": {"sttaus": "live"}},
    ):
        assert not fits(broken)


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_is_there_with_examples_that_fit(
    name: str, document: dict[str, Any], operations: dict[str, Any]
) -> None:
    responses = operations[name]["responses"]
    assert " ".join(sorted(responses)) == ANSWERS[name]
    for status, response in responses.items():
        has_tag = status in {"200", "201", "304"} and name != "deleteAuthenticationToken"
        assert ("ETag" in response["headers"]) is has_tag
        if status == "304":
            assert "content" not in response
            continue
        media_type = "application/json" if status < "400" else "application/problem+json"
        assert list(response["content"]) == [media_type]
        content = response["content"][media_type]
        assert content["examples"]
        for example in examples(content):
            validator(document, content["schema"]).validate(example)
            assert example["success"] is (status < "400")
            assert status < "400" or example["status"] == int(status)
        assert ("WWW-Authenticate" in response["headers"]) is (status == "401")
        assert ("Allow" in response["headers"]) is (status == "405")
        assert ("Retry-After" in response["headers"]) is (status in {"409", "429", "503"})
        assert ("Idempotent-Replayed" in response["headers"]) is (
            status < "300" and "Idempotency-Key" in HEADERS[name]
        )
        assert {"RateLimit", "RateLimit-Policy"} <= response["headers"].keys()


@pytest.mark.parametrize("name", CODES)
def test_every_cause_of_an_error_has_its_example(name: str, operations: dict[str, Any]) -> None:
    codes = {
        example["code"]
        for status, response in operations[name]["responses"].items()
        if status >= "400"
        for example in examples(response["content"]["application/problem+json"])
    }
    assert codes == CODES[name]


@pytest.mark.parametrize("name", ANSWERS)
def test_bodies_have_the_references_names_and_examples_that_fit(
    name: str, document: dict[str, Any], operations: dict[str, Any]
) -> None:
    body = operations[name].get("requestBody")
    assert (body is not None) is (name in BODIES)
    if body is None:
        return
    assert list(body["content"]) == ["application/json"]
    content = body["content"]["application/json"]
    schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    assert schema["properties"].keys() == BODIES[name]
    assert schema["additionalProperties"] is False
    assert "required" not in schema
    assert body.get("required", False) is (name == "updateAuthenticationToken")
    for example in examples(content):
        validator(document, content["schema"]).validate(example)


@pytest.mark.parametrize(
    "broken",
    [{"flags": ["a b"]}, {"flags": ["a"] * 33}, {"flags": None}, {"expiry": 1}, {"x": 1}, []],
)
def test_a_broken_body_does_not_fit(
    broken: object, document: dict[str, Any], operations: dict[str, Any]
) -> None:
    content = operations["createAuthenticationToken"]["requestBody"]["content"]
    assert not validator(document, content["application/json"]["schema"]).is_valid(broken)


def test_the_text_may_be_null_and_nothing_of_an_answer_is_left_out(
    document: dict[str, Any],
) -> None:
    token = document["components"]["schemas"]["AuthToken"]
    assert token["properties"]["authenticationToken"]["type"] == ["string", "null"]
    assert set(token["required"]) == token["properties"].keys()
    assert set(token["required"]) == {
        "success",
        "authenticationToken",
        "expiry",
        "flags",
        "createdAt",
        "lastUsedAt",
    }
