"""No decision to let somebody in comes from a replica, wherever a host's router sends reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Caller


class Replicas:
    """Sends reads of the app's tables to a database that is not there."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "replica" if model._meta.app_label == "entities" else None


@pytest.fixture
def replicas(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [*settings.DATABASE_ROUTERS, "tests.api.test_replicas.Replicas"]
    settings.DATABASE_ROUTERS.reverse()


def test_the_calls_ask_the_primary(member: Caller, admin: Caller, replicas: None) -> None:
    assert member.post().status_code == 201
    assert member.get().status_code == 200
    assert member.patch(json={"flags": ["a"]}).status_code == 200
    refreshed = member.post("/refresh")
    assert refreshed.status_code == 200
    text = refreshed.json()["authenticationToken"]
    assert member.get(headers={"token": text}).status_code == 200
    entity = f"/entities/{admin.membership.entity_id}"
    assert admin.get(f"{entity}/authentication-tokens").status_code == 200
    assert member.delete().status_code == 200
    assert member.get().status_code == 404
    assert member.get(headers={"token": text}).status_code == 401
