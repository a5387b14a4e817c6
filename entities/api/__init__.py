"""REST: the five calls, on Django REST framework."""

from __future__ import annotations
