"""Gateways in front of a page, each configured by the very file that the documentation shows."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from select import select
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.interop.conftest import ROOT, STARTS_WITHIN
from tests.interop.wire import Answer, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.interop.conftest import Person, Server

pytestmark = pytest.mark.interop

IDENTITY = ("x-entity-id", "x-user-id", "x-token-flags")
FORGED = {"X-User-Id": "root", "x-entity-id": "e-root", "X-Token-Flags": "reports.write"}


@pytest.fixture(scope="module")
def page() -> Iterator[int]:
    """Serve a page that shows what reached it, and return its port."""

    class Page(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = [(name.lower(), value) for name, value in self.headers.items()]
            seen = {"path": self.path, "headers": headers, "body": body.decode()}
            content = json.dumps(seen).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        yield listening.server_address[1]
        listening.shutdown()


def shown(document: str, language: str) -> str:
    """Return the one block of this language in a document."""
    [block] = re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / document).read_text(), re.M | re.S)
    return str(block)


def put(text: str, *places: tuple[str, str]) -> str:
    """Put what differs here in place of what the documentation has; nothing else may differ."""
    for old, new in places:
        assert old in text
        text = text.replace(old, new)
    return text


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int, home: Path) -> Iterator[Wire]:
    """Run a gateway until it listens, with its files below `home`."""
    environment = {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=home, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            deadline = time.monotonic() + STARTS_WITHIN
            while not listens(port):
                assert process.poll() is None, (home / "log").read_text()
                assert time.monotonic() < deadline, (home / "log").read_text()
                select([], [], [], 0.05)
            yield Wire(port)
        finally:
            process.terminate()
            process.wait(timeout=30)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def nginx(service: int, page: int, home: Path) -> Iterator[Wire]:
    port = free_port()
    site = put(
        shown("README.md", "nginx"),
        ("listen 8080;", f"listen 127.0.0.1:{port};"),
        ("http://127.0.0.1:3000", f"http://127.0.0.1:{page}"),
        ("http://127.0.0.1:8000", f"http://127.0.0.1:{service}"),
        ("tokens.example.com", "127.0.0.1"),
    )
    (home / "site.conf").write_text(site)
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{name}_temp_path {home}/{name};" for name in temporary)
    (home / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {home}/pid; error_log stderr;"
        f"events {{}} http {{ access_log off; {paths} include {home}/site.conf; }}"
    )
    with running(["nginx", "-p", f"{home}", "-c", f"{home}/nginx.conf"], port, home) as wire:
        yield wire


@contextmanager
def caddy(service: int, page: int, home: Path) -> Iterator[Wire]:
    port = free_port()
    site = put(
        shown("docs/gateways.md", "caddyfile"),
        ("app.example.com", f"http://127.0.0.1:{port}"),
        ("127.0.0.1:3000", f"127.0.0.1:{page}"),
        ("127.0.0.1:8000", f"127.0.0.1:{service}"),
        ("tokens.example.com", "127.0.0.1"),
    )
    (home / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + site)
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", f"{home}/Caddyfile"]
    with running(command, port, home) as wire:
        yield wire


@pytest.fixture(scope="module", params=[nginx, caddy], ids=lambda gateway: gateway.__name__)
def gateway(
    request: pytest.FixtureRequest,
    server: Server,
    page: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Wire]:
    start: Callable[..., Any] = request.param
    with start(server.port, page, tmp_path_factory.mktemp(start.__name__)) as wire:
        yield wire


@pytest.fixture
def member(server: Server) -> Person:
    return server.person("member")


def issue(server: Server, person: Person, *flags: str) -> str:
    headers = person.headers | {"userid": quote(person.id)}
    assert server.call("DELETE", person, headers=headers).status in {200, 404}
    made = server.call("POST", person, headers=headers, json_body={"flags": list(flags)})
    text: str = made.json["authenticationToken"]
    return text


def ask(gateway: Wire, text: str | None, **more: Any) -> Answer:
    headers = {} if text is None else {"Authorization": f"Bearer {text}"}
    headers |= more.pop("headers", {})
    return gateway.call(more.pop("method", "GET"), "/reports?page=2", headers=headers, **more)


def reached(answer: Answer) -> dict[str, list[str]]:
    """Return the headers that the page got, by name; some may have come twice."""
    assert answer.status == 200
    got: dict[str, list[str]] = {}
    for name, value in answer.json["headers"]:
        got.setdefault(name.replace("_", "-"), []).append(value)
    return got


@pytest.mark.parametrize("text", [None, "", "x", "eat_unknown"])
def test_without_a_good_token_nobody_gets_through(gateway: Wire, text: str | None) -> None:
    answer = ask(gateway, text)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="entities"')


def test_a_good_token_gets_through_and_the_page_learns_whose_it_is(
    gateway: Wire, server: Server, member: Person
) -> None:
    text = issue(server, member, "reports.read", "a")
    answer = ask(gateway, text)
    got = reached(answer)
    assert [got[name] for name in IDENTITY] == [[member.entity], [member.id], ["a,reports.read"]]
    assert answer.json["path"] == "/reports?page=2"
    assert text not in answer.body.decode()
    header = {"entity-authentication-token": text}
    answer = ask(gateway, None, headers=header)
    assert reached(answer)["x-user-id"] == [member.id]
    assert text not in answer.body.decode()


def test_what_a_client_says_of_itself_reaches_no_page(
    gateway: Wire, server: Server, member: Person
) -> None:
    text = issue(server, member, "reports.read")
    for forged in (FORGED, {name.replace("-", "_"): value for name, value in FORGED.items()}):
        got = reached(ask(gateway, text, headers=forged))
        assert [got[name] for name in IDENTITY] == [[member.entity], [member.id], ["reports.read"]]
        assert ask(gateway, None, headers=forged).status == 401


def test_ids_come_through_percent_encoded(gateway: Wire, server: Server) -> None:
    id = f"zoë, 100% 山 {gateway.port}"
    person = server.add_members([id])[id]
    text = issue(server, person, "reports.read")
    got = reached(ask(gateway, text))
    assert got["x-user-id"] == [f"zo%C3%AB%2C 100%25 %E5%B1%B1 {gateway.port}"]


def test_a_body_reaches_the_page_and_not_the_service(
    gateway: Wire, server: Server, member: Person
) -> None:
    text = issue(server, member, "reports.read")
    body = b"x" * 100_000
    answer = ask(gateway, text, method="POST", body=body)
    assert (answer.status, answer.json["body"]) == (200, body.decode())
    assert ask(gateway, None, method="POST", body=b"x").status == 401


def test_a_token_without_the_flag_is_forbidden(
    gateway: Wire, server: Server, member: Person
) -> None:
    assert ask(gateway, issue(server, member, "a")).status == 403
    assert ask(gateway, issue(server, member)).status == 403


def test_a_revoked_token_gets_nobody_through_from_the_next_request_on(
    gateway: Wire, server: Server, member: Person
) -> None:
    text = issue(server, member, "reports.read")
    assert ask(gateway, text).status == 200
    server.revoke(member)
    assert ask(gateway, text).status == 401


@pytest.mark.parametrize("start", [nginx, caddy])
def test_where_the_service_is_away_nobody_gets_through(
    start: Any, server: Server, member: Person, page: int, tmp_path: Path
) -> None:
    text = issue(server, member, "reports.read")
    with start(free_port(), page, tmp_path) as gateway:
        assert ask(gateway, text).status in {500, 502}
