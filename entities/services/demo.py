"""Two entities with people in them, to try the service with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from entities import moments
from entities.actors import Actor
from entities.models import ApiKey, Entity, Membership, Role, User, UserToken
from entities.models.credentials import live_credential
from entities.services.credentials import derive_text, issue_api_key, issue_user_token
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BY = Actor.command("seed_demo")
_NAME = "Demo"  # of the credentials: others of the same entities and users are left alone
_PEOPLE = {  # the admin first
    "e-demo": ("u-demo-admin", "u-demo-member", "u-demo-other-member"),
    "e-demo-foreign": ("u-foreign-admin", "u-foreign-member", "u-foreign-other-member"),
}


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A user, and the text of the user token."""

    id: str
    token: str


@dataclass(frozen=True, slots=True)
class DemoEntity:
    """An entity, the text of its API key, and who is in it."""

    id: str
    api_key: str
    admin: DemoUser
    members: tuple[DemoUser, ...]


@atomic()
def seed_demo() -> tuple[DemoEntity, DemoEntity]:
    """Make the demo's rows where they are missing, and return what it takes to call as anybody.

    The texts are the same at each call: these credentials are the only ones that can be seen again.
    One that was revoked, or whose signing key is retired, is replaced by another. What staff has
    switched off stays off. Of two calls at once, the second waits at the first statement, an
    insert, until the first is done.
    """
    Entity.objects.bulk_create([Entity(id=id, name=_NAME) for id in _PEOPLE], ignore_conflicts=True)
    # Where the rows were there already, the insert has locked nothing.
    entities = Entity.objects.select_for_update().order_by("pk").in_bulk(_PEOPLE)
    first, second = (_seed(entities[id], people) for id, people in _PEOPLE.items())
    return first, second


def _seed(entity: Entity, people: Sequence[str]) -> DemoEntity:
    User.objects.bulk_create([User(id=id, name=_NAME) for id in people], ignore_conflicts=True)
    Membership.objects.bulk_create(
        [
            Membership(entity=entity, user_id=id, role=Role.MEMBER if place else Role.ADMIN)
            for place, id in enumerate(people)
        ],
        ignore_conflicts=True,
    )
    admin, *members = (DemoUser(id, _user_token(id)) for id in people)
    return DemoEntity(entity.id, _api_key(entity), admin, tuple(members))


def _api_key(entity: Entity) -> str:
    return (
        _standing(ApiKey, entity=entity.pk) or issue_api_key(entity=entity, name=_NAME, by=_BY)[1]
    )


def _user_token(user_id: str) -> str:
    standing = _standing(UserToken, user=user_id)
    return standing or issue_user_token(user=User(user_id), name=_NAME, by=_BY)[1]


def _standing(model: type[ApiKey] | type[UserToken], **of: str) -> str | None:
    """Derive the text of the oldest live credential of the demo whose signing key is configured."""
    live = model._default_manager.filter(live_credential(at=moments.now()), name=_NAME, **of)
    credentials = cast("Iterable[ApiKey | UserToken]", live.order_by("created_at", "pk"))
    texts = (derive_text(credential) for credential in credentials)
    return next((text for text in texts if text is not None), None)
