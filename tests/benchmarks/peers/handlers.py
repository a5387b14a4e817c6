"""What answers: a handler of Django's for each view, with a table of URLs of one line.

A longer way through a table would count against who stands behind.
"""

from __future__ import annotations

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

from tests.benchmarks.peers.views import PATTERNS


def handler_of(pattern: str) -> WSGIHandler:
    """Return what answers at `pattern`, and nowhere else."""
    handler = WSGIHandler()
    urls = (PATTERNS[pattern],)
    handler.request_class = type("Request", (WSGIRequest,), {"urlconf": urls})
    return handler
