"""Write down what was done, in the transaction that does it; tell of it once it is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entities import signals
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
    """Send the signal of `action` on commit."""
    facts[_FACT_NAMES[type(subject)]] = subject
    signals.send_on_commit(getattr(signals, action), sender=type(subject), actor=by, **facts)


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
