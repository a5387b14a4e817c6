"""Delete the answers kept for requests that are sent again, once they count for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from entities import moments
from entities.management.progress import shown
from entities.models import IdempotencyKey
from entities.services import prune_idempotency_keys

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = (
        "Deletes answers that were kept for 24 hours, in batches, and prints how many. It can be "
        "stopped at any time, and run beside the service."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Delete nothing; print how many it would be."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        ended = IdempotencyKey.objects.ended(at=moments.now())
        if options["dry_run"]:
            self.stdout.write(str(ended.count()))
            return
        batches = prune_idempotency_keys()
        self.stdout.write(str(sum(shown(batches, total=ended.count, unit="keys"))))
