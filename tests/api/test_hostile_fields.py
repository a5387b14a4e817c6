"""Fields that are not what they should be: a 400 that names them, and nothing has changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from entities import moments
from tests.api.hostile import CALLS, refusal, state

if TYPE_CHECKING:
    from tests.conftest import Caller


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("expiry", value)
            for value in (
                None,
                True,
                1893456000,
                1e999,
                "",
                [],
                {},
                "tomorrow",
                "2030-01-31",
                "2030-01-31T12:00:00",
                "2030-01-31T12:00Z",
                "2030-01-31T12:00:00+0100",
                "2030-01-31T12:00:00+24:00",
                "2030-01-31T12:00:00+01:60",
                "2030-01-31T12:00:60Z",
                "2030-01-31T25:00:00Z",
                "2030-02-30T12:00:00Z",
                "2030-W05-4T12:00:00Z",
                "20300131T120000Z",
                "2030-01-31T12:00:00Z\n",
                " 2030-01-31T12:00:00Z",
                "203\u0660-01-31T12:00:00Z",
                "0000-01-01T00:00:00Z",
                "0001-01-01T00:00:00+23:59",
                "9999-12-31T23:59:59-23:59",
                "10000-01-01T00:00:00Z",
                "+002030-01-31T12:00:00Z",
                "2030-01-31T12:00:00Z\x00",
                "9" * 5_000,
            )
        ),
        *(
            ("flags", value)
            for value in (
                None,
                "a",
                {},
                {"a": 1},
                1,
                True,
                [None],
                [1],
                [True],
                [["a"]],
                [{}],
                [""],
                [" "],
                ["a "],
                ["a\n"],
                ["a" * 65],
                ["a,b"],
                ["ä"],
                ["a\x00"],
                ["\u0661"],
                ["a"] * 33,
                [f"f{number}" for number in range(33)],
            )
        ),
        ("Flags", ["a"]),
        ("expires_at", "2030-01-31T12:00:00Z"),
        ("text", "x"),
        ("by", "u-admin"),
        ("membership", 1),
        ("", 1),
        ("__class__", 1),
        ("\u202e", 1),
        ("x" * 10_000, 1),
    ],
)
@pytest.mark.parametrize("method", ["post", "patch"])
def test_a_wrong_field_is_named_and_changes_nothing(
    method: str, field: str, value: object, member: Caller, text: str
) -> None:
    before = state(member)
    response = member.call(method, json={field: value})
    # As JSON, 1e999 is Infinity: Python writes what RFC 8259 does not know.
    expected = "body_malformed" if value == float("inf") else "validation_error"
    assert refusal(response) == (400, expected)
    if expected == "validation_error":
        assert list(response.json()["errors"]) == [field[:64]]
    assert state(member) == before


@pytest.mark.parametrize(
    "expiry",
    [
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2020-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59.999999999+00:00",
    ],
)
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_an_expiry_past_or_too_far_off_is_refused_by_its_name(
    method: str, path: str, expiry: str, admin: Caller, member: Caller, text: str
) -> None:
    before = state(member)
    if (method, path) == ("post", ""):
        member.delete()
    response = member.call(method, path, json={"expiry": expiry})
    assert refusal(response) == (400, "expiry_invalid")
    assert list(response.json()["errors"]) == ["expiry"]
    if (method, path) != ("post", ""):
        assert state(member) == before


@pytest.mark.parametrize(
    "write",
    [
        "{:%Y-%m-%dT%H:%M:%SZ}",
        "{:%Y-%m-%dt%H:%M:%Sz}",
        "{:%Y-%m-%d %H:%M:%S+00:00}",
        "{:%Y-%m-%dT%H:%M:%S.0-00:00}",
        "{:%Y-%m-%dT%H:%M:%S.000000000Z}",
    ],
)
def test_an_expiry_is_taken_in_every_spelling_of_rfc_3339(write: str, member: Caller) -> None:
    expiry = (moments.now() + timedelta(days=3)).astimezone(UTC).replace(microsecond=0)
    response = member.post(json={"expiry": write.format(expiry)})
    assert response.status_code == 201
    assert datetime.fromisoformat(response.json()["expiry"]) == expiry


@pytest.mark.parametrize(
    "value",
    [None, True, 1, [], {}, "", " ", "x", "eat_x", "\x00", "ä" * 1_000, "eat_" + "0" * 60_000],
)
def test_a_refresh_of_what_is_no_text_refreshes_nothing(
    value: object, member: Caller, text: str
) -> None:
    response = member.post("/refresh", json={"authenticationToken": value})
    assert refusal(response) in [(400, "validation_error"), (400, "token_mismatch")]
    assert list(response.json()["errors"]) == ["authenticationToken"]
    assert state(member)["authenticationToken"] == text
