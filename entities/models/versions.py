"""Versions of rows: what a caller has seen, told from what stands now."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256

_CHARS = 24  # 96 bits


def version_of(*facts: object) -> str:
    """Write a short name of `facts`, which are no secrets: the same for the same ones only."""
    return sha256(json.dumps(facts, default=_plain).encode()).hexdigest()[:_CHARS]


def _plain(fact: object) -> str:
    return (fact.astimezone(UTC) if isinstance(fact, datetime) else fact).__str__()
