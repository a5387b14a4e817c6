"""Measures lists and bulk changes at scale; run by `make bench-admin`."""

from __future__ import annotations
