"""Answers kept for requests that are sent again."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("entities", "0012_entity_list_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "id",
                    models.CharField(
                        editable=False, max_length=64, primary_key=True, serialize=False
                    ),
                ),
                ("fingerprint", models.CharField(editable=False, max_length=64)),
                ("started_at", models.DateTimeField(editable=False, verbose_name="started at")),
                (
                    "completed_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="completed at"),
                ),
                (
                    "status",
                    models.PositiveSmallIntegerField(
                        editable=False, null=True, verbose_name="status"
                    ),
                ),
                ("headers", models.JSONField(default=dict, editable=False)),
                ("body", models.TextField(blank=True, editable=False)),
                ("texts", models.JSONField(default=dict, editable=False)),
            ],
            options={
                "verbose_name": "idempotency key",
                "verbose_name_plural": "idempotency keys",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["started_at"], name="entities_idempotencykey_began")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("body", ""),
                                ("completed_at__isnull", True),
                                ("status__isnull", True),
                            ),
                            models.Q(("completed_at__isnull", False), ("status__isnull", False)),
                            _connector="OR",
                        ),
                        name="entities_idempotencykey_complete",
                    )
                ],
            },
        ),
    ]
