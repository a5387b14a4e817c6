"""The rows that let somebody in. The conditions are those of the models' querysets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db.models import CharField, DateTimeField, F, Q, UUIDField

from entities.models import ApiKey, AuthToken, Membership
from entities.models.credentials import live_credential
from entities.verification.compiled import CompiledQuery, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.db.models import QuerySet

USER_COLUMNS = ("id", "name", "is_active", "account_id", "created_at")

_AT = cast("datetime", Slot("at", DateTimeField()))
_API_KEY = Slot("api_key", UUIDField())
_TOKEN = Slot("token", UUIDField())
_USER = Slot("user", CharField())

_TOKEN_COLUMNS = {
    "token_nonce": "nonce",
    "token_used_at": "last_used_at",
    "token_generation": "generation",
    "token_issued_at": "issued_at",
    "token_expires_at": "expires_at",
    "token_flags": "flags",
    "token_previous_nonce": "previous_nonce",
    "token_previous_expires_at": "previous_expires_at",
}
_KEY_COLUMNS = {
    "key_name": "name",
    "key_access": "access",
    "key_nonce": "nonce",
    "key_used_at": "last_used_at",
    "key_expires_at": "expires_at",
}


def _key_and_user() -> QuerySet[Any, dict[str, Any]]:
    return _with_key(Membership.objects.live().filter(user_id=_USER))


def _key_and_user_token() -> QuerySet[Any, dict[str, Any]]:
    tokens = "user__user_tokens"
    return _with_key(
        Membership.objects.live(),
        Q((f"{tokens}__id", _TOKEN)) & live_credential(at=_AT, of=tokens),
        columns={
            "token_nonce": f"{tokens}__nonce",
            "token_used_at": f"{tokens}__last_used_at",
            "token_expires_at": f"{tokens}__expires_at",
        },
    )


def _key_and_auth_token() -> QuerySet[Any, dict[str, Any]]:
    return _with_key(
        AuthToken.objects.live(at=_AT).filter(id=_TOKEN),
        membership="membership__",
        columns=_TOKEN_COLUMNS,
    )


def _auth_token() -> QuerySet[Any, dict[str, Any]]:
    columns = _membership_columns("membership__") | _TOKEN_COLUMNS
    columns |= {"token_issued_through": "issued_through"}
    return _select(AuthToken.objects.live(at=_AT).filter(id=_TOKEN), columns)


def _api_key() -> QuerySet[Any, dict[str, Any]]:
    rows = ApiKey.objects.live(at=_AT).filter(id=_API_KEY, entity__is_active=True)
    return _select(rows, {"in_entity": "entity_id"} | _KEY_COLUMNS)


def _with_key(
    rows: QuerySet[Any],
    *conditions: Q,
    membership: str = "",
    columns: Mapping[str, str] | None = None,
) -> QuerySet[Any, dict[str, Any]]:
    """Join the caller's membership and the API key of its entity.

    `membership` is the path from the rows to it; `columns` are wanted beside the usual ones. That
    the entity is the one of the path is not asked here: it takes the role and the access.
    """
    api_keys = f"{membership}entity__api_keys"
    own_key = Q((f"{api_keys}__id", _API_KEY)) & live_credential(at=_AT, of=api_keys)
    usual = _membership_columns(membership) | {
        alias: f"{api_keys}__{name}" for alias, name in _KEY_COLUMNS.items()
    }
    # Slots of one filter() call share their joins: the conditions speak of one row of each table.
    return _select(rows.filter(own_key, *conditions), usual | dict(columns or {}))


def _membership_columns(membership: str) -> dict[str, str]:
    return {
        "membership_pk": f"{membership}id",
        "in_entity": f"{membership}entity_id",
        "in_role": f"{membership}role",
    } | {f"of_user_{name}": f"{membership}user__{name}" for name in USER_COLUMNS}


def _select(rows: QuerySet[Any], columns: Mapping[str, str]) -> QuerySet[Any, dict[str, Any]]:
    return rows.values(**{alias: F(path) for alias, path in columns.items()})


KEY_AND_USER = CompiledQuery(_key_and_user)
KEY_AND_USER_TOKEN = CompiledQuery(_key_and_user_token)
KEY_AND_AUTH_TOKEN = CompiledQuery(_key_and_auth_token)
AUTH_TOKEN = CompiledQuery(_auth_token)
API_KEY = CompiledQuery(_api_key)
