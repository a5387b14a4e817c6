"""Requests that are sent again: one of them is carried out, and all get its answer.

A row, inserted in a transaction of its own before the work, decides between two that come at once.
What happens to a row is no act on anything that the service keeps: it is not recorded.

Keys are hashed under the signing key that is first: a retry across its rotation is a new request.
"""

from __future__ import annotations

import json
import logging
from copy import deepcopy
from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError

from entities import keys, moments
from entities.actors import ActorKind
from entities.exceptions import (
    IdempotencyKeyReusedError,
    ReplayExpiredError,
    RequestInProgressError,
)
from entities.models import Action, ApiKey, AuthToken, IdempotencyKey, UserToken
from entities.services.credentials import derive_text
from entities.services.record import append_events, event_of, tell
from entities.services.rules import check_ceiling
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from entities.actors import Actor
    from entities.models.retries import IdempotencyKeyQuerySet

    Credential = AuthToken | ApiKey | UserToken

logger = logging.getLogger("entities.retries")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that is carried out now: its answer is to be kept, or it is to be let go."""

    id: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered to the request when it came first."""

    status: int
    headers: dict[str, str]
    body: Any


def begin_attempt(*, key: str, request: bytes, by: Actor) -> Attempt | KeptAnswer:
    """Begin a request that carries `key`, or return its answer where it was answered before.

    Costs an INSERT, and where that fails a SELECT, and one more for each kind of credential whose
    texts are in the answer. A request that did not come back within `LOCKED_FOR` is begun anew: it
    may have done its work, and then only the rules of what it does stand against doing it twice.

    Args:
        key: the caller's own: whoever calls through another API key, or is another, has others.
        request: all that makes it the same request.

    Raises:
        RequestInProgressError: it came before, and is under way.
        IdempotencyKeyReusedError: another request came with this key.
        ReplayExpiredError: its answer held a text that is good no more.
        FlagCeilingError: its answer held a token with flags that the actor's own token lacks.
        RuntimeError: called inside a transaction.
    """
    now = moments.now()
    api_key_id = by.application.api_key_id.hex if by.application else ""
    scope = json.dumps([by.kind, by.id, api_key_id, key]).encode()
    id = keys.digest(scope, purpose="idempotency key")
    fingerprint = keys.digest(id.encode() + request, purpose="fingerprint of a request")
    try:
        with atomic(durable=True):
            IdempotencyKey.objects.create(id=id, fingerprint=fingerprint, started_at=now)
    except IntegrityError:
        return _judge(id, fingerprint, by=by, at=now)
    return Attempt(id, now)


def keep_answer(
    *,
    attempt: Attempt,
    status: int,
    headers: Mapping[str, str],
    body: str,
    texts: Mapping[str, Credential],
) -> bool:
    """Keep the answer to `attempt`. False: it is not kept.

    It is not where another attempt has taken the place of this one; nor where `body` holds a text,
    which is a fault of whoever made it: no text goes into the database.

    Args:
        body: JSON, null at the places that `texts` names; see `value_at` for these.
        texts: the credential whose text stood at each of them.
    """
    if keys.holds_text(body):
        logger.error("An answer holds a text that was not taken out: it is not kept.")
        let_go(attempt=attempt)
        return False
    references = {
        place: [type(credential).__name__, credential.pk.hex, _generation_of(credential)]
        for place, credential in texts.items()
    }
    kept = _of(attempt).update(
        completed_at=moments.now(),
        status=status,
        headers=dict(headers),
        body=body,
        texts=references,
    )
    return kept == 1


def let_go(*, attempt: Attempt) -> None:
    """Forget `attempt`: the next request with its key is carried out."""
    _of(attempt).delete()


def value_at(body: Any, place: str) -> Any:
    """Return what stands in `body` at a place like `apiKey`, or `results.3.authenticationToken`."""
    for step in place.split("."):
        body = body[int(step)] if isinstance(body, list) else body[step]
    return body


def filled(body: Any, values: Mapping[str, Any]) -> Any:
    """Return a copy of `body` with these values at their places."""
    body = deepcopy(body)
    for place, value in values.items():
        holder, _, name = place.rpartition(".")
        (value_at(body, holder) if holder else body)[name] = value
    return body


def prune_idempotency_keys(*, batch_size: int = 1000) -> Iterator[int]:
    """Delete the keys that ended; yield each batch's count, as `prune_tokens` does."""
    ended = IdempotencyKey.objects.ended(at=moments.now())
    while batch := list(ended.order_by("started_at").values_list("pk", flat=True)[:batch_size]):
        # Asked again in the statement: one may have begun anew since.
        yield ended.filter(pk__in=batch)._raw_delete(ended.db)


def _judge(id: str, fingerprint: str, *, by: Actor, at: datetime) -> Attempt | KeptAnswer:
    row = IdempotencyKey.objects.filter(pk=id).first()
    if row is None:  # let go since
        raise RequestInProgressError
    if row.is_ended(at=at):
        return _begin_anew(row, fingerprint, at=at)
    if not compare_digest(row.fingerprint, fingerprint):
        raise IdempotencyKeyReusedError
    if row.is_lost(at=at):
        return _begin_anew(row, fingerprint, at=at)
    if row.status is None:
        raise RequestInProgressError
    body = filled(json.loads(row.body), _texts_again(row.texts, by=by, at=at))
    return KeptAnswer(row.status, row.headers, body)


def _begin_anew(row: IdempotencyKey, fingerprint: str, *, at: datetime) -> Attempt:
    """Take the row over by one conditional UPDATE: of two that do so at once, one does."""
    standing = IdempotencyKey.objects.filter(
        pk=row.pk, started_at=row.started_at, completed_at=row.completed_at
    )
    won = standing.update(
        fingerprint=fingerprint,
        started_at=at,
        completed_at=None,
        status=None,
        headers={},
        body="",
        texts={},
    )
    if not won:
        raise RequestInProgressError
    return Attempt(row.pk, at)


def _texts_again(
    references: Mapping[str, tuple[str, str, int]], *, by: Actor, at: datetime
) -> dict[str, str]:
    """Derive the texts at these places of an answer: all, for one that ended spoils the answer."""

    def named(model: type[Credential]) -> list[UUID]:
        return [UUID(pk) for name, pk, _ in references.values() if name == model.__name__]

    tokens = AuthToken.objects.select_related("membership__entity", "membership__user")
    rows: dict[UUID, Credential] = {
        **tokens.in_bulk(named(AuthToken)),
        **ApiKey.objects.in_bulk(named(ApiKey)),
        **UserToken.objects.in_bulk(named(UserToken)),
    }
    texts: dict[str, str] = {}
    for place, (_, pk, generation) in references.items():
        row = rows.get(UUID(pk))
        text = None if row is None else _text_again(row, generation, by=by, at=at)
        if text is None:
            raise ReplayExpiredError
        texts[place] = text
    _record_texts_read(rows.values(), by=by, at=at)
    return texts


def _text_again(row: Credential, generation: int, *, by: Actor, at: datetime) -> str | None:
    if not isinstance(row, AuthToken):
        return derive_text(row) if row.is_live(at=at) else None
    if row.generation != generation or row.dead_because(at=at) is not None:
        return None
    check_ceiling(row.flags, by=by)
    return row.derive_text()


def _record_texts_read(rows: Iterable[Credential], *, by: Actor, at: datetime) -> None:
    shown = [
        row
        for row in rows
        if isinstance(row, AuthToken)
        and (by.kind is not ActorKind.USER or by.id != row.membership.user_id)
    ]
    action = Action.TOKEN_TEXT_READ
    append_events(*(event_of(action, token, by=by, at=at, details={}) for token in shown))
    for token in shown:
        tell(action, token, by=by)


def _generation_of(credential: Credential) -> int:
    return credential.generation if isinstance(credential, AuthToken) else 0


def _of(attempt: Attempt) -> IdempotencyKeyQuerySet:
    """The row, as long as it is this attempt's: another may have taken it over."""
    return IdempotencyKey.objects.filter(
        pk=attempt.id, started_at=attempt.started_at, completed_at__isnull=True
    )
