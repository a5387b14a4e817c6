"""Permissions to rotate credentials, and to sign a user out everywhere."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("entities", "0005_stafflimit")]

    operations = [
        migrations.AlterModelOptions(
            name="apikey",
            options={
                "permissions": [
                    ("issue_apikey", "Can issue an API key"),
                    ("rotate_apikey", "Can rotate an API key"),
                    ("revoke_apikey", "Can revoke an API key"),
                ],
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
            },
        ),
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [("signout_user", "Can sign a user out everywhere")],
                "verbose_name": "user",
                "verbose_name_plural": "users",
            },
        ),
        migrations.AlterModelOptions(
            name="usertoken",
            options={
                "permissions": [
                    ("issue_usertoken", "Can issue a user token"),
                    ("rotate_usertoken", "Can rotate a user token"),
                    ("revoke_usertoken", "Can revoke a user token"),
                ],
                "verbose_name": "user token",
                "verbose_name_plural": "user tokens",
            },
        ),
    ]
