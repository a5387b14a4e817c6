"""The connection to the database that the app is in."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.connection import ConnectionProxy

ALIAS = "tokens" if "tokens" in connections.settings else DEFAULT_DB_ALIAS
connection = ConnectionProxy(connections, ALIAS)
