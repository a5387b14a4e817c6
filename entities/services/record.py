"""Write down what was done, in the transaction that does it; tell of it once it is committed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from entities import memory, signals
from entities.models import Action, ApiKey, AuthToken, Entity, Event, Membership, User, UserToken

if TYPE_CHECKING:
    from datetime import datetime

    from entities.actors import Actor

    Subject = AuthToken | ApiKey | UserToken | Entity | User | Membership

_FACT_NAMES: dict[type[Subject], str] = {
    AuthToken: "token",
    ApiKey: "credential",
    UserToken: "credential",
    Entity: "entity",
    User: "user",
    Membership: "membership",
}
# After these, what verification remembers of the subject may be wrong.
_CHANGING = frozenset(
    {
        Action.TOKEN_REFRESHED,
        Action.TOKEN_UPDATED,
        Action.TOKEN_REVOKED,
        Action.TOKEN_REUSED,
        Action.ENTITY_UPDATED,
        Action.ENTITY_DELETED,
        Action.ENTITY_REVOKED,
        Action.USER_UPDATED,
        Action.USER_DELETED,
        Action.USER_SIGNED_OUT,
        Action.MEMBER_UPDATED,
        Action.MEMBER_REMOVED,
        Action.API_KEY_ROTATED,
        Action.API_KEY_REVOKED,
        Action.USER_TOKEN_ROTATED,
        Action.USER_TOKEN_REVOKED,
    }
)


def event_of(
    action: Action, subject: Subject, *, by: Actor, at: datetime, details: dict[str, Any]
) -> Event:
    """Build the event of `action` on `subject`. `details` never hold a secret."""
    return Event(at=at, action=action, details=details, **_ids_of(subject), **columns_of(by))


def columns_of(by: Actor) -> dict[str, Any]:
    """What an event keeps of its actor."""
    return {
        "actor_kind": by.kind.value,
        "actor_id": by.id[:128],
        "actor_name": by.name[:200],
        "api_key_id": by.application.api_key_id if by.application else None,
        "application": by.application.name if by.application else "",
        "request_id": by.origin.request_id if by.origin else "",
        "client_address": by.origin.client_address if by.origin else None,
    }


def append_events(*events: Event) -> None:
    """Insert them in one statement."""
    Event.objects.bulk_create(events)


def tell(action: Action, subject: Subject, *, by: Actor, **facts: object) -> None:
    """Forget what is remembered of `subject`, and send the signal of `action`, on commit."""
    if action in _CHANGING:
        ids = _ids_of(subject)
        # Of a user in an entity, the user's: an entity has many whom this does not concern.
        forget_on_commit(**{name: ids[name] for name in ("user_id", "entity_id") if name in ids})
    facts[_FACT_NAMES[type(subject)]] = subject
    signals.send_on_commit(getattr(signals, action), sender=type(subject), actor=by, **facts)


def forget_on_commit(*, user_id: str | None = None, entity_id: str | None = None) -> None:
    """Forget on commit what verification remembers of a user, else of an entity, else of all."""
    if memory.memory() is not None:
        scope = {"user_id": user_id} if user_id is not None else {"entity_id": entity_id}
        signals.on_commit(partial(memory.forget, **scope), of=AuthToken)


def record_and_tell(
    action: Action,
    subject: Subject,
    *,
    by: Actor,
    at: datetime,
    details: dict[str, Any] | None = None,
    **facts: object,
) -> None:
    """Record one event, and send its signal on commit."""
    append_events(event_of(action, subject, by=by, at=at, details=details or {}))
    tell(action, subject, by=by, **facts)


def _ids_of(subject: Subject) -> dict[str, Any]:
    if isinstance(subject, AuthToken):
        membership = subject.membership
        return {
            "entity_id": membership.entity_id,
            "user_id": membership.user_id,
            "credential_id": subject.pk,
        }
    if isinstance(subject, ApiKey):
        return {"entity_id": subject.entity_id, "credential_id": subject.pk}
    if isinstance(subject, UserToken):
        return {"user_id": subject.user_id, "credential_id": subject.pk}
    if isinstance(subject, Membership):
        return {"entity_id": subject.entity_id, "user_id": subject.user_id}
    return {"entity_id" if isinstance(subject, Entity) else "user_id": subject.pk}
