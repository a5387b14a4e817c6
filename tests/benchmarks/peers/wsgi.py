"""What `make bench-load` serves: each view as `make bench` calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.core.handlers.wsgi import WSGIHandler


def _handlers() -> Mapping[str, WSGIHandler]:
    """Return a handler for each view, by the first segment of its path."""
    django.setup()
    from tests.benchmarks.peers.handlers import handler_of
    from tests.benchmarks.peers.views import PATTERNS

    return {
        str(pattern.pattern).partition("/")[0]: handler_of(name)
        for name, pattern in PATTERNS.items()
    }


_HANDLERS = _handlers()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer by the handler of the view that is asked for."""
    handler = _HANDLERS[environ["PATH_INFO"].split("/")[1]]
    answer: Iterable[bytes] = handler(environ, start_response)
    return answer
