"""The sides that are measured: a view, what is asked of it, and what must come of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.peers.aim import aimed_at
from tests.benchmarks.peers.asks import Ask
from tests.benchmarks.peers.ours import Ours
from tests.benchmarks.peers.theirs import Theirs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZE = 500
"""Rows of which each side has credentials, taken in turn: one row alone is in every cache."""


@dataclass(frozen=True, slots=True)
class Side:
    """What is asked of the view `pattern`, each answered with `status`."""

    name: str
    pattern: str
    asks: Callable[[], Sequence[Ask]]
    status: int = 200
    alias: str = "default"


def sides(tokens: int) -> dict[str, Side]:
    """Return the sides on one database with `tokens` tokens."""
    numbers = _spread(tokens)
    ours, theirs = Ours(numbers), Theirs(numbers)

    def rows() -> Sequence[Ask]:
        return theirs.rows([token.pk for token in ours.auth_tokens])

    found = [
        Side("authtoken", "authtoken", lambda: theirs.authtoken),
        Side("authtoken refuses", "authtoken", theirs.unknown, 401),
        Side("authtoken row", "row", rows),
        Side("knox", "knox", theirs.knox),
        Side("oauth-toolkit", "oauth", theirs.oauth),
        Side("simplejwt", "jwt", lambda: theirs.jwt("/jwt")),
        Side("simplejwt stateless", "jwt-stateless", lambda: theirs.jwt("/jwt-stateless")),
        # The floors are asked the same, and look at nothing.
        Side("floor", "floor", lambda: _elsewhere("/floor", ours.by_user_token())),
        Side("refusal", "refusal", lambda: _elsewhere("/refusal", ours.by_user_token()), 401),
        Side("bare", "bare", lambda: _elsewhere("/bare", ours.bearers())),
        Side("user token", "headers", ours.by_user_token),
        Side("auth token", "headers", ours.by_auth_token),
        Side("forged", "headers", ours.forged, 401),
        Side("mistyped", "headers", ours.mistyped, 401),
        Side("wrong kind", "headers", ours.of_wrong_kind, 401),
        Side("own token", "own", ours.own),
        Side("verify", "verify", ours.bearers),
    ]
    return {side.name: side for side in found}


def sides_of_two(small: int, large: int) -> dict[str, Side]:
    """Return the same side on a database with few tokens and on one with many."""
    found = []
    for alias, tokens in (("default", small), ("large", large)):
        with aimed_at(alias):
            ours = Ours(_spread(tokens))
        kinds = {"user token": ours.by_user_token, "auth token": ours.by_auth_token}
        size = "few" if alias == "default" else "many"
        found += [
            Side(f"{kind} of {size}", "headers", asks, alias=alias) for kind, asks in kinds.items()
        ]
    return {side.name: side for side in found}


def _elsewhere(path: str, asks: Sequence[Ask]) -> list[Ask]:
    return [Ask(path, ask.headers) for ask in asks]


def _spread(tokens: int) -> range:
    return range(0, tokens, max(4, tokens // SIZE // 4 * 4))
