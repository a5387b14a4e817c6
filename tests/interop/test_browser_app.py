"""@questlabs/core in a page of another origin, in headless Chromium: the browser is the judge."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.interop.conftest import Person, Server

pytestmark = pytest.mark.interop

HERE = Path(__file__).with_name("browser_app")
NPM = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """Serve a folder, and give its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Bundle the app outside of the checkout, and serve it from two origins."""
    folder = tmp_path_factory.mktemp("browser-app")
    for name in ("package.json", "app.js"):
        shutil.copy(HERE / name, folder)
    bundle = ["node_modules/.bin/esbuild", "app.js", "--bundle", "--outfile=page/app.js"]
    for command in (NPM, bundle):
        subprocess.run(command, cwd=folder, check=True, timeout=300, capture_output=True)
    page = folder / "page"
    (page / "index.html").write_text('<!doctype html><script src="app.js"></script>')
    with site(page) as one, site(page) as other:
        yield one, other


def member_of(server: Server, *origins: str) -> Person:
    """Add an entity with these allowed origins, as its admin does, and give a member."""
    admin, member = server.add_entity()
    answer = server.wire.call(
        "PATCH",
        f"/entities/{admin.entity}",
        headers=admin.headers,
        json_body={"allowedOrigins": list(origins)},
    )
    assert answer.status == 200
    return member


def in_page(browser: Browser, origin: str, script: str, server: Server, person: Person) -> Any:
    """Run a function of the app in a page of `origin`, for `person`."""
    given = {
        "url": server.url,
        "entity": person.entity,
        "apikey": person.apikey,
        "user": person.id,
        "token": person.token,
    }
    page = browser.new_page()
    try:
        page.goto(origin)
        return page.evaluate(script, given)
    finally:
        page.close()


def go_through(browser: Browser, origin: str, server: Server, person: Person) -> dict[str, Any]:
    answers: dict[str, Any] = in_page(browser, origin, "each => goThrough(each)", server, person)
    return answers


def test_an_allowed_origin_makes_the_five_calls_and_reads_their_errors(
    server: Server, browser: Browser, sites: tuple[str, str]
) -> None:
    member = member_of(server, sites[0])
    answers = go_through(browser, sites[0], server, member)
    succeeded = [name for name, answer in answers.items() if answer["success"]]
    assert succeeded == ["create", "get", "update", "refresh", "delete"]
    assert answers["get"] == answers["create"]
    assert answers["update"]["flags"] == ["a"]
    assert answers["refresh"]["authenticationToken"] != answers["create"]["authenticationToken"]
    codes = [answers[name]["code"] for name in ("none", "stranger", "nothing")]
    assert codes == ["token_revoked", "not_authenticated", "not_found"]


def test_an_app_reads_the_tag_and_changes_what_it_has_seen(
    server: Server, browser: Browser, sites: tuple[str, str]
) -> None:
    member = member_of(server, sites[0])
    script = """async each => {
        const post = { method: "POST", headers: { "Idempotency-Key": "once" } };
        const made = await headersOf(each, post);
        const again = await headersOf(each, post);
        const stale = await headersOf(each, { method: "DELETE", headers: { "If-Match": '"x"' } });
        const known = { "If-Match": made.etag };
        const gone = await headersOf(each, { method: "DELETE", headers: known });
        return { made, again, stale: stale.status, gone: gone.status };
    }"""
    seen = in_page(browser, sites[0], script, server, member)
    assert seen["made"]["status"] == 201
    assert {"etag", "x-request-id"} <= seen["made"].keys()
    assert seen["again"]["idempotent-replayed"] == "true"
    assert (seen["stale"], seen["gone"]) == (412, 200)


def test_an_origin_that_is_not_allowed_is_refused_by_the_browser(
    server: Server, browser: Browser, sites: tuple[str, str]
) -> None:
    member = member_of(server, sites[0])
    answers = go_through(browser, sites[1], server, member)
    assert set(answers.values()) == {None}
    assert server.call("GET", member).code == "token_not_found"  # nothing was carried out


def test_an_origin_of_one_entity_opens_nothing_of_another(
    server: Server, browser: Browser, sites: tuple[str, str]
) -> None:
    one, other = member_of(server, sites[0]), member_of(server, sites[1])
    for person, theirs, foreign in ((one, *sites), (other, *reversed(sites))):
        assert go_through(browser, theirs, server, person)["create"]["success"] is True
        assert set(go_through(browser, foreign, server, person).values()) == {None}
