"""Who makes a change: what every service is told of its caller."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID


class ActorKind(StrEnum):
    """The way in by which an actor came."""

    USER = "user"
    STAFF = "staff"
    COMMAND = "command"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the record: its id, and the client's address if known."""

    request_id: str
    client_address: str | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """The calling application, as its API key names it."""

    api_key_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, how far he may go, and by which way he came.

    `flags` is the ceiling of an actor who proved himself by an authentication token; None where
    there is none. `is_superuser`: an admin of every entity, by a superuser API key; `reads_only`:
    no text is shown to him. Staff and commands act for the service itself.
    """

    kind: ActorKind
    id: str
    is_admin: bool = False
    flags: frozenset[str] | None = None
    name: str = ""
    application: Application | None = None
    origin: Origin | None = None
    is_superuser: bool = False
    reads_only: bool = False

    @property
    def is_bound(self) -> bool:
        """Whether the actor came over the network, and his rights end at one entity."""
        return self.kind in (ActorKind.USER, ActorKind.APPLICATION) and not self.is_superuser

    @classmethod
    def user(
        cls,
        user_id: str,
        *,
        is_admin: bool = False,
        flags: frozenset[str] | None = None,
        name: str = "",
        application: Application | None = None,
        origin: Origin | None = None,
        is_superuser: bool = False,
        reads_only: bool = False,
    ) -> Actor:
        """Make the actor of an API user."""
        return cls(
            ActorKind.USER,
            user_id,
            is_admin,
            flags,
            name,
            application,
            origin,
            is_superuser,
            reads_only,
        )

    @classmethod
    def staff(cls, account_pk: object, *, name: str = "", origin: Origin | None = None) -> Actor:
        """Make the actor of a staff account in the admin, by its primary key."""
        return cls(ActorKind.STAFF, str(account_pk), is_admin=True, name=name, origin=origin)

    @classmethod
    def api_key(cls, application: Application, *, origin: Origin | None = None) -> Actor:
        """Make the actor of an application that calls for itself, by its API key alone."""
        return cls(
            ActorKind.APPLICATION,
            str(application.api_key_id),
            name=application.name,
            application=application,
            origin=origin,
        )

    @classmethod
    def command(cls, name: str) -> Actor:
        """Make the actor of a management command, or of a host's own code."""
        return cls(ActorKind.COMMAND, name, is_admin=True)
