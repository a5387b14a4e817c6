"""Change many tokens at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from entities import signals
from entities.models import AuthToken, Entity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from entities.actors import Actor
    from entities.models import RevocationReason


@transaction.atomic
def revoke_entity(*, entity: Entity, by: Actor) -> None:
    """Revoke every authentication token of `entity`, by one row: its epoch goes up by one.

    API keys and user tokens stay.
    """
    Entity.objects.filter(pk=entity.pk).update(token_epoch=F("token_epoch") + 1)
    entity.refresh_from_db(fields=["token_epoch"])
    signals.send_on_commit(signals.entity_revoked, sender=Entity, entity=entity, actor=by)


@transaction.atomic
def revoke_tokens(*, tokens: QuerySet[AuthToken], reason: RevocationReason) -> int:
    """Revoke those of `tokens` that were not, in one statement. Returns how many that were.

    No signal is sent for each: a listener that must know of every token listens to the rows.
    """
    # By key, for the queryset may join, and an UPDATE may not.
    unrevoked = AuthToken.objects.unrevoked().filter(pk__in=tokens.order_by().values("pk"))
    return unrevoked.update(revoked_at=timezone.now(), revocation_reason=reason)


def prune_tokens(*, before: datetime, batch_size: int = 1000) -> Iterator[int]:
    """Delete the rows of tokens revoked or expired before `before`; yield each batch's count.

    Each batch is a transaction of its own, so that no lock is held for long, and whatever stops
    the iteration keeps what was done.
    """
    finished = AuthToken.objects.finished(before=before).order_by().values("pk")
    while True:
        with transaction.atomic():
            batch = [row["pk"] for row in finished[:batch_size]]
            # Asked again in the statement: a token refreshed since then is finished no more.
            count, _ = AuthToken.objects.finished(before=before).filter(pk__in=batch).delete()
        if not batch:
            return
        yield count
