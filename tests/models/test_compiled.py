"""Querysets that are compiled once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.db.models import CharField, UUIDField

from entities import moments
from entities.models import AuthToken
from entities.models.compiled import CompiledQuery, Slot, preparer
from entities.models.moments import MomentField
from tests.databases import ALIAS
from tests.factories import AuthTokenFactory

ID, AT = Slot("id", UUIDField()), Slot("at", MomentField())
COLUMNS = {"pk": "id", "flags": "flags", "ends": "expires_at", "of": "membership__user__name"}


def rows() -> Any:
    return AuthToken.objects.filter(id=ID, expires_at__gt=AT, revocation_reason="").exclude(
        membership__user__name__contains="50% %s"
    )


@pytest.mark.django_db
def test_a_row_comes_as_the_queryset_itself_gives_it() -> None:
    token = AuthTokenFactory(flags=["a"])
    AuthTokenFactory()
    query = CompiledQuery(rows, COLUMNS)
    row = query.one(id=token.pk, at=moments.now())
    assert row is not None
    assert {name: getattr(row, name) for name in COLUMNS} == {
        "pk": token.pk,
        "flags": ["a"],
        "ends": token.expires_at,
        "of": token.membership.user.name,
    }
    assert query.one(id=token.pk, at=token.expires_at) is None
    assert query.one(id=uuid4(), at=moments.now()) is None


@pytest.mark.django_db
def test_constants_and_percent_signs_of_the_rule_are_kept() -> None:
    token = AuthTokenFactory(membership__user__name="about 50% %s of all")
    assert CompiledQuery(rows, COLUMNS).one(id=token.pk, at=moments.now()) is None
    revoked = AuthTokenFactory(revoked=True)
    assert CompiledQuery(rows, COLUMNS).one(id=revoked.pk, at=moments.now()) is None


@pytest.mark.django_db
def test_the_queryset_is_built_once_and_each_execution_is_one_query(
    django_assert_num_queries: Any,
) -> None:
    built: list[None] = []

    def counted() -> Any:
        built.append(None)
        return rows()

    query = CompiledQuery(counted, COLUMNS)
    with django_assert_num_queries(3):
        for _ in range(3):
            query.one(id=uuid4(), at=moments.now())
    assert len(built) == 1


@pytest.mark.django_db
def test_a_slot_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        CompiledQuery(rows, COLUMNS).one(id=uuid4())


@pytest.mark.django_db
def test_compiling_opens_no_connection_of_its_own(monkeypatch: Any) -> None:
    monkeypatch.setattr(
        type(connections[ALIAS]),
        "get_new_connection",
        lambda *args: pytest.fail("a second connection"),
    )
    CompiledQuery(rows, COLUMNS).one(id=uuid4(), at=moments.now())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "at",
    [
        moments.now(),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        moments.localized(datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
    ],
)
def test_parameters_are_made_as_the_fields_make_them(at: datetime) -> None:
    here = connections[ALIAS]
    for field, value in ((MomentField(), at), (UUIDField(), uuid4()), (CharField(), "x")):
        expected = field.get_db_prep_value(value, here, prepared=True)
        assert preparer(field, here)(value) == expected
