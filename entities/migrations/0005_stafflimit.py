"""Limits of staff accounts to some entities."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("entities", "0004_entity_allowed_origins"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="StaffLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "account",
                    models.OneToOneField(
                        db_constraint=False,
                        help_text="The staff account. Superusers are never limited.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
                (
                    "entities",
                    models.ManyToManyField(
                        blank=True,
                        help_text="All that this account sees and touches in the admin. None: nothing.",
                        related_name="+",
                        to="entities.entity",
                        verbose_name="entities",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(auto_now_add=True, verbose_name="created at"),
                ),
            ],
            options={
                "verbose_name": "limit of staff",
                "verbose_name_plural": "limits of staff",
            },
        ),
    ]
