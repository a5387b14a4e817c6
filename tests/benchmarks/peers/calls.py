"""The most queries of each of the five calls, and what it takes to revoke a whole entity."""

from __future__ import annotations

import json
from io import BytesIO
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING
from uuid import uuid4

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils import timezone

from entities import services
from entities.api.urls import urlpatterns
from entities.models import AuthToken, Entity, RevocationReason
from tests.benchmarks.peers.asks import Ask
from tests.benchmarks.peers.measure import counted
from tests.benchmarks.peers.ours import BY
from tests.benchmarks.population import HALF

if TYPE_CHECKING:
    from collections.abc import Mapping

_CALLS: tuple[tuple[str, str, str, Mapping[str, object], int], ...] = (
    ("create", "POST", "", {"flags": ["read"]}, 201),
    ("get", "GET", "", {}, 200),
    ("update", "PATCH", "", {"flags": ["read", "write"]}, 200),
    ("refresh", "POST", "/refresh", {}, 200),
    ("delete", "DELETE", "", {}, 200),
)


def queries_of_calls() -> dict[str, int]:
    """Return how many queries each call makes for a new member: the second time, all being warm."""
    entity = Entity.objects.get(pk=HALF)
    member = services.add_member(entity=entity, user_id=f"bench-{uuid4()}", by=BY)
    _, api_key = services.issue_api_key(entity=entity, name="bench", by=BY)
    _, token = services.issue_user_token(user=member.user, name="bench", by=BY)
    headers = {"apikey": api_key, "userid": member.user_id, "token": token}
    path = f"/entities/{HALF}/users/{member.user_id}/authentication-token"
    handler = WSGIHandler()
    handler.request_class = type("Request", (WSGIRequest,), {"urlconf": tuple(urlpatterns)})
    counts = {}
    for _ in range(2):
        for name, method, suffix, body, status in _CALLS:
            sent = json.dumps(body).encode() if body else b""
            environ = Ask(f"{path}{suffix}", headers).environ() | {
                "REQUEST_METHOD": method,
                "CONTENT_TYPE": "application/json",
                "CONTENT_LENGTH": str(len(sent)),
                "wsgi.input": BytesIO(sent),
            }
            with counted() as queries:
                response = handler(environ, lambda status, headers, exc_info=None: None)
                response.close()
            if response.status_code != status:
                raise AssertionError(f"{name} answers {response.status_code}")
            counts[name] = len(queries)
    return counts


def revoke_all(times: int) -> tuple[float, float]:
    """Revoke the tokens of `HALF`, by its one row and by an UPDATE of theirs, in turn.

    Each commits, and neither looks at what was revoked before. Returns the medians in
    microseconds.
    """
    entity, by_row, by_update = Entity.objects.get(pk=HALF), [], []
    services.revoke_entity(entity=entity, by=BY)  # the first of a process takes longer
    for _ in range(times):
        started = perf_counter()
        services.revoke_entity(entity=entity, by=BY)
        by_row.append(perf_counter() - started)
        started = perf_counter()
        AuthToken.objects.filter(listed_in=entity).update(
            revoked_at=timezone.now(), revocation_reason=RevocationReason.COMMAND
        )
        by_update.append(perf_counter() - started)
    return median(by_row) * 1e6, median(by_update) * 1e6
