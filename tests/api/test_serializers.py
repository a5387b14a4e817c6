"""What is written by hand is what the fields that the schema describes would write."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.serializers import Serializer

from entities import moments
from entities.api.serializers import AuthTokenSerializer
from tests.factories import AuthTokenFactory


@pytest.mark.django_db
@pytest.mark.parametrize("reads_only", [False, True])
@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"flags": ["b", "a"], "last_used_at": moments.now()},
        {"expires_at": moments.now().replace(microsecond=0) + timedelta(days=1)},
    ],
)
def test_a_token_is_written_as_its_fields_would_write_it(
    facts: dict[str, Any], reads_only: bool
) -> None:
    token = AuthTokenFactory(**facts)
    serializer = AuthTokenSerializer(token, context={"just_made": True, "reads_only": reads_only})
    by_fields = Serializer.to_representation(serializer, token)
    assert serializer.data == by_fields
    assert list(serializer.data) == list(serializer.fields)
