"""Every change of state, and the only writers. Each function is one transaction.

This is the app's public Python API: hosts, the REST views, the admin and the commands all call
these. Keyword-only; none of them sees a request.
"""

from __future__ import annotations

from entities.services.batch import MAX_BATCH, Wanted, issue_tokens
from entities.services.bulk import (
    add_flag,
    extend_tokens,
    remove_flag,
    revoke_entity,
    revoke_entity_counted,
    revoke_tokens,
    revoke_tokens_in_batches,
    sign_out_user,
)
from entities.services.credentials import (
    issue_api_key,
    issue_user_token,
    revoke_api_key,
    revoke_user_token,
    rotate_api_key,
    rotate_user_token,
)
from entities.services.directory import (
    add_member,
    create_entity,
    delete_record,
    lift_staff_limit,
    limit_staff,
    save_entity,
    save_membership,
    save_user,
    update_entity,
)
from entities.services.members import change_role, check_user_unshared, remove_member
from entities.services.presented import revoke_text
from entities.services.pruning import prune_events, prune_tokens
from entities.services.refresh import refresh_token
from entities.services.retries import (
    begin_attempt,
    keep_answer,
    let_go,
    prune_idempotency_keys,
)
from entities.services.tokens import issue_token, read_token, revoke_token, update_token

__all__ = [
    "MAX_BATCH",
    "Wanted",
    "add_flag",
    "add_member",
    "begin_attempt",
    "change_role",
    "check_user_unshared",
    "create_entity",
    "delete_record",
    "extend_tokens",
    "issue_api_key",
    "issue_token",
    "issue_tokens",
    "issue_user_token",
    "keep_answer",
    "let_go",
    "lift_staff_limit",
    "limit_staff",
    "prune_events",
    "prune_idempotency_keys",
    "prune_tokens",
    "read_token",
    "refresh_token",
    "remove_flag",
    "remove_member",
    "revoke_api_key",
    "revoke_entity",
    "revoke_entity_counted",
    "revoke_text",
    "revoke_token",
    "revoke_tokens",
    "revoke_tokens_in_batches",
    "revoke_user_token",
    "rotate_api_key",
    "rotate_user_token",
    "save_entity",
    "save_membership",
    "save_user",
    "sign_out_user",
    "update_entity",
    "update_token",
]
