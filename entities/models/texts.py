"""How a text of an authentication token stands to the token's row."""

from __future__ import annotations

from enum import Enum
from hmac import compare_digest
from typing import TYPE_CHECKING

from entities.conf import app_settings

if TYPE_CHECKING:
    from datetime import datetime

    from entities.codec import Parsed


class TextAge(Enum):
    """How an authentic text of a token stands to the token's row."""

    CURRENT = "current"
    PREVIOUS = "previous"  # the one before the last refresh
    OLDER = "older"
    UNKNOWN = "unknown"  # of a history this database does not have: a lost failover, a restore


def text_age(
    parsed: Parsed, *, generation: int, nonce: bytes, previous_nonce: bytes | None
) -> TextAge:
    """Tell how old `parsed` is, by the columns of the row with its id. Constant-time compares."""
    if parsed.generation == generation and compare_digest(parsed.nonce, nonce):
        return TextAge.CURRENT
    if parsed.generation >= generation:
        return TextAge.UNKNOWN
    if (
        parsed.generation == generation - 1
        and previous_nonce is not None
        and compare_digest(parsed.nonce, previous_nonce)
    ):
        return TextAge.PREVIOUS
    return TextAge.OLDER


def previous_text_ends_at(*, issued_at: datetime, previous_expires_at: datetime | None) -> datetime:
    """Return the moment from which on the text before the last refresh verifies no more.

    It does for `REFRESH_GRACE` after the refresh, and never past the expiry that it had itself:
    refreshing an expired token brings no old text back to life.
    """
    if previous_expires_at is None:
        return issued_at
    return min(issued_at + app_settings.REFRESH_GRACE, previous_expires_at)
