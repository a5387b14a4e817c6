"""What `make bench-load` serves: each view as `make bench` calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import django

django.setup()

from tests.benchmarks.peers.handlers import handler_of  # noqa: E402  it wants the settings
from tests.benchmarks.peers.views import PATTERNS  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable

_HANDLERS = {
    str(pattern.pattern).partition("/")[0]: handler_of(name) for name, pattern in PATTERNS.items()
}


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer by the handler of the path's first segment."""
    handler = _HANDLERS[environ["PATH_INFO"].split("/")[1]]
    answer: Iterable[bytes] = handler(environ, start_response)
    return answer
