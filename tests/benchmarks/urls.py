"""The pages that are measured: one line each, by what it asks of the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.benchmarks.people import RARE_NAME, generated_id
from tests.benchmarks.population import (
    BOSS,
    FEW,
    FIXED,
    HALF,
    SMALL,
    TENTH,
    WIDE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

API = "api"
"""In the place of an account: an admin of the largest entity, who calls the API."""

SOME_USER = generated_id(1504)  # has a user token as well


@dataclass(frozen=True, slots=True)
class Page:
    """A path with its query, as one account asks for it."""

    name: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    account: str = BOSS
    deep: int = 1
    """Which page of a list of REST, leafed to by its links."""


def listed(model: str, account: str = BOSS, **query: str) -> Page:
    """A list of the admin, filtered, searched or turned to a page by `query`."""
    said = " ".join(f"{name}={value}" for name, value in query.items())
    who = "" if account == BOSS else f"{account.removeprefix('bench-')}: "
    return Page(f"{who}{model} {said}".strip(), f"/admin/entities/{model}/", query, account)


def suggested(model: str, name: str, term: str, account: str = BOSS) -> Page:
    """What a field of a form suggests for `term`."""
    who = "" if account == BOSS else f"{account.removeprefix('bench-')}: "
    query = {"app_label": "entities", "model_name": model, "field_name": name, "term": term}
    return Page(
        f"{who}suggest {model}.{name} {term}".strip(), "/admin/autocomplete/", query, account
    )


def _lists() -> Iterator[Page]:
    for model in ("entity", "user", "membership", "apikey", "usertoken", "authtoken", "event"):
        yield listed(model)
        yield listed(model, p="2")
    for model in ("user", "membership", "authtoken", "event"):
        yield listed(model, p="50")


def _filters() -> Iterator[Page]:
    for status in ("live", "expiring", "expired", "revoked", "entity_revoked", "suspended"):
        yield listed("authtoken", status=status)
    for status in ("live", "expired", "revoked", "suspended"):
        yield listed("apikey", status=status)
        yield listed("usertoken", status=status)
    for days in ("1", "7", "30"):
        yield listed("authtoken", expires=days)
        yield listed("authtoken", used=days)
    for use in ("not30", "not90", "never"):
        yield listed("authtoken", used=use)
    for since in ("today", "7"):
        yield listed("authtoken", revoked=since)
    for flag in ("read", "billing", "rare", "none-has-it"):
        yield listed("authtoken", flag=flag)
    for entity in (HALF, TENTH, SMALL, FIXED):
        yield listed("authtoken", entity=entity)
        yield listed("membership", entity=entity)
    yield listed("apikey", entity=HALF)
    for access in ("standard", "read_only", "superuser"):
        yield listed("apikey", access__exact=access)
    yield listed("authtoken", entity=HALF, status="live", p="20")
    yield listed("authtoken", entity=FIXED, status="live")
    yield listed("authtoken", entity=TENTH, flag="billing", expires="30")
    for model in ("membership", "authtoken", "usertoken"):
        yield listed(model, user=SOME_USER)
    yield listed("membership", role__exact="admin")
    for model in ("entity", "user", "membership"):
        yield listed(model, is_active__exact="0")
    for action in ("token_issued", "token_text_read", "token_reused"):
        yield listed("event", action=action)
    for when in ("today", "7", "30"):
        yield listed("event", when=when)
    for entity in (HALF, FIXED):
        yield listed("event", entity=entity)
    yield listed("event", user=SOME_USER)
    yield listed("event", entity=HALF, action="token_text_read")


def _searches() -> Iterator[Page]:
    prefix = SOME_USER[:10]
    for model in ("user", "membership", "authtoken", "usertoken"):
        for term in (RARE_NAME, "lovelace", prefix, "ad", "nobody-has-this"):
            yield listed(model, q=term)
    for model in ("entity", "membership", "apikey", "authtoken"):
        for term in (HALF, FIXED, "umbrella"):
            yield listed(model, q=term)
    for model in ("membership", "authtoken"):
        yield listed(model, q="lovelace globex")
        yield listed(model, q="zebulon acme")
    for term in (SOME_USER, HALF, "nobody-has-this", "192.0.2.1"):
        yield listed("event", q=term)
    yield listed("authtoken", q="lovelace", p="2")
    yield listed("authtoken", q="lovelace", status="live")


def _orders() -> Iterator[Page]:
    for column in ("5", "-5"):
        yield listed("authtoken", o=column)
    yield listed("membership", o="-5")


def _suggestions() -> Iterator[Page]:
    for term in ("", RARE_NAME, "lovelace", SOME_USER[:10], "nobody-has-this"):
        yield suggested("membership", "user", term)
    for term in ("", HALF):
        yield suggested("membership", "entity", term)
    for term in ("", RARE_NAME, "lovelace globex"):
        yield suggested("authtoken", "membership", term)


def _limited() -> Iterator[Page]:
    for account in (FEW, WIDE):
        for model in ("entity", "user", "membership", "apikey", "authtoken", "event"):
            yield listed(model, account)
        for status in ("live", "expired", "revoked"):
            yield listed("authtoken", account, status=status)
        yield listed("authtoken", account, flag="rare")
        yield listed("authtoken", account, expires="7")
        for term in (RARE_NAME, "lovelace"):
            yield listed("authtoken", account, q=term)
            yield listed("user", account, q=term)
        yield suggested("membership", "user", "lovelace", account)
        yield suggested("authtoken", "membership", "lovelace", account)


PAGES = (
    Page("index", "/admin/"),
    *_lists(),
    *_filters(),
    *_searches(),
    *_orders(),
    *_suggestions(),
    *_limited(),
)
