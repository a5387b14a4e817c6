"""Provisions a tenant by a client that openapi-python-client has generated into `client`.

Wants BASE_URL, and HEADERS: those of a superuser, as JSON.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from client.api.api_keys import issue_api_key
from client.api.authentication_tokens import (
    issue_authentication_tokens,
    list_authentication_tokens,
    revoke_authentication_tokens,
)
from client.api.entities import create_entity, get_entity, update_entity
from client.api.entity_authentication_token import (
    create_authentication_token,
    delete_authentication_token,
    get_authentication_token,
)
from client.api.events import list_events
from client.api.me import get_me
from client.api.user_tokens import issue_user_token
from client.api.users import add_user, list_users
from client.client import Client
from client.models import (
    Batch,
    ListAuthenticationTokensStatus,
    NewApiKey,
    NewEntity,
    NewUser,
    NewUserToken,
    PatchedEntityChanges,
    Problem,
    RevocationType1,
    RoleEnum,
    TokenFilter,
    TokenTerms,
    WantedToken,
)

url, headers = os.environ["BASE_URL"], json.loads(os.environ["HEADERS"])
superuser = Client(url, headers=headers)
name = f"Acme {uuid4()}"

# A superuser makes the tenant, its first admin, and what both need to call.
entity = create_entity.sync(client=superuser, body=NewEntity(name=name, restricted_flags=["root"]))
assert entity.success is True
assert (entity.name, entity.restricted_flags, entity.is_active) == (name, ["root"], True)
admin = add_user.sync(
    entity.id, client=superuser, body=NewUser(id=f"ada@{entity.id}", role=RoleEnum.ADMIN)
)
key = issue_api_key.sync(entity.id, client=superuser, body=NewApiKey(name="shop"))
token = issue_user_token.sync(
    entity.id, admin.id, client=superuser, body=NewUserToken(name="laptop")
)
own = Client(url, headers={"apikey": key.api_key, "userid": admin.id, "token": token.user_token})

# From here on the admin, who is a stranger to every other tenant.
me = get_me.sync(client=own)
assert (me.entity.id, me.user.id, me.role, me.superuser) == (
    entity.id,
    admin.id,
    RoleEnum.ADMIN,
    False,
)
assert (me.flags, me.expiry) == (None, None)
users = [f"u|{place}" for place in range(3)]
for user in users:
    assert add_user.sync(entity.id, client=own, body=NewUser(id=user)).id == user
first = list_users.sync(entity.id, client=own, limit=2)
assert [user.id for user in first.results] == ["u|2", "u|1"]
assert first.previous is None
changed = update_entity.sync(
    entity.id, client=own, body=PatchedEntityChanges(default_lifetime=3600)
)
assert changed.default_lifetime == get_entity.sync(entity.id, client=own).default_lifetime == 3600

# Tokens: one by one, in a batch, listed and revoked.
expiry = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
made = create_authentication_token.sync(
    entity.id, users[0], client=own, body=TokenTerms(expiry=expiry, flags=["reports"])
)
assert made.expiry == expiry
got = get_authentication_token.sync(entity.id, users[0], client=own)
assert got.authentication_token == made.authentication_token
batch = issue_authentication_tokens.sync(
    entity.id,
    client=own,
    body=Batch(tokens=[WantedToken(user=user, flags=["batch"]) for user in users[1:]]),
)
assert [row.user for row in batch.results] == users[1:]
refused = issue_authentication_tokens.sync(
    entity.id, client=own, body=Batch(tokens=[WantedToken(user="u|0"), WantedToken(user="nobody")])
)
assert isinstance(refused, Problem)
assert refused.code == "batch_refused"
assert set(refused.errors.to_dict()) == {"tokens.0", "tokens.1"}
live = list_authentication_tokens.sync(
    entity.id, client=own, status=ListAuthenticationTokensStatus.LIVE, flags_any="batch"
)
assert {row.user for row in live.results} == set(users[1:])
revoked = revoke_authentication_tokens.sync(
    entity.id, client=own, body=RevocationType1(filter_=TokenFilter(flags_all=["batch"]))
)
assert revoked.revoked == 2
assert delete_authentication_token.sync(entity.id, users[0], client=own).success is True
gone = get_authentication_token.sync(entity.id, users[0], client=own)
assert (gone.status, gone.code) == (404, "token_revoked")

# What it may not do is a Problem too.
denied = create_entity.sync(client=own, body=NewEntity(name="Mine"))
assert isinstance(denied, Problem)
assert (denied.status, denied.code) == (403, "permission_denied")
actions = {event.action for event in list_events.sync(entity.id, client=own, limit=200).results}
assert {"entity_created", "member_added", "api_key_issued", "token_issued"} <= actions
