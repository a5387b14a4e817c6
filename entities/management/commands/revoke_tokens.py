"""Revoke authentication tokens: of one user, of an entity, or all."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from entities import moments
from entities.actors import Actor
from entities.exceptions import MembershipNotFoundError, TokenNotFoundError, TokenRevokedError
from entities.models import AuthToken, Entity, Membership, RevocationReason
from entities.services import revoke_entity, revoke_token
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from entities.models.tokens import AuthTokenQuerySet

_BY = Actor.command("revoke_tokens")


class Command(BaseCommand):
    help = (
        "Revokes the authentication tokens of an entity, of one user of it, or all there are. "
        "With --all, it also ends every token that a restored backup brought back to life."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--entity", help="Id of the entity.")
        which.add_argument("--all", action="store_true", help="Those of every entity.")
        parser.add_argument("--user", help="Id of a user of the entity: only this one's.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *args: Any, **options: Any) -> None:
        entity_id, user_id = options["entity"], options["user"]
        if user_id is not None and entity_id is None:
            raise CommandError("--user goes with --entity.")
        if entity_id is not None and not Entity.objects.filter(pk=entity_id).exists():
            raise CommandError("There is no such entity. Check its id.")
        tokens = _matching(entity_id, user_id)
        if not options["yes"]:
            self._confirm(tokens.live(at=moments.now()).count())
        count = _revoke(tokens, entity_id, user_id)
        self.stderr.write(f"Revoked: {count}.")

    def _confirm(self, count: int) -> None:
        """Ask, on a terminal. Elsewhere nobody can answer, and a slip would go through."""
        if not sys.stdin.isatty():
            raise CommandError("Nobody is here to ask: say --yes to revoke without a question.")
        self.stderr.write(f"Live tokens to revoke: {count}. Type yes to go on: ", ending="")
        self.stderr.flush()
        if sys.stdin.readline().strip().lower() != "yes":
            raise CommandError("Nothing was revoked.")


def _matching(entity_id: str | None, user_id: str | None) -> AuthTokenQuerySet:
    tokens = AuthToken.objects.all()
    if entity_id is not None:
        tokens = tokens.filter(membership__entity=entity_id)
    if user_id is not None:
        tokens = tokens.filter(membership__user=user_id)
    return tokens


def _revoke(tokens: AuthTokenQuerySet, entity_id: str | None, user_id: str | None) -> int:
    """Revoke them, and return how many were live. An expired one can be refreshed no more."""
    if user_id is not None:
        return _revoke_of_user(entity_id, user_id)
    count = tokens.live(at=moments.now()).count()
    # All or none: half of a restored backup's tokens alive is as bad as all of them.
    with atomic():
        entities = Entity.objects.order_by("pk")
        for entity in entities if entity_id is None else entities.filter(pk=entity_id):
            revoke_entity(entity=entity, by=_BY)
    return count


def _revoke_of_user(entity_id: str | None, user_id: str) -> int:
    membership = Membership.objects.filter(entity=entity_id, user=user_id).first()
    if membership is None:
        raise CommandError(str(MembershipNotFoundError.message))
    try:
        revoke_token(membership=membership, by=_BY, reason=RevocationReason.COMMAND)
    except (TokenNotFoundError, TokenRevokedError):
        return 0
    return 1
