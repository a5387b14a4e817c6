"""What the answers about an entity's things have in common."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from entities.api.serializers import StringField


class AnswerSerializer(serializers.Serializer[Any]):
    """The answer about one thing; in a list the same stands without `success`."""

    success = serializers.SerializerMethodField(help_text="Always true.")

    @extend_schema_field({"type": "boolean", "const": True})
    def get_success(self, row: object) -> bool:
        return True


def id_field(**kwargs: Any) -> StringField:
    """Make the field of an id in a body. Which ids there can be is for the models to say."""
    return StringField(min_length=1, max_length=128, trim_whitespace=False, **kwargs)


def name_field(**kwargs: Any) -> StringField:
    """Make the field of a name that may be left empty."""
    return StringField(max_length=200, allow_blank=True, required=False, **kwargs)
