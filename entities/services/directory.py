"""Create, change and delete entities, users and memberships; limit staff to entities."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from entities import moments, signals
from entities.exceptions import (
    EntityExistsError,
    LifetimesError,
    MembershipExistsError,
    NothingToChangeError,
    PermissionDeniedError,
)
from entities.models import Action, Entity, Event, Membership, Role, StaffLimit, User
from entities.services.record import append_events, columns_of, event_of, record_and_tell, tell
from entities.services.rules import check_version
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

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


@atomic()
def create_entity(*, by: Actor, **facts: Any) -> Entity:
    """Create an entity with these columns.

    Raises:
        EntityExistsError: the id is taken.
        LifetimesError: the default lifetime is beyond the longest.
        ValidationError: by field, in words for people.
    """
    entity = Entity(**facts)
    _check_lifetimes(entity)
    if Entity.objects.filter(pk=entity.pk).exists():
        raise EntityExistsError
    try:
        return _save(entity, by=by)
    except ValidationError:
        if Entity.objects.filter(pk=entity.pk).exists():  # somebody else was faster
            raise EntityExistsError from None
        raise


@atomic()
def update_entity(
    *, entity: Entity, by: Actor, if_match: Collection[str] | None = None, **changes: Any
) -> Entity:
    """Change these columns of an entity, and no other, whatever its row says by now.

    Args:
        if_match: versions of the entity one of which it has to have; `None`: any.

    Raises:
        PreconditionFailedError: its version is none of `if_match`.
        NothingToChangeError: none is given.
        PermissionDeniedError: its state would change, and `by` is a mere admin of it.
        LifetimesError: the default lifetime would be beyond the longest.
        ValidationError: by field, in words for people.
    """
    if not changes:
        raise NothingToChangeError(message=_("Send at least one field to change."))
    if "is_active" in changes and by.is_bound:
        raise PermissionDeniedError(
            message=_("Only a superuser API key switches an entity off and on.")
        )
    entity = _locked(entity)
    check_version(entity.version, if_match)
    for name, value in changes.items():
        setattr(entity, name, value)
    _check_lifetimes(entity)
    return _save(entity, by=by)


@atomic()
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
        ValidationError: the id cannot be one.
        MembershipExistsError: the user is in the entity already.
    """
    here = Membership.objects.filter(entity=entity, user=user_id)
    if here.exists():
        raise MembershipExistsError
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        try:
            with atomic():
                user = save_user(user=User(id=user_id, name=name), by=by)
        except ValidationError:
            # Somebody else was faster, or the id cannot be one: then the error stands.
            user = User.objects.filter(pk=user_id).first()
            if user is None:
                raise
    member = Membership(entity=entity, user=user, role=role, is_active=is_active)
    try:
        return save_membership(membership=member, by=by)
    except ValidationError:
        if here.exists():  # somebody else was faster
            raise MembershipExistsError from None
        raise


@atomic()
def delete_record(*, record: Entity | User | Membership, by: Actor) -> None:
    """Delete a record that nothing hangs on. Its events stay.

    Raises:
        ProtectedError: it has members, tokens or keys. Deactivate it instead.
    """
    action = _ACTIONS[type(record)][2]
    record_and_tell(action, record, by=by, at=moments.now(), details=_facts(record))
    pk = record.pk
    record.delete()
    record.pk = pk  # receivers are told after the commit, and want to know which it was


@atomic()
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


@atomic()
def lift_staff_limit(*, limit: StaffLimit, by: Actor) -> None:
    """Let an account of staff see every entity again."""
    _record_limit(Action.STAFF_UNLIMITED, limit, by=by, details={})
    limit.delete()


def _record_limit(action: Action, limit: StaffLimit, *, by: Actor, details: dict[str, Any]) -> None:
    details |= {"account": str(limit.account_id), "name": limit.account.get_username()}
    append_events(Event(at=moments.now(), action=action, details=details, **columns_of(by)))
    signals.send_on_commit(
        getattr(signals, action), sender=StaffLimit, account=limit.account, actor=by
    )


def _check_lifetimes(entity: Entity) -> None:
    if not timedelta(0) < entity.default_lifetime <= entity.max_lifetime:
        raise LifetimesError


@atomic()
def _save(record: _Record, *, by: Actor) -> _Record:
    adding = record._state.adding
    before = {} if adding else _facts(_locked(record))
    record.full_clean()
    try:
        with atomic():
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
    created, updated, *_rest = _ACTIONS[type(saved)]
    after = _facts(saved)
    if not before:
        record_and_tell(created, saved, by=by, at=moments.now(), details=after)
        return
    changes = {name: [before[name], after[name]] for name in after if after[name] != before[name]}
    if changes:
        details = {"changes": changes}
        append_events(event_of(updated, saved, by=by, at=moments.now(), details=details))
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
