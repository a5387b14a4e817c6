"""Make two entities to try the service with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from entities.management.demo import as_object, curl_lines
from entities.services.demo import seed_demo

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = (
        "Makes two demo entities, each with an admin, two members and an API key, and prints what "
        "is needed to call. Running it again changes nothing, and prints the same texts."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")
        parser.add_argument(
            "--url", default="http://127.0.0.1:8000", help="Where the service is (%(default)s)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        demo, foreign = seed_demo()
        if options["json"]:
            self.stdout.write(json.dumps(as_object(demo, foreign), indent=2))
            return
        for entity in (demo, foreign):
            self.stdout.write(f"entity {entity.id}\n  apikey {entity.api_key}")
            for role, user in zip(
                ("admin", "member", "member"), (entity.admin, *entity.members), strict=True
            ):
                self.stdout.write(f"  {role} {user.id}\n    token {user.token}")
        self.stdout.write("")
        for line in curl_lines(demo, url=options["url"].rstrip("/")):
            self.stdout.write(line)
