"""Indexes in whose order the lists are read, so that a page costs the same in a large table."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("entities", "0006_staff_permissions")]

    operations = [
        migrations.AddIndex(
            model_name="authtoken",
            index=models.Index(
                condition=models.Q(("revoked_at__isnull", False)),
                fields=["revoked_at"],
                name="entities_authtoken_revoked",
            ),
        ),
        migrations.AddIndex(
            model_name="authtoken",
            index=models.Index(fields=["last_used_at"], name="entities_authtoken_used"),
        ),
        migrations.AddIndex(
            model_name="apikey",
            index=models.Index(fields=["-created_at"], name="entities_apikey_created"),
        ),
        migrations.AddIndex(
            model_name="usertoken",
            index=models.Index(fields=["-created_at"], name="entities_usertoken_created"),
        ),
        migrations.AddIndex(
            model_name="membership",
            index=models.Index(fields=["-created_at"], name="entities_membership_created"),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(fields=["name", "id"], name="entities_user_name"),
        ),
    ]
