"""Clients that others' generators make of the document, used against the service it describes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.api.test_authorization import TABLE

if TYPE_CHECKING:
    from tests.interop.conftest import Server

pytestmark = pytest.mark.interop

HERE = Path(__file__).with_name("generated")
GATEWAY = ("/introspect", "/revoke", "/verify")
SCRIPTS = Path(sys.executable).parent


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run a program of others, and return what it said; its failure is the test's."""
    path = os.pathsep.join([str(SCRIPTS), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def folder(server: Server, tmp_path: Path) -> Path:
    """A folder outside of the checkout, with the document and our files."""
    shutil.copytree(HERE, tmp_path, dirs_exist_ok=True)
    document = server.wire.call("GET", "/schema")
    (tmp_path / "schema.json").write_bytes(document.body)
    return tmp_path


def test_openapi_python_client_provisions_a_tenant(server: Server, folder: Path) -> None:
    generate = ["openapi-python-client", "generate", "--path", "schema.json"]
    run([*generate, "--output-path", "client", "--meta", "none", "--fail-on-warning"], folder)
    calls = [one for one in (folder / "client" / "api").glob("*/*.py") if one.stem != "__init__"]
    assert len(calls) == len(TABLE) + len(GATEWAY)

    admin = server.person("admin")
    superuser = replace(admin, apikey=server.superuser_key(admin.entity))
    headers = json.dumps(superuser.headers)
    run([sys.executable, "provision.py"], folder, BASE_URL=server.url, HEADERS=headers)


def test_openapi_typescript_tells_what_may_be_sent(folder: Path) -> None:
    install = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    run(install, folder)
    run(["npx", "--no-install", "openapi-typescript", "schema.json", "-o", "schema.d.ts"], folder)
    run(["npx", "--no-install", "tsc", "--noEmit", "--strict", "check.ts"], folder)
