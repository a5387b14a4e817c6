"""Through which application a token came: what introspection calls its client."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("entities", "0013_idempotencykey")]

    operations = [
        migrations.AddField(
            model_name="authtoken",
            name="issued_through",
            field=models.UUIDField(editable=False, null=True, verbose_name="issued through"),
        ),
    ]
