"""Browser apps of other origins: each entity's `allowed_origins`, for django-cors-headers.

Nothing is sent with cookies here, so that an origin opens nothing by itself: who lacks the
credentials gets a 401, whose words his own script may read.

Spec: Fetch, section 3.3 (CORS protocol).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connections, router
from django.urls import Resolver404, resolve

from entities import signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from entities.models import Entity

    _Question = Callable[[str], frozenset[str]]

logger = logging.getLogger("entities.cors")

# For a project's CORS_ALLOW_METHODS, CORS_ALLOW_HEADERS and CORS_EXPOSE_HEADERS. Settings import
# this module, so that it imports no model while it is loaded.
METHODS = ("DELETE", "GET", "PATCH", "POST")
REQUEST_HEADERS = (
    "accept",
    "apikey",
    "authorization",
    "content-type",
    "entity-authentication-token",
    "entityid",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "token",
    "traceparent",
    "tracestate",
    "user-agent",  # of @questlabs/core, which other browsers than Chromium let pages set
    "userid",
    "x-request-id",
    "x-requested-with",
)
ANSWER_HEADERS = (
    "ETag",
    "Idempotent-Replayed",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)

LIFETIME = 10.0
"""Seconds for which origins are kept. Another process learns of a change when they are over."""
MOST = 1000
"""Entities whose origins are kept, and as many that have none, or do not exist."""


class KnownOrigins:
    """The origins of entities, kept in this process for a moment.

    Not in the shared cache: made-up entities would push what it counts out of it, and browsers
    would wait for one that hangs. Those without origins are kept apart, so that made-up ones push
    out each other only.
    """

    def __init__(self, ask: _Question, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = Lock()
        self._some: OrderedDict[str, tuple[float, frozenset[str]]] = OrderedDict()
        self._none: OrderedDict[str, tuple[float, frozenset[str]]] = OrderedDict()
        self._changes = 0

    def of(self, entity_id: str) -> frozenset[str]:
        """Return the origins of an entity. A query at most once in `LIFETIME`."""
        with self._lock:
            kept = self._some.get(entity_id) or self._none.get(entity_id)
            changes = self._changes
        if kept is not None and self._clock() < kept[0]:
            return kept[1]
        origins = self._ask(entity_id)
        with self._lock:
            if changes == self._changes:  # otherwise what was read may be of before
                self._keep(entity_id, origins)
        return origins

    def forget(self, entity_id: str) -> None:
        """Ask again: they have changed."""
        with self._lock:
            self._changes += 1
            self._some.pop(entity_id, None)
            self._none.pop(entity_id, None)

    def _keep(self, entity_id: str, origins: frozenset[str]) -> None:
        self._some.pop(entity_id, None)
        self._none.pop(entity_id, None)
        kept = self._some if origins else self._none
        kept[entity_id] = (self._clock() + LIFETIME, origins)
        if len(kept) > MOST:
            kept.popitem(last=False)  # the oldest


def connect() -> None:
    """Answer django-cors-headers, and hear of changes."""
    from corsheaders.signals import check_request_enabled

    check_request_enabled.connect(allow_origin, dispatch_uid="entities.cors")
    for signal in (signals.entity_created, signals.entity_updated, signals.entity_deleted):
        signal.connect(_forget, dispatch_uid="entities.cors")


def allow_origin(sender: object, request: HttpRequest, **kwargs: Any) -> bool:
    """Tell whether the entity in the path lets a browser app of this origin call.

    By the path, for a preflight has no header of ours. What has no entity in its path, or is no
    view of this app, is nobody's to open.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    entity_id = _entity_in(request)
    if entity_id is None:
        return False
    try:
        return origin in known_origins.of(entity_id)
    except DatabaseError:
        # The call itself may have been carried out, and has its answer.
        logger.exception("The origins of an entity cannot be read.")
        return False


def _entity_in(request: HttpRequest) -> str | None:
    match = request.resolver_match
    if match is None:  # a preflight gets no further than the middleware that asks
        try:
            match = resolve(request.path_info, urlconf=getattr(request, "urlconf", None))
        except Resolver404:
            return None
    entity_id: str | None = match.kwargs.get("entityId")
    return entity_id if "entities" in match.app_names else None


def _ask(entity_id: str) -> frozenset[str]:
    # Under ASGI, the middleware asks in the event loop, where no query may be made. It blocks the
    # loop for one that reads a row by its key, once in `LIFETIME`.
    if _in_event_loop():
        return _thread.submit(_read_apart, entity_id).result()
    return _read(entity_id)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _read(entity_id: str) -> frozenset[str]:
    from entities.models import Entity

    rows = Entity.objects.using(router.db_for_write(Entity))
    entity = rows.filter(pk=entity_id, is_active=True).only("allowed_origins").first()
    return frozenset(entity.allowed_origins) if entity else frozenset()


def _read_apart(entity_id: str) -> frozenset[str]:
    try:
        return _read(entity_id)
    finally:
        connections.close_all()  # those of this thread


def _forget(sender: type, *, entity: Entity, **kwargs: Any) -> None:
    known_origins.forget(entity.pk)


known_origins = KnownOrigins(_ask)
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="entities.cors")
