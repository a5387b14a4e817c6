"""All views by path, for a server. Those of the peers stand first, for what is behind is slower."""

from __future__ import annotations

from tests.benchmarks.peers.views import PATTERNS

urlpatterns = list(PATTERNS.values())
