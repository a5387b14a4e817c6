"""Authentication tokens for the users of entities (tenants): a reusable Django app."""

from __future__ import annotations
