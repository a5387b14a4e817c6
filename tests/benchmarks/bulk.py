"""Times changes of many tokens, each committed as in production, in a copy of a database."""

from __future__ import annotations

from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING

from tests.benchmarks import service
from tests.benchmarks.databases import copied
from tests.benchmarks.population import HALF, TENTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHANGES = ("add_flag", "extend_tokens", "remove_flag", "revoke_tokens_in_batches", "revoke_entity")
_LIFETIME = timedelta(days=400)  # beyond every expiry there is


def lines(server_url: str, *, tokens: int) -> Iterator[str]:
    """Yield what each change took. The database with `tokens` tokens stays as it is."""
    yield f"{'change':44} {'tokens':>12} {'seconds':>15}"
    with copied(server_url, tokens=tokens) as url, service.worker(url) as worker:
        for name in CHANGES:
            count, seconds = worker.submit(change, name).result()
            yield f"{name:44} {count:12,} {seconds:15.2f}"


def change(name: str) -> tuple[int, float]:
    """Make one change, of an entity with a tenth of the tokens; of half of them by one row.

    Returns how many tokens it changed, and its seconds.
    """
    from entities import services
    from entities.actors import Actor
    from entities.models import AuthToken, Entity, RevocationReason

    by = Actor.command("benchmarks")
    tokens = AuthToken.objects.filter(membership__entity=TENTH)
    half = AuthToken.objects.unrevoked().filter(membership__entity=HALF).count()
    command = RevocationReason.COMMAND

    def revoke_entity() -> int:
        services.revoke_entity(entity=Entity.objects.get(pk=HALF), by=by)
        return half

    changes: dict[str, Callable[[], int]] = {
        "add_flag": lambda: sum(services.add_flag(tokens=tokens, flag="new", by=by)),
        "extend_tokens": lambda: sum(
            services.extend_tokens(tokens=tokens, lifetime=_LIFETIME, by=by)
        ),
        "remove_flag": lambda: sum(services.remove_flag(tokens=tokens, flag="new", by=by)),
        "revoke_tokens_in_batches": lambda: sum(
            services.revoke_tokens_in_batches(tokens=tokens, reason=command, by=by)
        ),
        "revoke_entity": revoke_entity,
    }
    started = perf_counter()
    count = changes[name]()
    return count, perf_counter() - started
