"""The dashboard, to be put above the admin's list of apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

if TYPE_CHECKING:
    from django.template.context import RequestContext

register = template.Library()


@register.inclusion_tag("admin/entities/includes/dashboard.html", takes_context=True)
def entities_dashboard(context: RequestContext) -> dict[str, Any]:
    """Draw the numbers of the tokens that the staff member sees; nothing for who sees none."""
    # Django imports each app's tags wherever it draws a template, also where no admin is installed.
    from django.contrib.admin.sites import all_sites

    from entities.admin.dashboard import dashboard_of

    request = context["request"]
    name = getattr(request, "current_app", "admin")
    site = next((each for each in all_sites if each.name == name), None)
    return {"dashboard": site and dashboard_of(site, request)}
