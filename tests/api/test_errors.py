"""One error form, for every error there is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception

from entities import exceptions as domain
from entities.http.problems import STATUS_OF, WIRE_NAMES, problem_response

if TYPE_CHECKING:
    from tests.conftest import Caller


def all_errors() -> set[type[domain.EntitiesError]]:
    return set(domain.EntitiesError.__subclasses__())


def test_the_table_of_statuses_is_complete() -> None:
    assert set(STATUS_OF) == all_errors()


def test_codes_are_words_and_each_is_one_errors() -> None:
    codes = [error.code for error in all_errors()]
    assert len(set(codes)) == len(codes)
    assert all(code.replace("_", "").isalpha() and code.islower() for code in codes)


def test_every_error_says_what_to_do_in_a_sentence_and_its_field_has_a_wire_name() -> None:
    for error in all_errors():
        assert str(error.message).endswith(".")
        assert error.field is None or error.field in WIRE_NAMES


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 415, 500])
def test_djangos_own_errors_have_the_form_too(status: int) -> None:
    response = problem_response(status)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert b'"success": false' in response.content


def test_an_unforeseen_exception_is_a_500_that_says_nothing_and_is_reported(
    member: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**kwargs: object) -> None:
        raise ZeroDivisionError("a detail for the log")

    heard: list[object] = []

    def hear(request: object, **kwargs: object) -> None:
        heard.append(request)

    monkeypatch.setattr("entities.api.views.read_token", fail)
    member.client.raise_request_exception = False
    got_request_exception.connect(hear)
    try:
        with caplog.at_level(logging.ERROR, "django.request"):
            response = member.get()
    finally:
        got_request_exception.disconnect(hear)
    assert response.status_code == 500
    assert response.json()["code"] == "internal_error"
    assert b"a detail" not in response.content
    assert len(heard) == 1
    assert "a detail for the log" in caplog.text
    assert member.token not in caplog.text
    assert member.api_key not in caplog.text


def test_djangos_permission_denied_is_a_403_in_the_form(
    member: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**kwargs: object) -> None:
        raise PermissionDenied

    monkeypatch.setattr("entities.api.views.read_token", refuse)
    assert (member.get().status_code, member.get().json()["code"]) == (403, "permission_denied")
