"""Tables, constraints, and the questions that can be asked of them."""

from __future__ import annotations

from entities.models.credentials import ApiKey, KeyAccess, UserToken
from entities.models.directory import Entity, Membership, Role, User
from entities.models.events import Action, Event
from entities.models.retries import IdempotencyKey
from entities.models.staff import StaffLimit
from entities.models.texts import TextAge
from entities.models.token_flags import AuthTokenFlag
from entities.models.tokens import AuthToken, Death, RevocationReason, TokenStatus

__all__ = [
    "Action",
    "ApiKey",
    "AuthToken",
    "AuthTokenFlag",
    "Death",
    "Entity",
    "Event",
    "IdempotencyKey",
    "KeyAccess",
    "Membership",
    "RevocationReason",
    "Role",
    "StaffLimit",
    "TextAge",
    "TokenStatus",
    "User",
    "UserToken",
]
