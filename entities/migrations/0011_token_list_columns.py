"""The entity in each token's row, and what lists are ordered by in each flag's: kept by triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import django.db.models.deletion
from django.db import migrations, models

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# As those of 0003_authtokenflag: a later migration that alters entities_authtoken makes it anew on
# SQLite, without its triggers, and has to create them again.
MADE = {
    "sqlite": [
        """
        CREATE TRIGGER entities_authtoken_entity_insert AFTER INSERT ON entities_authtoken
        WHEN NEW.listed_in_id IS NULL
        BEGIN
            UPDATE entities_authtoken SET listed_in_id = (
                SELECT entity_id FROM entities_membership WHERE id = NEW.membership_id
            ) WHERE id = NEW.id;
        END
        """,
        """
        CREATE TRIGGER entities_authtoken_entity_update AFTER UPDATE OF listed_in_id
        ON entities_authtoken WHEN NEW.listed_in_id IS NULL
        BEGIN
            UPDATE entities_authtoken SET listed_in_id = (
                SELECT entity_id FROM entities_membership WHERE id = NEW.membership_id
            ) WHERE id = NEW.id;
        END
        """,
        "DROP TRIGGER entities_authtoken_flags_insert",
        "DROP TRIGGER entities_authtoken_flags_update",
        """
        CREATE TRIGGER entities_authtoken_flags_insert AFTER INSERT ON entities_authtoken
        BEGIN
            INSERT OR IGNORE INTO entities_authtokenflag (token_id, flag, listed_in_id, created_at)
            SELECT NEW.id, value, (
                SELECT entity_id FROM entities_membership WHERE id = NEW.membership_id
            ), NEW.created_at FROM json_each(NEW.flags);
        END
        """,
        """
        CREATE TRIGGER entities_authtoken_flags_update AFTER UPDATE OF flags ON entities_authtoken
        WHEN NEW.flags IS NOT OLD.flags
        BEGIN
            DELETE FROM entities_authtokenflag
            WHERE token_id = NEW.id AND flag NOT IN (SELECT value FROM json_each(NEW.flags));
            INSERT OR IGNORE INTO entities_authtokenflag (token_id, flag, listed_in_id, created_at)
            SELECT NEW.id, value, (
                SELECT entity_id FROM entities_membership WHERE id = NEW.membership_id
            ), NEW.created_at FROM json_each(NEW.flags);
        END
        """,
    ],
    "postgresql": [
        """
        CREATE FUNCTION entities_authtoken_entity() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.listed_in_id := (
                SELECT entity_id FROM entities_membership WHERE id = NEW.membership_id
            );
            RETURN NEW;
        END $$
        """,
        """
        CREATE TRIGGER entities_authtoken_entity BEFORE INSERT OR UPDATE OF listed_in_id
        ON entities_authtoken FOR EACH ROW WHEN (NEW.listed_in_id IS NULL)
        EXECUTE FUNCTION entities_authtoken_entity()
        """,
        """
        CREATE OR REPLACE FUNCTION entities_authtoken_flags() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF NEW.flags = OLD.flags THEN
                    RETURN NULL;
                END IF;
                DELETE FROM entities_authtokenflag
                WHERE token_id = NEW.id AND NOT NEW.flags ? flag;
            END IF;
            INSERT INTO entities_authtokenflag (token_id, flag, listed_in_id, created_at)
            SELECT NEW.id, flag, NEW.listed_in_id, NEW.created_at
            FROM jsonb_array_elements_text(NEW.flags) AS flag
            ON CONFLICT DO NOTHING;
            RETURN NULL;
        END $$
        """,
    ],
}
UNMADE = {
    "sqlite": [
        "DROP TRIGGER entities_authtoken_entity_insert",
        "DROP TRIGGER entities_authtoken_entity_update",
        "DROP TRIGGER entities_authtoken_flags_insert",
        "DROP TRIGGER entities_authtoken_flags_update",
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
    ],
    "postgresql": [
        "DROP TRIGGER entities_authtoken_entity ON entities_authtoken",
        "DROP FUNCTION entities_authtoken_entity()",
        """
        CREATE OR REPLACE FUNCTION entities_authtoken_flags() RETURNS trigger LANGUAGE plpgsql AS $$
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
    ],
}
# Standard SQL, which both run.
FILLED = [
    """
    UPDATE entities_authtoken SET listed_in_id = (
        SELECT entity_id FROM entities_membership
        WHERE entities_membership.id = entities_authtoken.membership_id
    )
    """,
    """
    UPDATE entities_authtokenflag SET
        listed_in_id = (
            SELECT listed_in_id FROM entities_authtoken
            WHERE entities_authtoken.id = entities_authtokenflag.token_id
        ),
        created_at = (
            SELECT created_at FROM entities_authtoken
            WHERE entities_authtoken.id = entities_authtokenflag.token_id
        )
    """,
]


def make(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if made := MADE.get(schema_editor.connection.vendor):
        for statement in (*FILLED, *made):
            schema_editor.execute(statement, params=None)


def unmake(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in UNMADE.get(schema_editor.connection.vendor, []):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("entities", "0010_apikey_access")]

    operations = [
        migrations.AddField(
            model_name="authtoken",
            name="listed_in",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="entities.entity",
                verbose_name="entity",
            ),
        ),
        migrations.AddField(
            model_name="authtokenflag",
            name="listed_in",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="entities.entity",
            ),
        ),
        migrations.AddField(
            model_name="authtokenflag",
            name="created_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunPython(make, unmake),
    ]
