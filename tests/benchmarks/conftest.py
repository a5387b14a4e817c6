"""Tests of what measures. It needs PostgreSQL, and so do the tests of a whole run."""

from __future__ import annotations

import os

collect_ignore = (
    [] if os.environ.get("DATABASE_URL", "").startswith("postgres") else ["test_run.py"]
)
