"""@questlabs/core, a client in use, as published: only its base URL is set."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.interop.conftest import Server

pytestmark = pytest.mark.interop

HERE = Path(__file__).with_name("questlabs")


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package outside of the checkout."""
    folder = tmp_path_factory.mktemp("questlabs")
    for name in ("package.json", "check.cjs"):
        shutil.copy(HERE / name, folder)
    install = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    subprocess.run(install, cwd=folder, check=True, timeout=300)
    return folder


def test_the_client_goes_through_all_five_calls_and_their_errors(
    server: Server, package: Path
) -> None:
    run = subprocess.run(
        ["node", "check.cjs"],
        cwd=package,
        env=os.environ | {"BASE_URL": server.url, "DEMO": json.dumps(fresh_demo(server))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    print(run.stdout)  # noqa: T201  what the client met
    assert run.returncode == 0, run.stdout


def fresh_demo(server: Server) -> dict[str, object]:
    """Give the demo with a member who never had a token."""
    user = f"u-questlabs-{os.urandom(4).hex()}"
    person = server.add_members([user])[user]
    return server.demo | {"member": {"id": person.id, "token": person.token}}
