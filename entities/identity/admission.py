"""Let somebody in whom the identity provider knows and an entity does not, where that is set."""

from __future__ import annotations

from contextlib import suppress

from entities import moments
from entities.actors import Actor
from entities.exceptions import MembershipExistsError
from entities.models import Entity, UserToken
from entities.services import add_member

BY = Actor.command("identity provider")


def admit_member(entity_id: str, *, user_id: str) -> None:
    """Put a proved user into the entity of a proved API key, as a plain member.

    Of two first requests at once both find the one membership. Who has a live user token is left
    out: it would be good in this entity too, and whoever issued it elsewhere, perhaps in wait for
    this user, may hold its text. An admin decides then.
    """
    if UserToken.objects.filter(user=user_id).live(at=moments.now()).exists():
        return
    with suppress(MembershipExistsError):
        add_member(entity=Entity.objects.get(pk=entity_id), user_id=user_id, by=BY)
