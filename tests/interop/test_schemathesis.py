"""schemathesis, over the served document: no 5xx, and nothing that the document does not say."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.interop.conftest import ROOT

if TYPE_CHECKING:
    from tests.interop.conftest import Person, Server

pytestmark = pytest.mark.interop

CONFIG = Path(__file__).with_name("schemathesis.toml")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
# Of a path that is there: else most calls end at a 401, and what lies behind is never reached.
PATH = """
[parameters]
"path.entityId" = "{entity}"
"path.userId" = "{user}"
"""
# A run in which the credentials let nobody in has tested nothing.
# What a member may call, and what an admin may: all but the calls of superusers.
OWN = ("--include-path-regex", "authentication-token(/refresh)?$|^/me$")
ADMINS = (
    "--exclude-path",
    "/entities",
    "--exclude-operation-id",
    "deactivateEntity",
)
# What /verify lets through.
BEARER = """
[auth.openapi.entity-authentication-token]
api_key = "{text}"
"""
NOT_IN_VAIN = """
[warnings]
fail-on = ["missing_auth"]
"""


@pytest.fixture
def member(server: Server) -> Person:
    return server.person("member")


def test_a_member_finds_nothing_undocumented(
    server: Server, member: Person, tmp_path: Path
) -> None:
    config = PATH.format(entity=member.entity, user=member.id) + NOT_IN_VAIN
    run_schemathesis(server, member, config, tmp_path, *OWN)


def test_an_admin_finds_nothing_undocumented(server: Server, tmp_path: Path) -> None:
    admin, other = server.add_entity()
    run_schemathesis(server, admin, about(server, admin, other), tmp_path, *ADMINS)


def test_a_superuser_finds_nothing_undocumented(server: Server, tmp_path: Path) -> None:
    admin, _ = server.add_entity()
    superuser = replace(admin, apikey=server.superuser_key(admin.entity))
    _, other = server.add_entity()
    run_schemathesis(server, superuser, about(server, superuser, other), tmp_path)


def test_a_read_only_caller_finds_nothing_undocumented(server: Server, tmp_path: Path) -> None:
    admin, other = server.add_entity()
    key = issue(server, admin, f"/entities/{admin.entity}/api-keys", access="read_only")
    reader = replace(admin, apikey=key["apiKey"])
    reads = ("--include-method", "GET", *ADMINS)
    run_schemathesis(server, reader, about(server, admin, other), tmp_path, *reads)


def issue(server: Server, by: Person, path: str, **terms: str) -> Any:
    body = {"name": "schemathesis"} | terms
    answer = server.wire.call("POST", path, headers=by.headers, json_body=body)
    assert answer.status == 201
    return answer.json


def about(server: Server, by: Person, of: Person) -> str:
    """Name what the paths are about: not the caller's own credentials, which a run would end."""
    entity = f"/entities/{of.entity}"
    key = issue(server, by, f"{entity}/api-keys")["id"]
    token = issue(server, by, f"{entity}/users/{of.id}/user-tokens")["id"]
    ids = f'"path.keyId" = "{key}"\n"path.tokenId" = "{token}"\n'
    _, elsewhere = server.add_entity()  # where nothing in the run revokes a token
    bearer = BEARER.format(text=server.call("POST", elsewhere).json["authenticationToken"])
    return PATH.format(entity=of.entity, user=of.id) + ids + bearer + NOT_IN_VAIN


def test_a_caller_with_an_authentication_token_finds_nothing_undocumented(
    server: Server, member: Person, tmp_path: Path
) -> None:
    admin = server.person("admin")
    server.revoke(admin)
    made = server.call("POST", admin, json_body={"flags": ["reports.read"]})
    assert made.status == 201
    caller = admin.with_token(made.json["authenticationToken"])
    config = PATH.format(entity=member.entity, user=member.id) + NOT_IN_VAIN
    run_schemathesis(server, caller, config, tmp_path, *OWN)


def test_a_member_who_calls_about_others_finds_nothing_undocumented(
    server: Server, member: Person, tmp_path: Path
) -> None:
    run_schemathesis(server, member, "", tmp_path)


@pytest.mark.parametrize("token", ["dummy-token", ""])
def test_wrong_credentials_find_nothing_undocumented(
    token: str, server: Server, member: Person, tmp_path: Path
) -> None:
    config = PATH.format(entity=member.entity, user=member.id)
    run_schemathesis(server, member.with_token(token), config, tmp_path)


def run_schemathesis(
    server: Server, caller: Person, more: str, tmp_path: Path, *arguments: str
) -> None:
    """Run it as anybody would, from its command line, with `more` in its configuration."""
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.read_text() + more)
    credentials = {"APIKEY": caller.apikey, "USERID": caller.id, "TOKEN": caller.token}
    command = [str(SCHEMATHESIS), "--config-file", str(config), "run", f"{server.url}/schema"]
    run = subprocess.run(
        [*command, *arguments, "--no-color"],
        env=os.environ | credentials | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=540,
    )
    assert run.returncode == 0, run.stdout
