"""Every change of state, and the only writers. Each function is one transaction.

This is the app's public Python API: hosts, the REST views, the admin and the commands all call
these. Keyword-only; none of them sees a request.
"""

from __future__ import annotations

from entities.services.bulk import prune_tokens, revoke_entity, revoke_tokens
from entities.services.credentials import (
    issue_api_key,
    issue_user_token,
    revoke_api_key,
    revoke_user_token,
)
from entities.services.directory import save_entity, save_membership, save_user
from entities.services.refresh import refresh_token
from entities.services.tokens import issue_token, read_token, revoke_token, update_token

__all__ = [
    "issue_api_key",
    "issue_token",
    "issue_user_token",
    "prune_tokens",
    "read_token",
    "refresh_token",
    "revoke_api_key",
    "revoke_entity",
    "revoke_token",
    "revoke_tokens",
    "revoke_user_token",
    "save_entity",
    "save_membership",
    "save_user",
    "update_token",
]
