"""Tables, constraints, and the questions that can be asked of them."""

from __future__ import annotations

from entities.models.credentials import ApiKey, UserToken
from entities.models.directory import Entity, Membership, Role, User
from entities.models.tokens import AuthToken, Death, RevocationReason, TextAge

__all__ = [
    "ApiKey",
    "AuthToken",
    "Death",
    "Entity",
    "Membership",
    "RevocationReason",
    "Role",
    "TextAge",
    "User",
    "UserToken",
]
