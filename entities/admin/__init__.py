"""The staff's screens, on the stock admin. They read, and act through services only."""

from __future__ import annotations

from entities.admin.credentials import ApiKeyAdmin, UserTokenAdmin
from entities.admin.directory import EntityAdmin, MembershipAdmin, UserAdmin
from entities.admin.events import EventAdmin
from entities.admin.staff import StaffLimitAdmin
from entities.admin.tokens import AuthTokenAdmin

__all__ = [
    "ApiKeyAdmin",
    "AuthTokenAdmin",
    "EntityAdmin",
    "EventAdmin",
    "MembershipAdmin",
    "StaffLimitAdmin",
    "UserAdmin",
    "UserTokenAdmin",
]
