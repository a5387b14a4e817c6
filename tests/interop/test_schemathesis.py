"""schemathesis, over the served document: no 5xx, and nothing that the document does not say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

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
    run_schemathesis(server, member, config, tmp_path)


def test_an_admin_finds_nothing_undocumented(
    server: Server, member: Person, tmp_path: Path
) -> None:
    config = PATH.format(entity=member.entity, user=member.id) + NOT_IN_VAIN
    run_schemathesis(server, server.person("admin"), config, tmp_path)


def test_a_caller_with_an_authentication_token_finds_nothing_undocumented(
    server: Server, member: Person, tmp_path: Path
) -> None:
    admin = server.person("admin")
    server.revoke(admin)
    made = server.call("POST", admin, json_body={"flags": ["reports.read"]})
    assert made.status == 201
    caller = admin.with_token(made.json["authenticationToken"])
    config = PATH.format(entity=member.entity, user=member.id) + NOT_IN_VAIN
    run_schemathesis(server, caller, config, tmp_path)


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


def run_schemathesis(server: Server, caller: Person, more: str, tmp_path: Path) -> None:
    """Run it as anybody would, from its command line, with `more` in its configuration."""
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.read_text() + more)
    credentials = {"APIKEY": caller.apikey, "USERID": caller.id, "TOKEN": caller.token}
    command = [str(SCHEMATHESIS), "--config-file", str(config), "run", f"{server.url}/schema"]
    run = subprocess.run(
        [*command, "--no-color"],
        env=os.environ | credentials | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout
