"""A served instance, as `make run` makes one, with a data directory and a database of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from select import select
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from tests.interop.wire import Answer, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MANAGE = ROOT / "manage.py"
STARTS_WITHIN = 60  # seconds

# Users that the demo lacks: customers' ids, and what the wire may make of them.
_ADD_MEMBERS = """
import json, sys
from entities.actors import Actor
from entities.models import Membership, User
from entities.services import issue_user_token

BY = Actor.command("tests")
texts = {}
for id in json.load(sys.stdin):
    user = User.objects.create(id=id)
    Membership.objects.create(entity_id=%r, user=user)
    texts[id] = issue_user_token(user=user, name="interop", by=BY)[1]
print(json.dumps(texts))
"""


# An entity of its own, for runs that change whatever they can.
_ADD_ENTITY = """
import json
from entities.actors import Actor
from entities.models import Entity
from entities.services import add_member, issue_api_key, issue_user_token, save_entity

BY = Actor.command("tests")
entity = Entity()
entity.clean()
save_entity(entity=entity, by=BY)
made = {"entity": entity.pk, "apikey": issue_api_key(entity=entity, name="interop", by=BY)[1]}
for role in ("admin", "member"):
    person = add_member(entity=entity, user_id=f"{role}-of-{entity.pk}", role=role, by=BY)
    token = issue_user_token(user=person.user, name="interop", by=BY)[1]
    made[role] = {"id": person.user_id, "token": token}
print(json.dumps(made))
"""


@dataclass(frozen=True)
class Person:
    """A user with credentials, and the token of somebody in an entity to call about."""

    entity: str
    id: str
    apikey: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"apikey": self.apikey, "userid": self.id, "token": self.token}

    def with_token(self, token: str) -> Person:
        """Give the same caller, who proves himself by another token."""
        return replace(self, token=token)


@dataclass(frozen=True)
class Server:
    """Where it listens, and who is in its demo entity."""

    port: int
    environment: dict[str, str]
    demo: dict[str, Any]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def wire(self) -> Wire:
        return Wire(self.port)

    def person(self, name: str) -> Person:
        """Give `admin`, `member`, `other_member` or, of the other entity, `foreign`."""
        home = self.demo["foreign"] if name == "foreign" else self.demo
        user = home["user"] if name == "foreign" else home[name]
        return Person(home["entity"], user["id"], home["apikey"], user["token"])

    def add_members(self, ids: list[str]) -> dict[str, Person]:
        """Add users with these ids to the demo entity."""
        entity, apikey = self.demo["entity"], self.demo["apikey"]
        code = _ADD_MEMBERS % entity
        command = ["shell", "--no-imports", "--verbosity=0", f"--command={code}"]
        texts = json.loads(_manage(command, self.environment, stdin=json.dumps(ids)))
        return {id: Person(entity, id, apikey, text) for id, text in texts.items()}

    def add_entity(self) -> tuple[Person, Person]:
        """Add an entity with an admin and a member, and give both."""
        command = ["shell", "--no-imports", "--verbosity=0", f"--command={_ADD_ENTITY}"]
        made = json.loads(_manage(command, self.environment))
        admin, member = (
            Person(made["entity"], made[role]["id"], made["apikey"], made[role]["token"])
            for role in ("admin", "member")
        )
        return admin, member

    def superuser_key(self, entity: str) -> str:
        """Issue a superuser API key of an entity, as operators do."""
        command = ["issue_api_key", entity, "interop", "--access", "superuser"]
        return _manage(command, self.environment).strip()

    def revoke(self, person: Person) -> None:
        """Make sure that `person` has no token."""
        assert self.call("DELETE", person).status in {200, 404}

    def call(self, method: str, person: Person, path: str = "", **kwargs: Any) -> Answer:
        """Call about the caller's own token; see `Wire.call`."""
        kwargs = {"headers": person.headers} | kwargs
        return self.wire.call(method, self.path(person) + path, **kwargs)

    def path(self, person: Person) -> str:
        """Path of the token of `person`."""
        return path_of(person.entity, person.id)


def path_of(entity: str, user: str) -> str:
    """Path of a user's token, both ids percent-encoded to the last character."""
    encoded = ["".join(f"%{byte:02X}" for byte in id.encode()) for id in (entity, user)]
    return "/entities/{}/users/{}/authentication-token".format(*encoded)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service on a free port; on the database server of DATABASE_URL where that is set."""
    with serve(tmp_path_factory.mktemp("data")) as server:
        yield server


@contextmanager
def serve(data: Path, **variables: str) -> Iterator[Server]:
    """Serve an instance of one's own, with more variables in its environment."""
    with _database(data) as usual, socket.create_server(("127.0.0.1", 0)) as free:
        environment = usual | variables
        port = free.getsockname()[1]
        free.close()
        with (data / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, str(MANAGE), "quickstart", "--port", str(port)],
                env=environment,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                _wait_for(port, process, data / "server.log")
                demo = json.loads(_manage(["seed_demo", "--json"], environment))
                yield Server(port, environment, demo)
            finally:
                process.terminate()
                process.wait(timeout=30)


@contextmanager
def _database(data: Path) -> Iterator[dict[str, str]]:
    """The server's environment: a new database on the server of DATABASE_URL, else a file."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY"}
    }
    # One client sends all of it, wrong credentials and all.
    environment |= {"DATA_DIR": str(data), "ENTITIES_RATE_LIMITS": "off"}
    url = urlsplit(os.environ.get("DATABASE_URL", ""))
    if not url.scheme.startswith("postgres"):
        yield environment
        return
    import psycopg

    name = f"interop_{uuid4().hex}"
    with psycopg.connect(urlunsplit(url._replace(scheme="postgresql")), autocommit=True) as pg:
        pg.execute(f"CREATE DATABASE {name}")
        try:
            yield environment | {"DATABASE_URL": urlunsplit(url._replace(path=f"/{name}"))}
        finally:
            pg.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _manage(command: list[str], environment: dict[str, str], *, stdin: str = "") -> str:
    return subprocess.run(
        [sys.executable, str(MANAGE), *command],
        env=environment,
        cwd=ROOT,
        input=stdin,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Poll the socket until the server answers."""
    deadline = time.monotonic() + STARTS_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        try:
            Wire(port).call("GET", "/entities")
        except OSError:
            select([], [], [], 0.05)
        else:
            return
    pytest.fail(f"The server did not start:\n{log.read_text()}")
