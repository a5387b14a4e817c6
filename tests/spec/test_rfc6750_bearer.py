"""RFC 6750, Bearer Token Usage: the header, and the challenges of forward-auth.

Not supported: tokens in a form (section 2.2) and in a query (section 2.3), which are not looked at;
400 for `invalid_request`, which gateways turn into an error of their own: that is a 401 here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from entities.exceptions import NotAuthenticatedError
from entities.http.requests import bearer_text
from entities.services import revoke_token
from tests.gateway.applications import BY, issued

if TYPE_CHECKING:
    from django.http import HttpResponse

    from tests.conftest import Caller

PLAIN = 'Bearer realm="entities"'
INVALID = 'Bearer realm="entities", error="invalid_token"'


def ask(**headers: str) -> HttpResponse:
    answer: HttpResponse = Client().get("/verify", headers=headers)
    return answer


@pytest.mark.parametrize(
    "header", ["Bearer {}", "bearer {}", "BEARER {}", "bEaReR   {}", "Bearer {} "]
)
def test_section_2_1_the_scheme_has_no_case_and_spaces_behind_it(
    header: str, member: Caller
) -> None:
    _, text = issued(member)
    assert ask(Authorization=header.format(text)).status_code == 200


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("", ""),
        ("Bearer", ""),
        ("Bearer ", ""),
        ("Bearer x", "x"),
        ("bearer  x ", "x"),
        ("Bearer x y", "x y"),
        ("Bearer\tx", ""),
        ("Bearerx", ""),
        ("Basic eDp5", ""),
        ("DPoP x", ""),
        (" Bearer x", ""),
        ('Bearer "x"', '"x"'),
    ],
)
def test_section_2_1_what_stands_behind_the_scheme_is_the_token(header: str, text: str) -> None:
    assert bearer_text(header) == text


@pytest.mark.parametrize("header", ["Bearer x, Bearer y", "Bearer x,", ",", "Basic x,Bearer y"])
def test_section_2_a_token_comes_once(header: str) -> None:
    with pytest.raises(NotAuthenticatedError):
        bearer_text(header)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic eDp5", "Negotiate x", "eat_x"]
)
def test_section_3_1_without_a_token_the_challenge_names_no_error(header: str | None) -> None:
    answer = ask() if header is None else ask(Authorization=header)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, PLAIN)


def test_section_3_1_every_wrong_token_is_the_same_invalid_token(member: Caller) -> None:
    _, text = issued(member)
    revoke_token(membership=member.membership, by=BY)
    wrong = [text, text[:-1], "x", "x y", '"', "eat_", "ü", member.token, member.api_key, "a,b"]
    answers = [ask(Authorization=f"Bearer {one}") for one in wrong]
    assert {(one.status_code, one.content, tuple(one.items())) for one in answers} == {
        (401, b"", tuple(answers[0].items()))
    }
    assert answers[0].headers["WWW-Authenticate"] == INVALID


def test_section_3_1_too_weak_a_token_is_told_which_scope_it_takes(member: Caller) -> None:
    _, text = issued(member, "a")
    answer = Client().get("/verify?flags=b,a", headers={"Authorization": f"Bearer {text}"})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (
        403,
        'Bearer realm="entities", error="insufficient_scope", scope="a b"',
    )


def test_section_5_3_no_answer_is_cached(member: Caller) -> None:
    _, text = issued(member)
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {text}"}):
        assert ask(**headers).headers["Cache-Control"] == "no-store"
