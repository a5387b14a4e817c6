"""The record of what happened to an object, on its page."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from entities.actors import ActorKind
from entities.admin.display import moment, relative
from entities.admin.panels import ROWS, Cell, Link, Panel
from entities.models import Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.contrib.admin import ModelAdmin
    from django.http import HttpRequest

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00\Z")
_HEADERS = (
    gettext_lazy("When"),
    gettext_lazy("What"),
    gettext_lazy("Who"),
    gettext_lazy("Details"),
    gettext_lazy("From"),
)


def events_panel(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    *,
    credential: UUID | None = None,
    entity: str | None = None,
    user: str | None = None,
) -> list[Panel]:
    """Make the panel of the newest events about one thing; none for who may not see events."""
    site = model_admin.admin_site
    if not site.is_registered(Event):
        return []
    events = site.get_model_admin(Event)
    if not events.has_view_permission(request):
        return []
    about = {"credential_id": credential, "entity_id": entity, "user_id": user}
    chosen = {name: value for name, value in about.items() if value is not None}
    rows = list(events.get_queryset(request).filter(**chosen).order_by("-id")[:ROWS])
    query = urlencode({name.removesuffix("_id"): str(value) for name, value in chosen.items()})
    url = reverse("admin:entities_event_changelist", current_app=site.name)
    return [
        Panel(
            title=_("What happened"),
            headers=_HEADERS,
            rows=[_cells(event) for event in rows],
            empty=_("Nothing is on record."),
            more=Link(f"{url}?{query}", _("All events")),
        )
    ]


def _cells(event: Event) -> list[Cell]:
    return [
        Cell(relative(event.at, never="")),
        Cell(event.action_label),
        Cell(actor_label(event)),
        Cell("; ".join(detail_lines(event))),
        Cell(event.client_address or ""),
    ]


def actor_label(event: Event) -> str:
    """Write who acted, and by which application."""
    who = event.actor_name or event.actor_id
    if event.actor_name and event.actor_kind == "user":
        who = f"{event.actor_name} ({event.actor_id})"
    kind = _KINDS.get(event.actor_kind, event.actor_kind)
    label = f"{kind} {who}"
    if event.application and event.actor_kind != ActorKind.APPLICATION:
        return _("%(actor)s by %(application)s") % {
            "actor": label,
            "application": event.application,
        }
    return label


def detail_lines(event: Event) -> Iterator[str]:
    """Write the details, a line for each."""
    for name, value in event.details.items():
        if name == "changes" and isinstance(value, dict):
            for field, (before, after) in value.items():
                was = "" if before is None else f"{_shown(before)} "
                yield f"{field}: {was}→ {_shown(after)}"
        else:
            yield f"{name}: {_shown(value)}"


def _shown(value: Any) -> str:
    if value is None or value == []:
        return _("none")
    if isinstance(value, str) and _MOMENT.match(value):
        return moment(datetime.fromisoformat(value))
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


_KINDS = {
    "staff": gettext_lazy("staff"),
    "user": gettext_lazy("user"),
    "command": gettext_lazy("command"),
    "application": gettext_lazy("application"),
}
