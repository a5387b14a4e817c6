"""Delete the rows of authentication tokens that ended long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from entities import moments
from entities.management import arguments
from entities.management.progress import shown
from entities.models import AuthToken
from entities.services import prune_tokens

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = (
        "Deletes authentication tokens that were revoked, or expired, some time ago, in batches, "
        "and prints how many. It can be stopped at any time, and run beside the service."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            type=arguments.days,
            default="30",
            metavar="DAYS",
            help="How long ago they ended, in days (%(default)s).",
        )
        parser.add_argument(
            "--batch-size",
            type=arguments.count,
            default="1000",
            help="How many a transaction deletes (%(default)s).",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Delete nothing; print how many it would be."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        before = moments.now() - options["older_than"]
        if options["dry_run"]:
            self.stdout.write(str(AuthToken.objects.finished(before=before).count()))
            return
        batches = prune_tokens(before=before, batch_size=options["batch_size"])
        total = AuthToken.objects.finished(before=before).count
        self.stdout.write(str(sum(shown(batches, total=total, unit="tokens"))))
