"""What operators run, and what they are shown meanwhile."""

from __future__ import annotations
