"""The index of flags: a row for each flag of a token, kept by triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import django.db.models.deletion
from django.db import migrations, models

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# A later migration that alters entities_authtoken makes it anew on SQLite, without its triggers:
# it has to create them again. A test says so.
MADE = {
    "sqlite": [
        """
        CREATE TRIGGER entities_authtoken_flags_insert AFTER INSERT ON entities_authtoken
        BEGIN
            INSERT OR IGNORE INTO entities_authtokenflag (token_id, flag)
            SELECT NEW.id, value FROM json_each(NEW.flags);
        END
        """,
        """
        CREATE TRIGGER entities_authtoken_flags_update AFTER UPDATE OF flags ON entities_authtoken
        WHEN NEW.flags IS NOT OLD.flags
        BEGIN
            DELETE FROM entities_authtokenflag
            WHERE token_id = NEW.id AND flag NOT IN (SELECT value FROM json_each(NEW.flags));
            INSERT OR IGNORE INTO entities_authtokenflag (token_id, flag)
            SELECT NEW.id, value FROM json_each(NEW.flags);
        END
        """,
        """
        INSERT INTO entities_authtokenflag (token_id, flag)
        SELECT DISTINCT token.id, flag.value
        FROM entities_authtoken AS token, json_each(token.flags) AS flag
        """,
    ],
    "postgresql": [
        """
        CREATE FUNCTION entities_authtoken_flags() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF NEW.flags = OLD.flags THEN
                    RETURN NULL;
                END IF;
                DELETE FROM entities_authtokenflag
                WHERE token_id = NEW.id AND NOT NEW.flags ? flag;
            END IF;
            INSERT INTO entities_authtokenflag (token_id, flag)
            SELECT NEW.id, flag FROM jsonb_array_elements_text(NEW.flags) AS flag
            ON CONFLICT DO NOTHING;
            RETURN NULL;
        END $$
        """,
        """
        CREATE TRIGGER entities_authtoken_flags AFTER INSERT OR UPDATE OF flags
        ON entities_authtoken FOR EACH ROW EXECUTE FUNCTION entities_authtoken_flags()
        """,
        """
        INSERT INTO entities_authtokenflag (token_id, flag)
        SELECT DISTINCT token.id, flag
        FROM entities_authtoken AS token, jsonb_array_elements_text(token.flags) AS flag
        """,
    ],
}
UNMADE = {
    "sqlite": [
        "DROP TRIGGER entities_authtoken_flags_insert",
        "DROP TRIGGER entities_authtoken_flags_update",
    ],
    "postgresql": [
        "DROP TRIGGER entities_authtoken_flags ON entities_authtoken",
        "DROP FUNCTION entities_authtoken_flags()",
    ],
}


def make(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in MADE.get(schema_editor.connection.vendor, []):
        schema_editor.execute(statement, params=None)


def unmake(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in UNMADE.get(schema_editor.connection.vendor, []):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("entities", "0002_event")]

    operations = [
        migrations.CreateModel(
            name="AuthTokenFlag",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "token_id",
                        "flag",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="flag_rows",
                        to="entities.authtoken",
                    ),
                ),
                ("flag", models.CharField(max_length=64, verbose_name="flag")),
            ],
            options={
                "verbose_name": "flag of a token",
                "verbose_name_plural": "flags of tokens",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["flag", "token"], name="entities_authtokenflag_flag")
                ],
            },
        ),
        migrations.RunPython(make, unmake),
    ]
