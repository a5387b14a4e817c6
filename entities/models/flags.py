"""The form of flags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from entities.exceptions import FlagsError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_FLAGS = 32
FLAG_PATTERN = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


def clean_flags(flags: Iterable[str], *, most: int | None = MAX_FLAGS) -> list[str]:
    """Return `flags` as a set that keeps its first order.

    Raises:
        FlagsError: one has the wrong form, or there are more than `most` of them.
    """
    unique = list(dict.fromkeys(flags))
    if most is not None and len(unique) > most:
        raise FlagsError
    if not all(FLAG_PATTERN.fullmatch(flag) for flag in unique):
        raise FlagsError
    return unique
