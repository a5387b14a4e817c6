from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from entities.models.ids import is_id, new_entity_id, new_user_id, validate_id


@pytest.mark.parametrize(
    "id",
    [
        "e",
        "me@example.com",
        "0b5e6a64-7f43-4b8e-8f4c-2a4d8b1f6c10",
        "auth0|5f7c8ec7",
        "with space",
        "cn=x,dc=y",
        "100%",
        "ü",
        "用户",
        "…",
        "x" * 128,
    ],
)
def test_ids_as_customers_have_them_are_taken(id: str) -> None:
    validate_id(id)


@pytest.mark.parametrize(
    "id",
    [
        "",
        "x" * 129,
        "a/b",
        "a\x00b",
        "a\nb",
        "a\x7fb",
        "a\x85b",
        "a\u2028b",
        "a\ud800b",
        " a",
        "a ",
        ".",
        "..",
    ],
)
def test_an_id_that_cannot_travel_in_a_path_is_refused(id: str) -> None:
    with pytest.raises(ValidationError) as caught:
        validate_id(id)
    assert caught.value.code == "invalid_id"


def test_new_ids_are_ids_and_never_the_same() -> None:
    made = {new_entity_id() for _ in range(100)} | {new_user_id() for _ in range(100)}
    assert len(made) == 200
    assert all(is_id(id) and id[:2] in {"e-", "u-"} for id in made)
