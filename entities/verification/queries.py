"""The rows that let somebody in. The conditions are those of the models' querysets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.db.models import CharField, Expression, ExpressionWrapper, F, Q, TextField, UUIDField

from entities.models import ApiKey, AuthToken, Membership
from entities.models.compiled import CompiledQuery, Slot
from entities.models.credentials import live_credential
from entities.models.moments import MomentField
from entities.verification.principals import USER_COLUMNS

if TYPE_CHECKING:
    from datetime import datetime

_AT = cast("datetime", Slot("at", MomentField()))
_API_KEY = Slot("api_key", UUIDField())
_TOKEN = Slot("token", UUIDField())
_USER = Slot("user", CharField())
_FLAGS = ExpressionWrapper(F("flags"), output_field=TextField())
"""As the JSON that lies in the database: the same few flags come again and again."""

_TOKEN_COLUMNS: dict[str, str | Expression] = {
    "token_nonce": "nonce",
    "token_generation": "generation",
    "token_issued_at": "issued_at",
    "token_expires_at": "expires_at",
    "token_flags": _FLAGS,
    "token_previous_nonce": "previous_nonce",
    "token_previous_expires_at": "previous_expires_at",
}
_KEY_COLUMNS = {
    "key_name": "name",
    "key_access": "access",
    "key_nonce": "nonce",
    "key_expires_at": "expires_at",
}


def _membership_columns(membership: str = "") -> dict[str, str]:
    return {
        "membership_pk": f"{membership}id",
        "in_entity": f"{membership}entity_id",
        "in_role": f"{membership}role",
    } | {f"of_user_{name}": f"{membership}user__{name}" for name in USER_COLUMNS}


def _key_columns(membership: str = "") -> dict[str, str]:
    return {alias: f"{membership}entity__api_keys__{name}" for alias, name in _KEY_COLUMNS.items()}


def _own_key(membership: str = "") -> Q:
    """The condition of a live API key of the membership's entity.

    That the entity is the one of the path is not asked: it takes the role and the access. Slots of
    one filter() call share their joins: the conditions speak of one row of each table.
    """
    api_keys = f"{membership}entity__api_keys"
    return Q((f"{api_keys}__id", _API_KEY)) & live_credential(at=_AT, of=api_keys)


def _own_user_token() -> Q:
    tokens = "user__user_tokens"
    return Q((f"{tokens}__id", _TOKEN)) & live_credential(at=_AT, of=tokens)


KEY_AND_USER = CompiledQuery(
    lambda: Membership.objects.live().filter(_own_key(), user_id=_USER),
    _membership_columns() | _key_columns(),
)
KEY_AND_USER_TOKEN = CompiledQuery(
    lambda: Membership.objects.live().filter(_own_key(), _own_user_token()),
    _membership_columns()
    | _key_columns()
    | {
        "token_nonce": "user__user_tokens__nonce",
        "token_expires_at": "user__user_tokens__expires_at",
    },
)
KEY_AND_AUTH_TOKEN = CompiledQuery(
    lambda: AuthToken.objects.live(at=_AT).filter(_own_key("membership__"), id=_TOKEN),
    _membership_columns("membership__") | _key_columns("membership__") | _TOKEN_COLUMNS,
)
AUTH_TOKEN = CompiledQuery(
    lambda: AuthToken.objects.live(at=_AT).filter(id=_TOKEN),
    _membership_columns("membership__")
    | _TOKEN_COLUMNS
    | {"token_issued_through": "issued_through"},
)
API_KEY = CompiledQuery(
    lambda: ApiKey.objects.live(at=_AT).filter(id=_API_KEY, entity__is_active=True),
    {"in_entity": "entity_id"} | _KEY_COLUMNS,
)
