"""Moments, which are aware whatever the host's USE_TZ says.

A naive clock shows an hour twice each autumn, and a token would expire an hour late, or early. So
nothing here is naive, and nothing asks `django.utils.timezone.now`, which is where USE_TZ is off.
"""

from __future__ import annotations

from datetime import UTC, datetime, timezone, tzinfo

from django.utils.timezone import get_default_timezone, is_naive


def now() -> datetime:
    """Return this moment, in UTC."""
    return datetime.now(UTC)


def aware(at: datetime) -> datetime:
    """Return `at`; a naive one is a time of the host's TIME_ZONE."""
    return at.replace(tzinfo=get_default_timezone()) if is_naive(at) else at


def localized(at: datetime, zone: tzinfo | None = None) -> datetime:
    """Return the same moment with the offset that the host's TIME_ZONE has then.

    Where USE_TZ is off Django shows every moment as it stands. The offset is a fixed one: Python
    compares and subtracts two of the same zone by their clocks, not by when they are.
    """
    local = at.astimezone(zone or get_default_timezone())
    offset = local.utcoffset()
    assert offset is not None, "it is aware"  # noqa: S101
    return local.replace(tzinfo=timezone(offset), fold=0)


def written(at: datetime) -> str:
    """Write `at` in UTC, as it is recorded."""
    return at.astimezone(UTC).isoformat()
