"""What the API and the gateway share of HTTP. It needs no REST framework."""

from __future__ import annotations
