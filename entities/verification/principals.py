"""What a request brings, and who it turns out to be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from django.db.models.base import ModelState

from entities.actors import Actor, Application
from entities.models import KeyAccess, Role, User

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any
    from uuid import UUID

    from entities.codec import Parsed

USER_COLUMNS = ("id", "name", "account_id")
"""What is read of a user, who is active; the other columns are deferred."""


@dataclass(slots=True)
class Presented:
    """What a request brought. Nothing of it is proved."""

    api_key: str = field(repr=False)
    user_id: str
    token: str = field(repr=False)
    entity_id: str | None = None
    """Entity of the path. None: the API key's own."""

    def names(self, user_id: str) -> bool:
        """Whether the header `userid` names this user, as it is or percent-encoded."""
        return user_id == self.user_id or user_id == unquote(self.user_id, errors="replace")


@dataclass(frozen=True)
class Principal:
    """Who makes a request: `request.auth` of an authenticated one."""

    entity_id: str
    """The entity he acts in: that of the path, or the API key's own; the token's, where that came
    alone. The one of a superuser may be any: that it exists is for the view to find out."""
    user_id: str
    user_name: str = field(repr=False)
    account_id: Any = field(repr=False)
    """Key of the account of the user, if he has one."""
    membership_id: int
    role: str
    api_key_id: UUID | None
    """None where an authentication token came alone."""
    api_key_name: str
    access: str
    """Of the API key, a `KeyAccess`; standard where there is none."""
    token_id: UUID | None
    """Of the user token or authentication token; None where somebody else proved the user."""
    flags: frozenset[str] | None
    """Ceiling of an authentication token: what it lacks, the caller may not touch. None: no one."""
    proof: Parsed | None = field(repr=False)
    """The authentication token that proved the user, where one did."""
    used: tuple[Parsed, ...] = field(repr=False, compare=False)
    """For `entities.services.usage.note_uses`. Empty where it was remembered: noted before."""
    verified_at: datetime = field(repr=False, compare=False)
    is_shared: bool = field(repr=False, compare=False)
    """Whether it was remembered, and other requests have it too."""

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Principal:
        """Make one as `Principal(**fields)` does, without the way that a frozen dataclass takes.

        Args:
            fields: all of them; the dict becomes its own.
        """
        principal = cls.__new__(cls)
        object.__setattr__(principal, "__dict__", fields)
        return principal

    @property
    def user(self) -> User:
        """The user, the same at each look; of a shared principal another one, so keep it.

        Built when somebody asks, for a gateway needs his id only; and built as an unpickled one is,
        for the usual way looks at each field.
        """
        known: User | None = self.__dict__.get("_user")
        if known is not None:
            return known
        user, state = User.__new__(User), ModelState()
        state.adding = False
        user.__dict__ = {
            "id": self.user_id,
            "name": self.user_name,
            "account_id": self.account_id,
            "is_active": True,
            "_state": state,
        }
        if not self.is_shared:
            self.__dict__["_user"] = user
        return user

    def shared(self) -> Principal:
        """Make one that may be remembered."""
        return replace(self, used=(), is_shared=True)

    def own(self) -> Principal:
        """Return one that no other request has."""
        return Principal.of(self.__dict__ | {"is_shared": False}) if self.is_shared else self

    @property
    def is_admin(self) -> bool:
        """Whether the caller manages every user of the entity."""
        return self.role == Role.ADMIN

    @property
    def is_superuser(self) -> bool:
        """Whether the caller is an admin of every entity.

        That takes a superuser API key, an admin of its entity, and a proof that is good beyond one
        entity: not an authentication token.
        """
        return self.access == KeyAccess.SUPERUSER and self.is_admin and self.flags is None

    @property
    def reads_only(self) -> bool:
        """Whether the API key changes nothing, and sees no text."""
        return self.access == KeyAccess.READ_ONLY

    @property
    def actor(self) -> Actor:
        """The caller as the services want to know him."""
        key = self.api_key_id
        return Actor.user(
            self.user_id,
            is_admin=self.is_admin,
            flags=self.flags,
            name=self.user_name,
            application=None if key is None else Application(key, self.api_key_name),
            is_superuser=self.is_superuser,
            reads_only=self.reads_only,
        )


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """An authentication token that came alone and is good."""

    principal: Principal
    issued_at: datetime
    expires_at: datetime
    """When the text ends: that before a refresh, with its grace."""
    issued_through: UUID | None
    """API key through which it was issued or last refreshed. None: staff or a command did."""


@dataclass(frozen=True, slots=True)
class VerifiedApiKey:
    """An API key that came alone and is good: an application, without any user."""

    entity_id: str
    id: UUID
    name: str
    access: str
    """A `KeyAccess`."""
    used: tuple[Parsed, ...] = field(repr=False, compare=False)
    verified_at: datetime = field(repr=False, compare=False)
