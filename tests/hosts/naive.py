"""A host without USE_TZ, far from UTC, whose clock is put back in autumn."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

USE_TZ = False
TIME_ZONE = "America/New_York"
