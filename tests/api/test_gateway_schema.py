"""The OpenAPI document has the views that are no REST framework's, and they fit it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import set_script_prefix
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from jsonschema import Draft202012Validator, FormatChecker

from entities.models import ApiKey
from tests.gateway.applications import ask, issued

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Caller

HOOK = "entities.api.gateway_schema.add_gateway"
POSTED = {"/introspect", "/revoke"}


@pytest.fixture(scope="module", autouse=True)
def with_hook() -> Iterator[None]:
    facts = {"OAS_VERSION": "3.1.1", "TITLE": "Tests", "VERSION": "1"}
    with patched_settings(facts | {"POSTPROCESSING_HOOKS": [HOOK]}):
        yield


@pytest.fixture(scope="module")
def document(with_hook: None) -> dict[str, Any]:
    generated = SchemaGenerator().get_schema(request=None, public=True)
    plain: dict[str, Any] = json.loads(json.dumps(generated, default=str))
    return plain


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    whole = schema | {"components": document["components"]}
    return Draft202012Validator(whole, format_checker=FormatChecker())


def test_it_is_valid_and_without_warnings(tmp_path: Path) -> None:
    file = tmp_path / "schema.yml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(file))
    assert all(f"  {path}:" in file.read_text() for path in (*POSTED, "/verify"))


def test_the_three_are_there_with_credentials_of_their_own(document: dict[str, Any]) -> None:
    applications = [{"apikey": []}, {"basic": []}]
    tokens = [{"bearer": []}, {"entity-authentication-token": []}]
    paths = document["paths"]
    assert {
        path: {method: (one["operationId"], one["security"]) for method, one in paths[path].items()}
        for path in (*POSTED, "/verify")
    } == {
        "/introspect": {"post": ("introspectToken", applications)},
        "/revoke": {"post": ("revokeToken", applications)},
        "/verify": {"get": ("verifyToken", tokens)},
    }
    schemes = document["components"]["securitySchemes"]
    assert {"apikey", "userid", "token", "basic", "bearer"} <= set(schemes)
    assert "entity in the path" in schemes["apikey"]["description"]


def test_all_else_of_the_document_is_as_it_is_without_them(document: dict[str, Any]) -> None:
    with patched_settings({"POSTPROCESSING_HOOKS": []}):
        without = SchemaGenerator().get_schema(request=None, public=True)
    assert set(document["paths"]) - set(without["paths"]) == POSTED | {"/verify"}


def test_they_stand_below_the_path_that_a_project_is_mounted_at() -> None:
    set_script_prefix("/auth/")
    try:
        paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    finally:
        set_script_prefix("/")
    assert "/verify" in paths
    assert "/auth/verify" not in paths


def test_every_example_fits(document: dict[str, Any]) -> None:
    for path in POSTED:
        operation = document["paths"][path]["post"]
        for one in [operation["requestBody"], *operation["responses"].values()]:
            for content in one["content"].values():
                for example in content["examples"].values():
                    validator(document, content["schema"]).validate(example["value"])
    for parameter in document["paths"]["/verify"]["get"]["parameters"]:
        for example in parameter["examples"].values():
            validator(document, parameter["schema"]).validate(example["value"])


def test_every_answer_is_one_that_it_has(
    document: dict[str, Any], member: Caller, api_key: str
) -> None:
    _, text = issued(member, "a")
    key = {"apikey": api_key}
    for path in sorted(POSTED):
        for sent in (
            {"body": {"token": text}, "headers": key},
            {"body": {"token": "x"}, "headers": key},
            {"body": {"token": "x"}},
            {"body": b"", "headers": key},
            {"body": b"token=%ff", "headers": key},
            {"body": b"token=x", "headers": key, "method": "GET"},
            {"body": b"token=x", "headers": key, "content_type": "text/plain"},
            {"body": b"token=x" * 10_000, "headers": key},
        ):
            answer = ask(path, **sent)  # type: ignore[arg-type]
            described = document["paths"][path]["post"]["responses"][str(answer.status_code)]
            content = described["content"][answer.headers["Content-Type"]]
            validator(document, content["schema"]).validate(answer.json())
            assert ("WWW-Authenticate" in answer) is ("WWW-Authenticate" in described["headers"])
            assert ("Allow" in answer) is ("Allow" in described["headers"])
    assert ApiKey.objects.count() == 1


def test_every_answer_of_verify_is_one_that_it_has(
    document: dict[str, Any], member: Caller
) -> None:
    _, text = issued(member, "a")
    for query, token in (("", text), ("", "x"), ("?flags=b", text)):
        answer = Client().get(f"/verify{query}", headers={"Authorization": f"Bearer {token}"})
        described = document["paths"]["/verify"]["get"]["responses"][str(answer.status_code)]
        assert set(described["headers"]) <= set(answer.headers)
        assert "content" not in described
