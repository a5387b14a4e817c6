"""Measures the service beside what others wrote; run by `make bench` and `make bench-load`."""

from __future__ import annotations
