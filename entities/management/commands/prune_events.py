"""Delete old events from the record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from entities import moments
from entities.management import arguments
from entities.management.progress import shown
from entities.models import Event
from entities.services import prune_events

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = (
        "Deletes events that are older than some days, in batches, and prints how many. It can be "
        "stopped at any time, and run beside the service."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            type=arguments.days,
            default="365",
            metavar="DAYS",
            help="How old they are, in days (%(default)s).",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Delete nothing; print how many it would be."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        before = moments.now() - options["older_than"]
        old = Event.objects.filter(at__lt=before)
        if options["dry_run"]:
            self.stdout.write(str(old.count()))
            return
        batches = prune_events(before=before)
        self.stdout.write(str(sum(shown(batches, total=old.count, unit="events"))))
