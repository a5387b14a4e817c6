"""Measures the lists of REST in one entity with 10,000 and with 1,000,000 tokens.

Half of a population's tokens are in one entity, so that the populations are twice as large.
`python -m tests.benchmarks.rest --help` tells the options, the README what is printed.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.benchmarks.admin import main
from tests.benchmarks.people import generated_id
from tests.benchmarks.population import HALF, RARE_NAME
from tests.benchmarks.urls import API, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL, LARGE = 20_000, 2_000_000
DEEP = 1000
"""The page that is leafed to; a shorter list is leafed to its end."""


def listed(what: str, *, deep: int = 1, **query: str) -> Page:
    """A list of the large entity, filtered by `query`, at its page `deep`."""
    said = " ".join(
        name if value.endswith("Z") else f"{name}={value}" for name, value in query.items()
    )
    name = f"{what} {said}".strip() + (f" page {deep}" if deep > 1 else "")
    return Page(name, f"/entities/{HALF}/{what}", query, API, deep)


def moment(days: int) -> str:
    """Write the moment so many days from now, as the API takes it."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    return at.isoformat().replace("+00:00", "Z")


def _tokens() -> Iterator[Page]:
    yield listed("authentication-tokens")
    yield listed("authentication-tokens", deep=DEEP)
    yield listed("authentication-tokens", limit="200")
    for status in ("live", "expired", "suspended", "revoked"):
        yield listed("authentication-tokens", status=status)
    yield listed("authentication-tokens", status="live", deep=DEEP)
    for flags in ("read", "write", "billing", "rare"):
        yield listed("authentication-tokens", flagsAny=flags)
        yield listed("authentication-tokens", flagsNone=flags)
    yield listed("authentication-tokens", flagsAll="read,write")
    yield listed("authentication-tokens", flagsAny="read", deep=DEEP)
    for name, days in (("expiry", 60), ("issued", -60), ("lastUsed", -30)):
        yield listed("authentication-tokens", **{f"{name}Before": moment(days)})
        yield listed("authentication-tokens", **{f"{name}After": moment(days)})
    for never in ("true", "false"):
        yield listed("authentication-tokens", neverUsed=never)
    for part in ("lovelace", RARE_NAME, "nobody-has-this"):
        yield listed("authentication-tokens", search=part)
    yield listed("authentication-tokens", user=generated_id(1504))
    for order in ("createdAt", "expiry", "-expiry", "issuedAt", "-issuedAt"):
        yield listed("authentication-tokens", ordering=order)


def _others() -> Iterator[Page]:
    for what in ("users", "events", "api-keys"):
        yield listed(what)
        yield listed(what, deep=DEEP)
    yield listed("users", role="admin")
    for active in ("true", "false"):
        yield listed("users", active=active)
    for part in ("lovelace", RARE_NAME, "nobody-has-this"):
        yield listed("users", search=part)
    for action in ("token_issued", "token_text_read", "token_reused"):
        yield listed("events", action=action)
    yield listed("events", user=generated_id(1504))
    yield listed("events", atBefore=moment(-60))
    yield listed("events", atAfter=moment(-60))
    for status in ("live", "expired", "revoked"):
        yield listed("api-keys", status=status)
    yield Page("me", "/me", {}, API)


PAGES = (*_tokens(), *_others())

if __name__ == "__main__":
    sys.exit(main(pages=PAGES, sizes=(SMALL, LARGE), changes=False))
