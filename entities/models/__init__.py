"""Tables, constraints, and the questions that can be asked of them."""

from __future__ import annotations

from entities.models.credentials import ApiKey, UserToken
from entities.models.directory import Entity, Membership, Role, User
from entities.models.events import Action, Event
from entities.models.retries import IdempotencyKey
from entities.models.staff import StaffLimit
from entities.models.tokens import AuthToken, AuthTokenFlag, Death, RevocationReason, TextAge

__all__ = [
    "Action",
    "ApiKey",
    "AuthToken",
    "AuthTokenFlag",
    "Death",
    "Entity",
    "Event",
    "IdempotencyKey",
    "Membership",
    "RevocationReason",
    "Role",
    "StaffLimit",
    "TextAge",
    "User",
    "UserToken",
]
