"""The record of what happened, which the database lets nobody rewrite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import django.utils.timezone
from django.db import migrations, models

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# A later migration that alters this table makes it anew on SQLite, without its trigger: it has to
# create the trigger again. A test says so.
MADE = {
    "sqlite": [
        """
        CREATE TRIGGER entities_event_append_only BEFORE UPDATE ON entities_event
        BEGIN
            SELECT RAISE(ABORT, 'events are append-only');
        END
        """
    ],
    "postgresql": [
        """
        CREATE FUNCTION entities_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'restrict_violation';
        END $$
        """,
        """
        CREATE TRIGGER entities_event_append_only BEFORE UPDATE ON entities_event
        FOR EACH ROW EXECUTE FUNCTION entities_event_append_only()
        """,
    ],
}
UNMADE = {
    "sqlite": ["DROP TRIGGER entities_event_append_only"],
    "postgresql": [
        "DROP TRIGGER entities_event_append_only ON entities_event",
        "DROP FUNCTION entities_event_append_only()",
    ],
}


def make(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in MADE.get(schema_editor.connection.vendor, []):
        schema_editor.execute(statement, params=None)


def unmake(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in UNMADE.get(schema_editor.connection.vendor, []):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("entities", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="at"
                    ),
                ),
                (
                    "action",
                    models.CharField(editable=False, max_length=32, verbose_name="action"),
                ),
                (
                    "entity_id",
                    models.CharField(
                        blank=True, editable=False, max_length=128, verbose_name="entity"
                    ),
                ),
                (
                    "user_id",
                    models.CharField(
                        blank=True, editable=False, max_length=128, verbose_name="user"
                    ),
                ),
                (
                    "credential_id",
                    models.UUIDField(editable=False, null=True, verbose_name="credential"),
                ),
                (
                    "actor_kind",
                    models.CharField(editable=False, max_length=16, verbose_name="kind of actor"),
                ),
                (
                    "actor_id",
                    models.CharField(editable=False, max_length=128, verbose_name="actor"),
                ),
                (
                    "actor_name",
                    models.CharField(
                        blank=True, editable=False, max_length=200, verbose_name="actor's name"
                    ),
                ),
                ("api_key_id", models.UUIDField(editable=False, null=True, verbose_name="API key")),
                (
                    "application",
                    models.CharField(
                        blank=True, editable=False, max_length=100, verbose_name="application"
                    ),
                ),
                (
                    "request_id",
                    models.CharField(
                        blank=True, editable=False, max_length=64, verbose_name="request"
                    ),
                ),
                (
                    "client_address",
                    models.GenericIPAddressField(
                        editable=False, null=True, verbose_name="client address"
                    ),
                ),
                (
                    "details",
                    models.JSONField(default=dict, editable=False, verbose_name="details"),
                ),
            ],
            options={
                "verbose_name": "event",
                "verbose_name_plural": "events",
                "permissions": [("export_event", "Can export events")],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["entity_id", "-id"], name="entities_event_entity"),
                    models.Index(fields=["user_id", "-id"], name="entities_event_user"),
                    models.Index(fields=["credential_id", "-id"], name="entities_event_credential"),
                    models.Index(fields=["actor_id", "-id"], name="entities_event_actor"),
                    models.Index(fields=["actor_name", "-id"], name="entities_event_actor_name"),
                    models.Index(fields=["client_address", "-id"], name="entities_event_address"),
                    models.Index(fields=["action", "-id"], name="entities_event_action"),
                    models.Index(fields=["request_id"], name="entities_event_request"),
                    models.Index(fields=["at"], name="entities_event_at"),
                ],
            },
        ),
        migrations.RunPython(make, unmake),
    ]
