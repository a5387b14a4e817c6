"""A host that follows the README, with the built wheel in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.interop.conftest import _wait_for as wait_for
from tests.interop.host.variants import BARE, DEPLOYED, ELSEWHERE, PREFIXED, VARIANTS
from tests.interop.packages import run, wheel
from tests.interop.readme import blocks, pasted
from tests.interop.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.interop

HERE = Path(__file__).parent
ACCOUNTS = HERE.parent / "hosts" / "accounts"
INSTALLED = "Install it as an app"
APART = "In a database of its own"

# A view needs a path; which one, the README leaves to the host.
_PATH = """
from django.urls import path

from project.views import Invoices, Reports

reports = path("reports", Reports.as_view())
invoices = path("invoices", Invoices.as_view())
"""

_PROVISION = """
import json
from entities.actors import Actor
from entities.models import Entity
from entities.services import add_member, issue_api_key, issue_user_token, save_entity

BY = Actor.command("host")
entity = save_entity(entity=Entity(id="acme"), by=BY)
member = add_member(entity=entity, user_id="ada", by=BY)
key = issue_api_key(entity=entity, name="app", by=BY)[1]
text = issue_user_token(user=member.user, name="laptop", by=BY)[1]
print(json.dumps({"apikey": key, "userid": "ada", "token": text}))
"""


class Host:
    """A project in a folder, and the Python that it has."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder, self.python = folder, python
        # Nothing of the checkout: not its modules, nor its settings, nor what browser tests set.
        ours = {"DJANGO_SETTINGS_MODULE", "PYTHONPATH", "DATABASE_URL", "SECRET_KEY"}
        ours |= {"DJANGO_ALLOW_ASYNC_UNSAFE"}
        self.environment = {name: value for name, value in os.environ.items() if name not in ours}

    def manage(self, *arguments: str, settings: str = "settings") -> str:
        command = [str(self.python), "-W", "error", "manage.py", *arguments]
        return run([*command, f"--settings=project.{settings}"], **self.options)

    @property
    def options(self) -> dict[str, object]:
        return {"folder": self.folder, "env": self.environment}

    def write(self, name: str, text: str) -> None:
        with (self.folder / name).open("a") as file:
            file.write(dedent(text))

    def settings(self, name: str, changes: str) -> str:
        """Add a module of settings that has these changes, and return its name."""
        self.write(f"project/{name}.py", f"from project.settings import *\n{changes}")
        return name


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Do what the README says, word for word."""
    folder = tmp_path_factory.mktemp("host")
    run([sys.executable, "-m", "venv", str(folder / "venv")], folder=folder)
    python = folder / "venv" / "bin" / "python"
    assert blocks(INSTALLED, "console") == ["$ pip install .\n"]
    run([str(python), "-m", "pip", "install", "--quiet", str(wheel())], folder=folder)
    run([str(python.with_name("django-admin")), "startproject", "project", "."], folder=folder)
    host = Host(folder, python)
    for block in blocks(INSTALLED, "python"):
        for module, code in pasted(block).items():
            host.write(f"project/{module}.py", code)
    host.write("project/reports.py", _PATH)
    host.write("project/urls.py", "from project.reports import invoices, reports\n")
    host.write("project/urls.py", "urlpatterns += [reports, invoices]\n")
    host.write("project/prefixed.py", PREFIXED)
    host.write("project/bare.py", BARE)
    shutil.copy(HERE / "host" / "tests.py", folder / "tests.py")
    shutil.copytree(ACCOUNTS, folder / "accounts", ignore=shutil.ignore_patterns("__pycache__"))
    for copied in (folder / "accounts").rglob("*.py"):
        copied.write_text(copied.read_text().replace("tests.hosts.accounts", "accounts"))
    return host


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_passes_its_own_tests(host: Host, variant: str) -> None:
    name = host.settings(f"variant_{list(VARIANTS).index(variant)}", VARIANTS[variant])
    host.manage("check", "--fail-level=WARNING", settings=name)
    assert "No changes" in host.manage("makemigrations", "--check", "--dry-run", settings=name)
    assert "OK" in host.manage("test", settings=name)


def test_it_passes_them_with_the_tables_in_a_database_of_their_own(host: Host) -> None:
    chosen, router = (pasted(block) for block in blocks(APART, "python"))
    host.write("tokens.py", router["views"])
    name = host.settings("elsewhere", ELSEWHERE + chosen["settings"])
    assert "OK" in host.manage("test", settings=name)
    for database in ("default", "tokens"):
        host.manage("migrate", "--database", database, settings=name)
    made = host.manage("inspectdb", "--database", "tokens", settings=name)
    assert "entities_authtoken" in made
    assert "auth_user" not in made


def test_ready_to_be_deployed_no_check_has_anything_to_say(host: Host) -> None:
    name = host.settings("deployed", DEPLOYED)
    host.manage("check", "--deploy", "--fail-level=WARNING", settings=name)


def test_it_answers_over_a_socket(host: Host) -> None:
    host.manage("migrate")
    person = json.loads(host.manage("shell", "--no-imports", f"--command={_PROVISION}"))
    with served(host) as wire:
        path = "/entities/acme/users/ada/authentication-token"
        created = wire.call("POST", path, headers=person, json_body={"flags": ["a"]})
        assert (created.status, created.json["flags"]) == (201, ["a"])
        assert wire.call("GET", path, headers=person).json == created.json
        report = {"entity": "acme", "user": "ada", "admin": False}
        assert wire.call("GET", "/reports", headers=person).json == report
        assert wire.call("GET", "/reports").status == 401


def test_every_module_can_be_imported_by_a_host(host: Host) -> None:
    """And needs nothing that the wheel does not bring, but for what has an extra of its own."""
    code = dedent("""
        import importlib, pkgutil, django
        django.setup()
        import entities
        EXTRAS = {"jwt", "corsheaders"}
        for module in pkgutil.walk_packages(entities.__path__, "entities.", lambda name: None):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                assert error.name in EXTRAS, module.name
                assert module.name.startswith(("entities.identity", "entities.cors")), module.name
    """)
    host.environment["DJANGO_SETTINGS_MODULE"] = "project.settings"
    try:
        run([str(host.python), "-W", "error", "-c", code], **host.options)
    finally:
        del host.environment["DJANGO_SETTINGS_MODULE"]


@contextmanager
def served(host: Host) -> Iterator[Wire]:
    """Serve the host by Django's own server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(host.python), "-W", "error", "manage.py", "runserver", "--noreload"]
    log = host.folder / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, f"127.0.0.1:{port}"],
            cwd=host.folder,
            env=host.environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(port, process, log)
        yield Wire(port)
    finally:
        process.terminate()
        process.wait(timeout=30)
