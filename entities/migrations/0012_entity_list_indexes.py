"""Indexes in whose order the lists of one entity are read, so that a page costs the same in any."""

from __future__ import annotations

from django.db import migrations, models

_INDEXES = [
    ("authtoken", "in_entity", ["listed_in", "created_at", "id"], None),
    ("authtoken", "by_expiry", ["listed_in", "expires_at", "id"], None),
    ("authtoken", "by_issue", ["listed_in", "issued_at", "id"], None),
    ("authtoken", "by_use", ["listed_in", "last_used_at", "id"], None),
    (
        "authtoken",
        "standing",
        ["listed_in", "epoch", "created_at", "id"],
        models.Q(("revoked_at__isnull", True)),
    ),
    (
        "authtoken",
        "ended",
        ["listed_in", "created_at", "id"],
        models.Q(("revoked_at__isnull", False)),
    ),
    (
        "authtoken",
        "unused",
        ["listed_in", "created_at", "id"],
        models.Q(("last_used_at__isnull", True)),
    ),
    ("authtokenflag", "list", ["listed_in", "flag", "created_at", "token"], None),
    ("entity", "created", ["created_at", "id"], None),
    ("event", "entity_action", ["entity_id", "action", "at", "id"], None),
    ("event", "entity_at", ["entity_id", "at", "id"], None),
    ("membership", "list", ["entity", "created_at", "id"], None),
    ("membership", "role", ["entity", "role", "created_at", "id"], None),
    (
        "membership",
        "inactive",
        ["entity", "created_at", "id"],
        models.Q(("is_active", False)),
    ),
    ("user", "inactive", ["id"], models.Q(("is_active", False))),
]


class Migration(migrations.Migration):
    dependencies = [("entities", "0011_token_list_columns")]

    operations = [
        migrations.AddIndex(
            model_name=model,
            index=models.Index(name=f"entities_{model}_{name}", fields=fields, condition=condition),
        )
        for model, name, fields, condition in _INDEXES
    ]
