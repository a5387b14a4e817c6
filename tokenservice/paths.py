"""Which paths are pages for people. All others are the API's: JSON only, and never redirected."""

from __future__ import annotations

import re

_PAGES = r"(?:(?:admin|docs|static)(?:/|\Z)|\Z)"

# Behind the slash that a path begins with.
ALL_BUT_PAGES = f"(?!{_PAGES})"

_PAGE = re.compile(f"/{_PAGES}")


def is_page(path: str) -> bool:
    """Tell whether `path`, below the one that the service is mounted at, is for people."""
    return _PAGE.match(path) is not None
