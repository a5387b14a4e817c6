"""Types of command-line arguments, which argparse turns into usage errors."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import datetime, timedelta

from django.utils.dateparse import parse_datetime

_MOST_DAYS = 100_000


def days(value: str) -> timedelta:
    """Read a number of days, 0 to 100,000: more would leave the calendar."""
    if not (value.isascii() and value.isdigit()) or len(value) > 6 or int(value) > _MOST_DAYS:
        raise ArgumentTypeError(f"{value} is not a number of days, 0 to {_MOST_DAYS}")
    return timedelta(days=int(value))


def moment(value: str) -> datetime:
    """Read a date and time with an offset (RFC 3339)."""
    try:
        parsed = parse_datetime(value)
    except ValueError:
        parsed = None
    if parsed is None or parsed.utcoffset() is None:
        raise ArgumentTypeError(
            f"{value} is not a date and time with an offset, like 2030-01-31T12:00:00Z"
        )
    return parsed


def count(value: str) -> int:
    """Read a number above zero."""
    if not (value.isascii() and value.isdigit()) or len(value) > 9 or int(value) < 1:
        raise ArgumentTypeError(f"{value} is not a number above zero")
    return int(value)


def label(value: str) -> str:
    """Read a name of 1 to 100 characters."""
    if not 1 <= len(value.strip()) <= 100 or not value.isprintable():
        raise ArgumentTypeError("a name has 1 to 100 characters, and all can be printed")
    return value.strip()
