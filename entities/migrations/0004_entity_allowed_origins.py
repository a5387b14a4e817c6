"""The origins whose browser apps may call for an entity."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("entities", "0003_authtokenflag")]

    operations = [
        migrations.AddField(
            model_name="entity",
            name="allowed_origins",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="A JSON list of the origins whose browser apps may call for this entity.",
                verbose_name="allowed origins",
            ),
        ),
    ]
