"""A database dump lets nobody in: neither a secret nor a digest of one is in any table."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from entities import keys
from entities.models import AuthToken, IdempotencyKey
from tests.api.rest import call
from tests.databases import connection

if TYPE_CHECKING:
    from tests.conftest import Caller


def test_no_table_holds_a_text_or_a_digest_of_one(member: Caller, admin: Caller) -> None:
    key = {"Idempotency-Key": "a-key-of-a-clients-own"}
    first = member.post(headers=key).json()["authenticationToken"]
    body = {"authenticationToken": first}
    key = {"Idempotency-Key": "another-key-of-it"}
    second = member.post("/refresh", json=body, headers=key).json()["authenticationToken"]
    texts = [member.api_key, member.token, admin.token, first, second]
    for path, terms in (
        ("api-keys", {"name": "shop"}),
        (f"users/{member.membership.user_id}/user-tokens", {"name": "phone"}),
        ("authentication-tokens/issue", {"tokens": [{"user": admin.membership.user_id}]}),
    ):
        answer = call(admin, "post", path, json=terms, headers={"Idempotency-Key": path})
        texts += [text for text in answer.content.decode().split('"') if keys.holds_text(text)]
    assert len(texts) == 8
    assert IdempotencyKey.objects.filter(status__in=(200, 201)).count() == 5

    with connection.cursor() as cursor:
        dump = ""
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            for row in cursor.fetchall():
                dump += "".join(
                    bytes(value).hex() if isinstance(value, (bytes, memoryview)) else f"{value}|"
                    for value in row
                )
    assert str(AuthToken.objects.first().pk.hex)[:8] in dump  # the dump is one
    for name in ("a-key-of-a-clients-own", "another-key-of-it"):
        assert name not in dump
        assert hashlib.sha256(name.encode()).hexdigest()[:16] not in dump
    for sent in (body, {}):
        encoded = json.dumps(sent).encode()
        assert hashlib.sha256(encoded).hexdigest()[:16] not in dump
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
