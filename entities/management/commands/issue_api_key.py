"""Issue an API key: the way to the first superuser key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from entities import moments
from entities.actors import Actor
from entities.exceptions import EntitiesError, EntityNotFoundError
from entities.management import arguments
from entities.models import Entity, KeyAccess
from entities.services import issue_api_key

if TYPE_CHECKING:
    from datetime import timedelta

    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Issues an API key of an entity, and prints its text, which is not shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("entity", help="Id of the entity.")
        parser.add_argument("name", type=arguments.label, help="What the key is for.")
        parser.add_argument(
            "--access",
            choices=KeyAccess.values,
            default=KeyAccess.STANDARD.value,
            help="With a superuser key, admins of this entity are admins of all (standard).",
        )
        parser.add_argument(
            "--days", type=arguments.days, help="How long it lasts (until it is revoked)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        lifetime: timedelta | None = options["days"]
        try:
            text = _issue(
                options["entity"],
                name=options["name"],
                access=options["access"],
                expires_at=None if lifetime is None else moments.now() + lifetime,
            )
        except EntitiesError as error:
            raise CommandError(str(error.message)) from None
        self.stdout.write(text)


def _issue(entity_id: str, **terms: Any) -> str:
    entity = Entity.objects.filter(pk=entity_id).first()
    if entity is None:
        raise EntityNotFoundError
    _, text = issue_api_key(entity=entity, by=Actor.command("issue_api_key"), **terms)
    return text
