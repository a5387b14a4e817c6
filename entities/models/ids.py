"""The string ids of entities and users: what is allowed, and how new ones are made."""

from __future__ import annotations

import secrets
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MAX_ID_CHARS = 128
# Control, surrogate, line and paragraph separator: none survives a path and a header unchanged.
_FORBIDDEN_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def validate_id(value: str) -> None:
    """Refuse an id that cannot travel in a path and a header.

    Raises:
        ValidationError: empty, over 128 characters, with a slash, a control character or a lone
            surrogate, with white space at an end, or one of the dot segments of RFC 3986.
    """
    if not is_id(value):
        raise ValidationError(
            _(
                "An id has 1 to 128 characters, no slash and no control character, no space at "
                "its ends, and is neither “.” nor “..”."
            ),
            code="invalid_id",
        )


def is_id(value: str) -> bool:
    """Tell whether `value` can be the id of an entity or a user."""
    return (
        1 <= len(value) <= MAX_ID_CHARS
        and "/" not in value
        and value == value.strip()
        and value not in {".", ".."}
        and (
            (value.isascii() and value.isprintable())
            or not any(unicodedata.category(char) in _FORBIDDEN_CATEGORIES for char in value)
        )
    )


def new_entity_id() -> str:
    """Make an id like `e-7k3m9…`, 60 random bits."""
    return f"e-{_random_letters(12)}"


def new_user_id() -> str:
    """Make an id like `u-7k3m9…`, 60 random bits."""
    return f"u-{_random_letters(12)}"


def _random_letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))
