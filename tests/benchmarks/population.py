"""Fills an empty, migrated database with N authentication tokens and all that belongs to them.

The shares are the same at each N. Nothing is random: what is in a row follows from its number, and
the higher the number, the younger the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.color import no_style
from django.db import transaction

from entities import keys
from tests.benchmarks.people import NAME, RARE_NAME, RARE_USERS, USER_ID
from tests.benchmarks.sql import DIALECTS, drop_indexes, fraction, insert, one_of, pick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db.backends.base.base import BaseDatabaseWrapper

    from tests.benchmarks.sql import Dialect

VERSION = 3
"""Goes up with each change of what is filled in: what stands of an older one is filled anew."""

ENTITIES = 1000
HALF, TENTH, SMALL, FIXED, OTHER = "e-half", "e-tenth", "e-small", "e-fixed", "e-1500"
"""Entities with 50 %, 10 % and 0.1 % of the tokens, one with `ALWAYS`, and one of all the others.

Those are `e-1004` to `e-1999`, and share what is left evenly.
"""
ALWAYS = 100
"""How many tokens `FIXED` has, and how many carry the flag `rare`, at each N."""

BOSS, FEW, WIDE = "bench-boss", "bench-few", "bench-wide"
"""A superuser, and two staff accounts limited to three entities: small ones, and large ones."""
LIMITS = {FEW: (SMALL, FIXED, OTHER), WIDE: (HALF, TENTH, OTHER)}

_LATER_ACTIONS = ("token_refreshed", "token_updated", "token_revoked", "token_text_read")
_DAY = 24 * 60 * 60
_YEAR = 365 * _DAY


def fill(
    connection: BaseDatabaseWrapper, *, tokens: int, at: datetime, in_one_entity: bool = False
) -> None:
    """Fill the tables, in one transaction. Triggers fill `AuthTokenFlag`.

    Args:
        tokens: a multiple of 1000.
        at: what counts as now: in the year until then they were created.
        in_one_entity: all that belongs to an entity belongs to `HALF`.

    Raises:
        ValueError: `tokens` is no multiple of 1000.
    """
    if tokens < 1000 or tokens % 1000:
        raise ValueError("The number of tokens is no multiple of 1000.")
    population = _Population(
        DIALECTS[connection.vendor], tokens, int(at.timestamp()), in_one_entity
    )
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        indexes = drop_indexes(cursor, connection.vendor)
        for statement in population.statements():
            cursor.execute(statement)
        # Their keys were given, not drawn from the sequence.
        membership = apps.get_model("entities", "Membership")
        for statement in connection.ops.sequence_reset_sql(no_style(), [membership]):
            cursor.execute(statement)
        for index in indexes:
            cursor.execute(index)
        _add_staff()


def settle(connection: BaseDatabaseWrapper) -> None:
    """Leave it as a database at rest is: with statistics, and on PostgreSQL vacuumed."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)" if connection.vendor == "postgresql" else "ANALYZE")


def _add_staff() -> None:
    accounts = get_user_model().objects
    accounts.create_superuser(BOSS)
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="entities"
    )
    for name, entities in LIMITS.items():
        account = accounts.create_user(name, is_staff=True)
        account.user_permissions.set(permissions)
        limit = apps.get_model("entities", "StaffLimit").objects.create(account=account)
        limit.entities.set(entities)


@dataclass(frozen=True, slots=True)
class _Population:
    """The statements that fill the tables.

    In the expressions, `i` is the number of a token and of its user, `created` the second of its
    creation, and `owner` the number of its entity.
    """

    sql: Dialect
    tokens: int
    at: int
    in_one_entity: bool

    def statements(self) -> Iterator[str]:
        """Yield them in the order that foreign keys ask for."""
        whole = self._source()
        yield insert("entities_entity", self._entity(), self.sql.numbers(ENTITIES))
        yield insert("entities_user", self._user(), whole)
        yield insert("entities_membership", self._membership(), whole)
        yield insert("entities_authtoken", self._token(), whole)
        yield insert("entities_apikey", self._api_key(), self._source(every=4))
        yield insert("entities_usertoken", self._user_token(), self._source(every=4))
        yield insert("entities_event", self._event(), self._source(times=2))

    def _source(self, *, every: int = 1, times: int = 1) -> str:
        numbers = self.sql.numbers(self.tokens * times // every)
        created = f"{self.at - _YEAR} + {_YEAR} * (i + 0.5) / {self.tokens}"
        share = fraction("entity")
        owner = (
            f"CASE WHEN i % {self.tokens // ALWAYS} = 0 THEN 3 WHEN {share} < 0.5 THEN 0"
            f" WHEN {share} < 0.6 THEN 1 WHEN {share} < 0.601 THEN 2"
            f" ELSE 4 + {pick('other entity', ENTITIES - 4)} END"
        )
        if self.in_one_entity:
            owner = "0"
        return (
            f"(SELECT i, part, {created} AS created, {owner} AS owner FROM"
            f" (SELECT i * {every} / {times} AS i, i % {times} AS part FROM {numbers}) AS numbered"
            f") AS source"
        )

    def _entity(self) -> dict[str, str]:
        return {
            "id": _entity_id("i"),
            "name": "CASE i WHEN 0 THEN 'Globex' WHEN 1 THEN 'Initech' WHEN 2 THEN 'Hooli'"
            " WHEN 3 THEN 'Umbrella' ELSE 'Acme ' || (1000 + i) END",
            "is_active": "i % 10 <> 5",
            "default_lifetime": self.sql.duration.format(90 * _DAY),
            "max_lifetime": self.sql.duration.format(1000 * _DAY),
            "restricted_flags": f"CAST('[]' AS {self.sql.json})",
            "allowed_origins": f"CAST('[]' AS {self.sql.json})",
            "token_epoch": f"CASE WHEN {_has_raised('i')} THEN 1 ELSE 0 END",
            "created_at": self.sql.moment.format(f"{self.at - 2 * _YEAR} + i"),
        }

    def _user(self) -> dict[str, str]:
        rare = f"i % {self.tokens // RARE_USERS} = 4"
        return {
            "id": USER_ID,
            "name": f"CASE WHEN {rare} THEN '{RARE_NAME}' ELSE {NAME} END || ' ' || i",
            "is_active": f"{fraction('user off')} >= 0.05",
            "created_at": self.sql.moment.format("created"),
        }

    def _membership(self) -> dict[str, str]:
        return {
            "id": "i + 1",
            "entity_id": _entity_id("owner"),
            "user_id": USER_ID,
            "role": f"CASE WHEN {fraction('role')} < 0.02 THEN 'admin' ELSE 'member' END",
            "is_active": f"{fraction('membership off')} >= 0.02",
            "created_at": self.sql.moment.format("created"),
        }

    def _token(self) -> dict[str, str]:
        revoked = f"{fraction('revoked')} < 0.05"
        rank, place = fraction("expiry"), fraction("expiry's place")
        expires = (
            f"CASE WHEN {rank} < 0.1 THEN created + ({self.at} - created) * (0.1 + 0.8 * {place})"
            f" WHEN {rank} < 0.15 THEN {self.at + 60} + {7 * _DAY - 60} * {place} * {place}"
            f" ELSE {self.at + 8 * _DAY} + {350 * _DAY} * {place} END"
        )
        # Entities that raised their epoch did so half a year ago, the largest ten months ago.
        raised = f"CASE owner WHEN 1 THEN {self.at - 300 * _DAY} ELSE {self.at - 180 * _DAY} END"
        return {
            "id": self._uuid("token"),
            "membership_id": "i + 1",
            "listed_in_id": _entity_id("owner"),
            "epoch": f"CASE WHEN {_has_raised('owner')} AND created > {raised} THEN 1 ELSE 0 END",
            "generation": "0",
            "signing_key": str(keys.current_key().id),
            "nonce": self._nonce("token"),
            "flags": self._flags(),
            "lifetime": self.sql.duration.format(f"({expires}) - created"),
            "created_at": self.sql.moment.format("created"),
            "issued_at": self.sql.moment.format("created"),
            "expires_at": self.sql.moment.format(expires),
            "revoked_at": f"CASE WHEN {revoked} THEN {self._since_created('revoked at')} END",
            "revocation_reason": f"CASE WHEN {revoked} THEN"
            f" {one_of('reason', ('deleted', 'reused', 'replaced', 'staff'))} ELSE '' END",
            "last_used_at": f"CASE WHEN {fraction('used')} >= 0.3 THEN"
            f" {self._since_created('used at')} END",
        }

    def _flags(self) -> str:
        period = self.tokens // ALWAYS
        flags = {
            "read": f"{fraction('read')} < 0.5",
            "write": f"{fraction('write')} < 0.1",
            "billing": f"{fraction('billing')} < 0.01",
            "rare": f"i % {period} = {period // 2}",
        }
        parts = [f"CASE WHEN {has} THEN ', \"{flag}\"' ELSE '' END" for flag, has in flags.items()]
        return f"CAST('[' || substr({' || '.join(parts)}, 3) || ']' AS {self.sql.json})"

    def _api_key(self) -> dict[str, str]:
        share = fraction("access")
        access = (
            f"CASE WHEN {share} < 0.001 THEN 'superuser' WHEN {share} < 0.05 THEN 'read_only'"
            " ELSE 'standard' END"
        )
        columns = {"entity_id": _entity_id("owner"), "access": access}
        return self._credential("key", "App ") | columns

    def _user_token(self) -> dict[str, str]:
        return self._credential("user token", "Device ") | {"user_id": USER_ID}

    def _credential(self, kind: str, name: str) -> dict[str, str]:
        expires = (
            f"created + 60 + ({self.at} - created + {90 * _DAY}) * {fraction(f'{kind} expiry')}"
        )
        return {
            "id": self._uuid(kind),
            "name": f"'{name}' || i",
            "nonce": self._nonce(kind),
            "signing_key": str(keys.current_key().id),
            "created_at": self.sql.moment.format("created"),
            "expires_at": f"CASE WHEN {fraction(f'{kind} expires')} < 0.4"
            f" THEN {self.sql.moment.format(expires)} END",
            "revoked_at": f"CASE WHEN {fraction(f'{kind} revoked')} < 0.05"
            f" THEN {self._since_created(f'{kind} revoked at')} END",
            "last_used_at": f"CASE WHEN {fraction(f'{kind} used')} >= 0.3"
            f" THEN {self._since_created(f'{kind} used at')} END",
        }

    def _event(self) -> dict[str, str]:
        by_staff = f"{fraction('actor')} < 0.1"
        return {
            "at": self.sql.moment.format("created + part"),
            "action": f"CASE part WHEN 0 THEN 'token_issued' ELSE"
            f" {one_of('action', _LATER_ACTIONS)} END",
            "entity_id": _entity_id("owner"),
            "user_id": USER_ID,
            "credential_id": self._uuid("token"),
            "actor_kind": f"CASE WHEN {by_staff} THEN 'staff' ELSE 'user' END",
            "actor_id": f"CASE WHEN {by_staff} THEN '1' ELSE {USER_ID} END",
            "actor_name": f"CASE WHEN {by_staff} THEN '{BOSS}' ELSE {NAME} || ' ' || i END",
            "application": f"CASE WHEN {by_staff} THEN '' ELSE 'App ' || {pick('app', 20)} END",
            "request_id": "md5('request-' || i || '-' || part)",
            "client_address": f"CAST('192.0.2.' || {pick('address', 250)} AS {self.sql.address})",
            "details": f"CAST('{{}}' AS {self.sql.json})",
        }

    def _since_created(self, name: str) -> str:
        """Make a moment between creation and now; those near to now are the most."""
        place = fraction(name)
        return self.sql.moment.format(f"{self.at} - ({self.at} - created) * {place} * {place}")

    def _uuid(self, kind: str) -> str:
        return f"CAST(md5('{kind}-' || i) AS {self.sql.uuid})"

    def _nonce(self, kind: str) -> str:
        return f"CAST(substr(md5('{kind} nonce-' || i), 1, 12) AS {self.sql.blob})"


def _entity_id(number: str) -> str:
    names = " ".join(f"WHEN {n} THEN '{id}'" for n, id in enumerate((HALF, TENTH, SMALL, FIXED)))
    return f"CASE {number} {names} ELSE 'e-' || (1000 + {number}) END"


def _has_raised(number: str) -> str:
    """Tell which entities revoked all of their tokens once: 5 % of the tokens are theirs before."""
    return f"({number} = 1 OR {number} > 3 AND {number} % 10 = 4)"
