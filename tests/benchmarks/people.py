"""Names and ids of users, by their number `i`: a third of them have emails for ids."""

from __future__ import annotations

from hashlib import md5

from tests.benchmarks.sql import one_of

RARE_NAME, RARE_USERS = "Zebulon Quixote", 5
"""A name that few have, and how many that are, however many users there are."""

_FIRST_NAMES = (
    "Ada",
    "Alan",
    "Anita",
    "Barbara",
    "Claude",
    "Donald",
    "Edsger",
    "Frances",
    "Grace",
    "Hedy",
)
_LAST_NAMES = (
    "Babbage",
    "Borg",
    "Dijkstra",
    "Goldberg",
    "Hamilton",
    "Hopper",
    "Knuth",
    "Liskov",
    "Lovelace",
    "Turing",
)
_FIRST_NAME, _LAST_NAME = one_of("first name", _FIRST_NAMES), one_of("last name", _LAST_NAMES)
_EMAIL = f"lower({_FIRST_NAME} || '.' || {_LAST_NAME}) || '.' || i || '@example.com'"

NAME = f"{_FIRST_NAME} || ' ' || {_LAST_NAME}"
USER_ID = f"CASE WHEN i % 3 = 0 THEN {_EMAIL} ELSE 'u-' || substr(md5('user-' || i), 1, 16) END"


def generated_id(number: int) -> str:
    """Return the id of user `number`. No multiple of 3: those have emails."""
    return f"u-{md5(f'user-{number}'.encode(), usedforsecurity=False).hexdigest()[:16]}"
