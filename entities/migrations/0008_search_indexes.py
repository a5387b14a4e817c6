"""On PostgreSQL, indexes for searching a part of an id or a name (pg_trgm).

The extension is a trusted one since PostgreSQL 13: who may create in the database may create it.
Where it is not to be had, nothing fails, and a search reads the tables.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import DatabaseError, migrations, transaction

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor

logger = logging.getLogger("entities.migrations")

# As `icontains` writes it: UPPER(column::text) LIKE UPPER('%part%').
INDEXES = {
    "entities_user_id_trgm": ("entities_user", "id"),
    "entities_user_name_trgm": ("entities_user", "name"),
    "entities_entity_id_trgm": ("entities_entity", "id"),
    "entities_entity_name_trgm": ("entities_entity", "name"),
    "entities_apikey_name_trgm": ("entities_apikey", "name"),
    "entities_usertoken_name_trgm": ("entities_usertoken", "name"),
}


def make(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            cursor.execute(
                "SELECT nspname FROM pg_extension JOIN pg_namespace ON pg_namespace.oid ="
                " extnamespace WHERE extname = 'pg_trgm'"
            )
            schema = connection.ops.quote_name(cursor.fetchone()[0])
    except DatabaseError as error:
        logger.warning("Searches read whole tables: there is no pg_trgm here. %s", error)
        return
    for name, (table, column) in INDEXES.items():
        schema_editor.execute(
            f'CREATE INDEX {name} ON {table} USING gin (UPPER("{column}"::text)'
            f" {schema}.gin_trgm_ops)"
        )


def unmake(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:  # the extension may be used by others
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("entities", "0007_list_indexes")]

    operations = [migrations.RunPython(make, unmake)]
