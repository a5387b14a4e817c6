"""Create and change entities, users and memberships."""

from __future__ import annotations

from typing import TypeVar

from django.db import IntegrityError, transaction

from entities.models import Entity, Membership, User

_Record = TypeVar("_Record", Entity, User, Membership)


def save_entity(*, entity: Entity) -> Entity:
    """Create an entity, or change its name, policy or state.

    Raises:
        ValidationError: by field, in words for people.
    """
    return _save(entity)


def save_user(*, user: User) -> User:
    """Create a user, or change the name, account or state. See `save_entity`."""
    return _save(user)


def save_membership(*, membership: Membership) -> Membership:
    """Put a user into an entity, or change the role or state there. See `save_entity`."""
    return _save(membership)


@transaction.atomic
def _save(record: _Record) -> _Record:
    record.full_clean()
    try:
        with transaction.atomic():
            # An insert, so that of two that bring the same id at once none changes the other's row.
            record.save(force_insert=record._state.adding)
    except IntegrityError:
        record.full_clean()  # says what stands in the way now
        raise
    return record
