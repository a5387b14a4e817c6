"""The panels on the pages of an entity and of a user: who and what belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.utils import quote
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from entities import moments
from entities.admin.display import (
    badge,
    chips,
    credential_status,
    masked,
    named,
    relative,
    token_status,
)
from entities.admin.history import events_panel
from entities.admin.panels import ROWS, Cell, Link, Panel, counted
from entities.models import ApiKey, AuthToken, Membership, UserToken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest

    from entities.admin.base import ServiceAdmin
    from entities.models import Entity, User


def entity_panels(model_admin: ServiceAdmin, request: HttpRequest, entity: Entity) -> list[Panel]:
    """Counts, members with roles, API keys, and what happened."""
    now = moments.now()
    of = {"entity": entity.pk}
    return [
        *_counts(model_admin, request, entity),
        *_panel(
            model_admin,
            request,
            Membership,
            title=_("Members"),
            headers=(_("User"), _("Role"), _("Active")),
            rows=lambda rows: rows.filter(entity=entity).order_by("-created_at"),
            cells=lambda row: (named(row.user), row.get_role_display(), _yes_or_no(row.is_active)),
            query=of,
        ),
        *_panel(
            model_admin,
            request,
            ApiKey,
            title=_("API keys"),
            headers=(_("Name"), _("Text"), _("Status"), _("Expires"), _("Last used")),
            rows=lambda rows: rows.filter(entity=entity).order_by("-created_at"),
            cells=lambda row: (
                row.name,
                masked(row),
                badge(credential_status(row, owner=entity, at=now)),
                relative(row.expires_at, never=_("never")),
                relative(row.last_used_at, never=_("never")),
            ),
            query=of,
        ),
        *events_panel(model_admin, request, entity=entity.pk),
    ]


def user_panels(model_admin: ServiceAdmin, request: HttpRequest, user: User) -> list[Panel]:
    """Memberships, tokens across entities, user tokens, and what happened."""
    now = moments.now()
    of = {"user": user.pk}
    return [
        *_panel(
            model_admin,
            request,
            Membership,
            title=_("Memberships"),
            headers=(_("Entity"), _("Role"), _("Active")),
            rows=lambda rows: rows.filter(user=user).order_by("-created_at"),
            cells=lambda row: (
                named(row.entity),
                row.get_role_display(),
                _yes_or_no(row.is_active),
            ),
            query=of,
        ),
        *_panel(
            model_admin,
            request,
            AuthToken,
            title=_("Authentication tokens"),
            headers=(
                _("Text"),
                _("Entity"),
                _("Status"),
                _("Flags"),
                _("Expires"),
                _("Last used"),
            ),
            rows=lambda rows: rows.filter(membership__user=user).order_by("-created_at"),
            cells=lambda row: (
                masked(row),
                named(row.membership.entity),
                badge(token_status(row, at=now)),
                chips(row.flags),
                relative(row.expires_at, never=_("never")),
                relative(row.last_used_at, never=_("never")),
            ),
            query=of,
        ),
        *_panel(
            model_admin,
            request,
            UserToken,
            title=_("User tokens"),
            headers=(_("Name"), _("Text"), _("Status"), _("Expires"), _("Last used")),
            rows=lambda rows: rows.filter(user=user).order_by("-created_at"),
            cells=lambda row: (
                row.name,
                masked(row),
                badge(credential_status(row, owner=user, at=now)),
                relative(row.expires_at, never=_("never")),
                relative(row.last_used_at, never=_("never")),
            ),
            query=of,
        ),
        *events_panel(model_admin, request, user=user.pk),
    ]


def _counts(model_admin: ServiceAdmin, request: HttpRequest, entity: Entity) -> list[Panel]:
    site = model_admin.admin_site
    shown = []
    of = {"entity": entity.pk}
    for model, label, query, path in (
        (Membership, _("Members"), of, "entity"),
        (AuthToken, _("Live tokens"), of | {"status": "live"}, "membership__entity"),
        (ApiKey, _("API keys"), of | {"status": "live"}, "entity"),
    ):
        theirs = site.get_model_admin(model)
        if not theirs.has_view_permission(request):
            continue
        rows: Any = theirs.get_queryset(request).filter((path, entity.pk))
        if "status" in query:
            rows = rows.live(at=moments.now())
        url = f"{model_admin.url_of('changelist', model=model)}?{urlencode(query)}"
        shown.append((label, Cell(counted(rows), url)))
    if not shown:
        return []
    return [
        Panel(
            title=_("Counts"),
            headers=[label for label, _cell in shown],
            rows=[[cell for _label, cell in shown]],
            empty="",
        )
    ]


def _panel(
    model_admin: ServiceAdmin,
    request: HttpRequest,
    model: type[Model],
    *,
    title: str,
    headers: Sequence[str],
    rows: Callable[[QuerySet[Any]], QuerySet[Any]],
    cells: Callable[[Any], Sequence[object]],
    query: dict[str, str],
) -> list[Panel]:
    """Make a panel of rows of `model`; none for who may not see them. First cells lead to them."""
    theirs = model_admin.admin_site.get_model_admin(model)
    if not theirs.has_view_permission(request):
        return []
    changelist = model_admin.url_of("changelist", model=model)
    links = []
    if theirs.has_add_permission(request):
        url = f"{model_admin.url_of('add', model=model)}?{urlencode(query)}"
        links.append(Link(url, _("Add") if model is Membership else _("Issue")))
    return [
        Panel(
            title=title,
            headers=headers,
            rows=[
                _linked(model_admin.url_of("change", quote(row.pk), model=model), cells(row))
                for row in rows(theirs.get_queryset(request))[:ROWS]
            ],
            empty=_("None."),
            more=Link(f"{changelist}?{urlencode(query)}", _("All of them")),
            links=links,
        )
    ]


def _linked(url: str, values: Sequence[object]) -> list[Cell]:
    first, *others = values
    return [Cell(first, url), *map(Cell, others)]


def _yes_or_no(value: bool) -> str:
    return _("yes") if value else _("no")
