"""Migrations that move data, back and forth over rows that are there."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from entities.models import ApiKey, AuthToken, AuthTokenFlag
from tests.databases import ALIAS, connection
from tests.factories import ApiKeyFactory, AuthTokenFactory

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(*number: str) -> None:
    """Migrate the app to the migration of this number; without one, to the last."""
    call_command("migrate", "entities", *number, database=ALIAS, verbosity=0)


def test_what_lists_are_read_by_is_filled_in() -> None:
    token = AuthTokenFactory(flags=["a", "b"])
    try:
        migrate("0010")
    finally:
        migrate()
    assert AuthToken.objects.get().listed_in == token.membership.entity
    rows = AuthTokenFlag.objects.order_by("flag").values_list("flag", "listed_in", "created_at")
    facts = (token.membership.entity_id, token.created_at)
    assert list(rows) == [("a", *facts), ("b", *facts)]
    AuthTokenFactory(flags=["c"])
    assert AuthTokenFlag.objects.filter(flag="c", listed_in__isnull=False).exists()


def test_flags_are_indexed_before_that_migration_too() -> None:
    token = AuthTokenFactory(flags=["a"])
    try:
        migrate("0010")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE entities_authtoken SET flags = '[\"b\"]'")
            cursor.execute("SELECT flag FROM entities_authtokenflag")
            assert cursor.fetchall() == [("b",)]
    finally:
        migrate()
    assert token.flag_rows.get().listed_in == token.membership.entity


def test_keys_from_before_have_standard_access() -> None:
    key = ApiKeyFactory(access="read_only")
    try:
        migrate("0008")
    finally:
        migrate()
    assert ApiKey.objects.get(pk=key.pk).access == "standard"
