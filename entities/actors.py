"""Who makes a change: what every service is told of its caller."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """The way in by which an actor came."""

    USER = "user"
    STAFF = "staff"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and how far he may go.

    `flags` is the ceiling of an actor who proved himself by an authentication token; None where
    there is none. The other kinds act for the service itself.
    """

    kind: ActorKind
    id: str
    is_admin: bool = False
    flags: frozenset[str] | None = None

    @classmethod
    def user(
        cls, user_id: str, *, is_admin: bool = False, flags: frozenset[str] | None = None
    ) -> Actor:
        """Make the actor of an API user."""
        return cls(ActorKind.USER, user_id, is_admin=is_admin, flags=flags)

    @classmethod
    def staff(cls, account_pk: object) -> Actor:
        """Make the actor of a staff account in the admin, by its primary key."""
        return cls(ActorKind.STAFF, str(account_pk), is_admin=True)

    @classmethod
    def command(cls, name: str) -> Actor:
        """Make the actor of a management command, or of a host's own code."""
        return cls(ActorKind.COMMAND, name, is_admin=True)
