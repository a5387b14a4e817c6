"""Create, change and delete entities, users and memberships; limit staff to entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from entities import signals
from entities.models import Action, Entity, Event, Membership, Role, StaffLimit, User
from entities.services.record import append_events, columns_of, event_of, record_and_tell, tell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from entities.actors import Actor

_Record = TypeVar("_Record", Entity, User, Membership)

_ACTIONS: dict[type[Entity | User | Membership], tuple[Action, Action, Action]] = {
    Entity: (Action.ENTITY_CREATED, Action.ENTITY_UPDATED, Action.ENTITY_DELETED),
    User: (Action.USER_CREATED, Action.USER_UPDATED, Action.USER_DELETED),
    Membership: (Action.MEMBER_ADDED, Action.MEMBER_UPDATED, Action.MEMBER_REMOVED),
}
_RECORDED: dict[type[Entity | User | Membership], tuple[str, ...]] = {
    Entity: (
        "name",
        "is_active",
        "default_lifetime",
        "max_lifetime",
        "restricted_flags",
        "allowed_origins",
    ),
    User: ("name", "is_active", "account_id"),
    Membership: ("role", "is_active"),
}


def save_entity(*, entity: Entity, by: Actor) -> Entity:
    """Create an entity, or change its name, policy or state.

    Raises:
        ValidationError: by field, in words for people.
    """
    return _save(entity, by=by)


def save_user(*, user: User, by: Actor) -> User:
    """Create a user, or change the name, account or state. See `save_entity`."""
    return _save(user, by=by)


def save_membership(*, membership: Membership, by: Actor) -> Membership:
    """Put a user into an entity, or change the role or state there. See `save_entity`."""
    return _save(membership, by=by)


@transaction.atomic
def add_member(
    *,
    entity: Entity,
    user_id: str,
    by: Actor,
    role: str = Role.MEMBER,
    is_active: bool = True,
    name: str = "",
) -> Membership:
    """Put the user of this id into `entity`: the one that exists, else a new one.

    Whether the user existed before cannot be told from the answer; an existing one keeps its name.

    Raises:
        ValidationError: the id cannot be one, or the user is in the entity already.
    """
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        try:
            with transaction.atomic():
                user = save_user(user=User(id=user_id, name=name), by=by)
        except ValidationError:
            # Somebody else was faster, or the id cannot be one: then the error stands.
            user = User.objects.filter(pk=user_id).first()
            if user is None:
                raise
    member = Membership(entity=entity, user=user, role=role, is_active=is_active)
    return save_membership(membership=member, by=by)


@transaction.atomic
def delete_record(*, record: Entity | User | Membership, by: Actor) -> None:
    """Delete a record that nothing hangs on. Its events stay.

    Raises:
        ProtectedError: it has members, tokens or keys. Deactivate it instead.
    """
    action = _ACTIONS[type(record)][2]
    record_and_tell(action, record, by=by, at=timezone.now(), details=_facts(record))
    pk = record.pk
    record.delete()
    record.pk = pk  # receivers are told after the commit, and want to know which it was


@transaction.atomic
def limit_staff(*, limit: StaffLimit, entities: Iterable[Entity], by: Actor) -> StaffLimit:
    """Limit an account of staff to `entities`: it sees and touches nothing else in the admin.

    Raises:
        ValidationError: by field: the account has a limit already.
    """
    limit.full_clean()
    limit.save()
    entities = list(entities)
    limit.entities.set(entities)
    ids = sorted(entity.pk for entity in entities)
    _record_limit(Action.STAFF_LIMITED, limit, by=by, details={"entities": ids})
    return limit


@transaction.atomic
def lift_staff_limit(*, limit: StaffLimit, by: Actor) -> None:
    """Let an account of staff see every entity again."""
    _record_limit(Action.STAFF_UNLIMITED, limit, by=by, details={})
    limit.delete()


def _record_limit(action: Action, limit: StaffLimit, *, by: Actor, details: dict[str, Any]) -> None:
    details |= {"account": str(limit.account_id), "name": limit.account.get_username()}
    append_events(Event(at=timezone.now(), action=action, details=details, **columns_of(by)))
    signals.send_on_commit(
        getattr(signals, action), sender=StaffLimit, account=limit.account, actor=by
    )


@transaction.atomic
def _save(record: _Record, *, by: Actor) -> _Record:
    adding = record._state.adding
    before = {} if adding else _facts(_locked(record))
    record.full_clean()
    try:
        with transaction.atomic():
            # An insert, so that of two that bring the same id at once none changes the other's row.
            # A change writes no other column: a token epoch raised meanwhile would come back.
            changed = None if adding else _RECORDED[type(record)]
            record.save(force_insert=adding, update_fields=changed)
    except IntegrityError:
        record.full_clean()  # says what stands in the way now
        raise
    _record_saved(record, before, by=by)
    return record


def _record_saved(saved: Entity | User | Membership, before: dict[str, Any], *, by: Actor) -> None:
    created, updated, _ = _ACTIONS[type(saved)]
    after = _facts(saved)
    if not before:
        record_and_tell(created, saved, by=by, at=timezone.now(), details=after)
        return
    changes = {name: [before[name], after[name]] for name in after if after[name] != before[name]}
    if changes:
        details = {"changes": changes}
        append_events(event_of(updated, saved, by=by, at=timezone.now(), details=details))
        tell(updated, saved, by=by)


def _locked(record: _Record) -> _Record:
    """Read the row as it stands, so that the record of a change says what was changed."""
    rows = type(record)._default_manager.select_for_update()
    return rows.get(pk=record.pk)


def _facts(record: Entity | User | Membership) -> dict[str, Any]:
    values = {name: getattr(record, name) for name in _RECORDED[type(record)]}
    return {
        name: value if isinstance(value, (str, bool, list, type(None))) else str(value)
        for name, value in values.items()
    }
