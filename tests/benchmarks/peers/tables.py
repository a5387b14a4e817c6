"""Fills the tables of the peers beside those of a population: a row for each of its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks import population
from tests.benchmarks.population import VERSION
from tests.benchmarks.sql import DIALECTS, insert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.benchmarks.sql import Dialect

PEERS_VERSION = VERSION * 1000 + 1
"""Goes up with each change of what is filled in, and with those of the population."""
MOST = 100_000
"""Rows of a peer: more are needed nowhere, for only ours is asked to be flat."""
_FIRST = 1000
"""Key of the first account, after those of the population."""


def fill(tokens: int, at: datetime) -> None:
    """Fill an empty, migrated database: everything of ours in one entity, and the peers' rows."""
    from django.core.management.color import no_style
    from django.db import connection, transaction
    from oauth2_provider.models import AccessToken

    with transaction.atomic():
        population.fill(connection, tokens=tokens, at=at, in_one_entity=True)
        rows = min(tokens, MOST)
        with connection.cursor() as cursor:
            for statement in _statements(DIALECTS[connection.vendor], rows, int(at.timestamp())):
                cursor.execute(statement)
            for statement in connection.ops.sequence_reset_sql(no_style(), [AccessToken]):
                cursor.execute(statement)


def _statements(sql: Dialect, rows: int, at: int) -> Iterator[str]:
    accounts = sql.numbers(rows)
    now, later = (sql.moment.format(moment) for moment in (at, at + 365 * 24 * 60 * 60))
    account = {
        "id": f"i + {_FIRST}",
        "password": "'!'",
        "is_superuser": "false",
        "username": "'peer-' || i",
        "first_name": "''",
        "last_name": "''",
        "email": "'peer-' || i || '@example.com'",
        "is_staff": "false",
        "is_active": "true",
        "date_joined": now,
    }
    yield insert("auth_user", account, accounts)
    owned = {"user_id": f"i + {_FIRST}", "created": now}
    authtoken = {"key": f"substr({_digits(2)}, 1, 40)"} | owned
    yield insert("authtoken_token", authtoken, accounts)
    knox = {"digest": _digits(4), "token_key": f"substr({_digits(1)}, 1, 15)", "expiry": later}
    yield insert("knox_authtoken", knox | owned, accounts)
    oauth = {"id": "i + 1", "token": _digits(1), "token_checksum": _digits(2), "expires": later}
    rest = {"scope": "'read'", "updated": now, "resource": f"CAST('[]' AS {sql.json})"}
    yield insert("oauth2_provider_accesstoken", oauth | rest | owned, accounts)


def _digits(times: int) -> str:
    """Write 32 hexadecimal digits so many times, other ones each time."""
    return " || ".join(f"md5('peer-{number}-' || i)" for number in range(times))


def account_of(number: int) -> int:
    """Return the key of the account that has row `number`."""
    return _FIRST + number
