"""For other services, plain Django views: introspection, revocation and forward-auth."""

from __future__ import annotations
