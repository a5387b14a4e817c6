"""Querysets that are compiled once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.db.models import DateTimeField, F, UUIDField
from django.utils import timezone

from entities.models import AuthToken
from entities.verification.compiled import CompiledQuery, Slot
from tests.factories import AuthTokenFactory

ID, AT = Slot("id", UUIDField()), Slot("at", DateTimeField())


def build() -> Any:
    live = AuthToken.objects.filter(id=ID, expires_at__gt=AT, revocation_reason="")
    return live.values(pk_=F("id"), flags_=F("flags"), ends=F("expires_at"), of=F("membership__id"))


@pytest.mark.django_db
def test_a_row_comes_as_the_queryset_itself_gives_it() -> None:
    token = AuthTokenFactory(flags=["a"])
    AuthTokenFactory()
    query = CompiledQuery(build)
    assert query.one(id=token.pk, at=timezone.now()) == {
        "pk_": token.pk,
        "flags_": ["a"],
        "ends": token.expires_at,
        "of": token.membership_id,
    }
    assert query.one(id=token.pk, at=token.expires_at) is None
    assert query.one(id=uuid4(), at=timezone.now()) is None


@pytest.mark.django_db
def test_the_queryset_is_built_once_and_each_execution_is_one_query(
    django_assert_num_queries: Any,
) -> None:
    built: list[None] = []

    def counted() -> Any:
        built.append(None)
        return build()

    query = CompiledQuery(counted)
    with django_assert_num_queries(3):
        for _ in range(3):
            query.one(id=uuid4(), at=timezone.now())
    assert len(built) == 1


@pytest.mark.django_db
def test_a_slot_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        CompiledQuery(build).one(id=uuid4())


@pytest.mark.django_db
def test_compiling_opens_no_connection_of_its_own(monkeypatch: Any) -> None:
    monkeypatch.setattr(
        type(connections["default"]),
        "get_new_connection",
        lambda *args: pytest.fail("a second connection"),
    )
    CompiledQuery(build).one(id=uuid4(), at=timezone.now())
