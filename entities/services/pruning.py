"""Delete what is of no use any more, batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entities.models import AuthToken, Event
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


def prune_tokens(*, before: datetime, batch_size: int = 1000) -> Iterator[int]:
    """Delete the rows of tokens revoked or expired before `before`; yield each batch's count.

    Each batch is a transaction of its own, so that no lock is held for long, and whatever stops
    the iteration keeps what was done.
    """
    finished = AuthToken.objects.finished(before=before).order_by().values("pk")
    while True:
        with atomic():
            batch = [row["pk"] for row in finished[:batch_size]]
            # Asked again in the statement: a token refreshed since then is finished no more.
            rows = AuthToken.objects.finished(before=before).filter(pk__in=batch)
            _, deleted = rows.delete()
        if not batch:
            return
        yield deleted.get(AuthToken._meta.label, 0)


def prune_events(*, before: datetime, batch_size: int = 10_000) -> Iterator[int]:
    """Delete the events older than `before`; yield each batch's count, as `prune_tokens` does."""
    old = Event.objects.filter(at__lt=before).order_by("id").values_list("id", flat=True)
    while batch := list(old[:batch_size]):
        yield Event.objects.filter(id__lte=batch[-1]).prune(before=before)
