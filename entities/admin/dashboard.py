"""The numbers above the admin's list of apps: two queries, and none while they are kept.

To count a million tokens takes a second. So what took long to count is kept in the cache for a
minute, and counted anew beside the next request after that: the page itself never waits for it, but
the very first time. What is counted quickly is counted each time.
"""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connections, router
from django.db.models import CharField, Count, Q, QuerySet, Value
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from entities import moments
from entities.admin.charts import Bars, bars
from entities.admin.display import Status
from entities.admin.filters import start_of_today, token_conditions
from entities.admin.limits import limited_to
from entities.models import AuthToken

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.http import HttpRequest

logger = logging.getLogger("entities.admin")

DAYS = 30
WORTH_KEEPING = 0.25
"""Seconds of counting from which on the numbers are kept."""
FRESH = 60.0
_KEPT = 24 * 60 * 60

_counting: set[str] = set()
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was counted, and when."""

    at: datetime
    totals: dict[str, int]
    expiring: dict[date, int]
    issued: dict[date, int]


@dataclass(frozen=True, slots=True)
class Total:
    """One number, its name, and the list that it counts."""

    label: str
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What the template draws."""

    totals: list[Total]
    charts: list[Bars]
    at: datetime
    is_kept: bool


def dashboard_of(site: AdminSite, request: HttpRequest) -> Dashboard | None:
    """Return the dashboard for this staff member; None for who sees no tokens."""
    if not site.is_registered(AuthToken):
        return None
    tokens = site.get_model_admin(AuthToken)
    if not tokens.has_view_permission(request):
        return None
    numbers, is_kept = _numbers(tokens.get_queryset(request), _key(limited_to(request)))
    changelist = reverse("admin:entities_authtoken_changelist", current_app=site.name)

    def total(name: str, label: str, **query: str) -> Total:
        return Total(label, numbers.totals[name], f"{changelist}?{urlencode(query)}")

    return Dashboard(
        totals=[
            total("live", _("Live"), status="live"),
            total("expiring", _("Expiring within 7 days"), status="expiring"),
            total("expired", _("Expired"), status="expired"),
            total("revoked_today", _("Revoked today"), revoked="today"),
        ],
        charts=_charts(numbers),
        at=timezone.localtime(numbers.at),
        is_kept=is_kept,
    )


def count_tokens(tokens: QuerySet[AuthToken]) -> Numbers:
    """Count `tokens`, in two queries."""
    now = moments.now()
    tokens = tokens.order_by().select_related(None)
    conditions = token_conditions(at=now)
    live = conditions[Status.LIVE] | conditions[Status.EXPIRING]
    totals = tokens.aggregate(
        live=Count("pk", filter=live),
        expiring=Count("pk", filter=conditions[Status.EXPIRING]),
        expired=Count("pk", filter=conditions[Status.EXPIRED]),
        revoked_today=Count("pk", filter=Q(revoked_at__gte=start_of_today())),
    )
    window = timedelta(days=DAYS)
    coming = tokens.filter(live, expires_at__gt=now, expires_at__lte=now + window)
    issued = tokens.filter(created_at__gt=now - window)
    rows = _by_day(coming, "expires_at").union(_by_day(issued, "created_at"), all=True)
    by_day: dict[str, dict[date, int]] = {"expires_at": {}, "created_at": {}}
    for field, day, count in rows:
        by_day[field][day] = count
    return Numbers(now, totals, by_day["expires_at"], by_day["created_at"])


class _LocalDate(TruncDate):
    """The day of a moment, as the clock on the wall has it."""

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Have Django's function do, where USE_TZ is off, what it does where it is on."""
        if settings.USE_TZ:
            return self.as_sql(compiler, connection)
        column, params = compiler.compile(self.lhs)
        zones = (timezone.get_default_timezone_name(), "UTC")
        return f"django_datetime_cast_date({column}, %s, %s)", (*params, *zones)


def _by_day(tokens: QuerySet[AuthToken], field: str) -> QuerySet[Any, Any]:
    return (
        tokens.annotate(counted=Value(field, output_field=CharField()), day=_LocalDate(field))
        .values("counted", "day")
        .annotate(count=Count("pk"))
        .values_list("counted", "day", "count")
    )


def _charts(numbers: Numbers) -> list[Bars]:
    today = start_of_today().date()
    coming = [today + timedelta(days=number) for number in range(DAYS + 1)]
    past = [today - timedelta(days=number) for number in range(DAYS, -1, -1)]
    return [
        bars(_("Expiring in the coming 30 days"), coming, numbers.expiring),
        bars(_("Issued in the last 30 days"), past, numbers.issued),
    ]


def _key(limit: frozenset[str] | None) -> str:
    seen = "all" if limit is None else "\x00".join(sorted(limit))
    zone = timezone.get_current_timezone_name()
    digest = hashlib.sha256(f"{zone}\x00{seen}".encode()).hexdigest()
    return f"entities:dashboard:1:{digest}"


def _numbers(tokens: QuerySet[AuthToken], key: str) -> tuple[Numbers, bool]:
    """Return the numbers, and whether they are kept ones."""
    kept: Numbers | None = cache.get(key)
    if kept is None:
        return _count_and_keep(tokens, key), False
    if moments.now() - kept.at > timedelta(seconds=FRESH):
        _count_beside(tokens, key)
    return kept, True


def _count_and_keep(tokens: QuerySet[AuthToken], key: str) -> Numbers:
    began = time.monotonic()
    numbers = count_tokens(tokens)
    if time.monotonic() - began >= WORTH_KEEPING:
        cache.set(key, numbers, timeout=_KEPT)
    return numbers


def _count_beside(tokens: QuerySet[AuthToken], key: str) -> None:
    """Count in a thread of its own, one at a time for a key in this process."""
    with _lock:
        if key in _counting:
            return
        _counting.add(key)
    zone = timezone.get_current_timezone()

    def count() -> None:
        try:
            with timezone.override(zone):
                cache.set(key, count_tokens(tokens), timeout=_KEPT)
        except DatabaseError:
            logger.exception("The tokens were not counted.")
        finally:
            _close()
            with _lock:
                _counting.discard(key)

    Thread(target=count, name="entities-dashboard", daemon=True).start()


def _close() -> None:
    """Close the connection of this thread, which ends."""
    connections[router.db_for_write(AuthToken)].close()
