"""A database dump lets nobody in: neither a secret nor a digest of one is in any table."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from django.db import connection

from entities.models import AuthToken

if TYPE_CHECKING:
    from tests.conftest import Caller


def test_no_table_holds_a_text_or_a_digest_of_one(member: Caller, admin: Caller) -> None:
    first = member.post().json()["authenticationToken"]
    second = member.post("/refresh", json={}).json()["authenticationToken"]
    texts = [member.api_key, member.token, admin.token, first, second]

    with connection.cursor() as cursor:
        dump = ""
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            for row in cursor.fetchall():
                dump += "".join(
                    bytes(value).hex() if isinstance(value, (bytes, memoryview)) else f"{value}|"
                    for value in row
                )
    assert str(AuthToken.objects.get().pk.hex)[:8] in dump  # the dump is one
    for text in texts:
        body = text.partition("_")[2]
        assert text not in dump
        assert body[-26:] not in dump  # the MAC's end
        for name in ("md5", "sha1", "sha256", "sha512"):
            for secret in (text, body):
                digest = hashlib.new(name, secret.encode())
                assert digest.hexdigest()[:16] not in dump


def test_rows_under_another_key_are_worth_nothing(member: Caller, settings: Any) -> None:
    text = member.post().json()["authenticationToken"]
    settings.SECRET_KEY = "another" * 10
    assert AuthToken.objects.get().derive_text() is None
    assert member.get(headers={"token": text}).status_code == 401
