"""What calls with an API key may do: as before, or read only, or in every entity."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("entities", "0008_search_indexes")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="access",
            field=models.CharField(
                choices=[
                    ("standard", "standard"),
                    ("read_only", "read only"),
                    ("superuser", "every entity"),
                ],
                default="standard",
                help_text="Read only: it changes nothing and sees no text. Every entity: with it, an admin of this entity is an admin of all.",
                max_length=16,
                verbose_name="access",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("access__in", ["standard", "read_only", "superuser"])),
                name="entities_apikey_access_known",
            ),
        ),
        migrations.AddIndex(
            model_name="apikey",
            index=models.Index(fields=["access", "-created_at"], name="entities_apikey_access"),
        ),
    ]
