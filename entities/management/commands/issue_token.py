"""Issue an authentication token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from entities import moments
from entities.actors import Actor
from entities.exceptions import EntitiesError, MembershipNotFoundError
from entities.management import arguments
from entities.models import Membership
from entities.services import issue_token

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Issues the authentication token of a user in an entity, and prints its text."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("entity", help="Id of the entity.")
        parser.add_argument("user", help="Id of the user.")
        expiry = parser.add_mutually_exclusive_group()
        expiry.add_argument(
            "--days", type=arguments.days, help="How long it lasts (the entity's default)."
        )
        expiry.add_argument(
            "--expires-at", type=arguments.moment, help="When it ends: 2030-01-31T12:00:00Z."
        )
        parser.add_argument(
            "--flag", action="append", default=[], dest="flags", help="May be repeated."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text = _issue(
                options["entity"],
                options["user"],
                expires_at=_expiry(options),
                flags=options["flags"],
            )
        except EntitiesError as error:
            raise CommandError(str(error.message)) from None
        self.stdout.write(text)


def _expiry(options: dict[str, Any]) -> datetime | None:
    lifetime: timedelta | None = options["days"]
    expires_at: datetime | None = options["expires_at"]
    return expires_at if lifetime is None else moments.now() + lifetime


def _issue(entity_id: str, user_id: str, *, expires_at: datetime | None, flags: list[str]) -> str:
    membership = (
        Membership.objects.select_related("entity", "user")
        .filter(entity=entity_id, user=user_id)
        .first()
    )
    if membership is None:
        raise MembershipNotFoundError
    token = issue_token(
        membership=membership,
        by=Actor.command("issue_token"),
        expires_at=expires_at,
        flags=flags,
    )
    text = token.derive_text()
    assert text is not None, "the key that signs is configured"  # noqa: S101
    return text
