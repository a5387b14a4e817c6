"""All views by path, for what wants to know where one is."""

from __future__ import annotations

from tests.benchmarks.peers.views import PATTERNS

urlpatterns = list(PATTERNS.values())
