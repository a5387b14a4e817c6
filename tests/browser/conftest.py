"""Headless Chromium, Debian's own, and a live server that has the static files.

Run with `pytest -m browser`; with SCREENSHOTS=<folder> each screen is kept there, light and dark.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

PASSWORD = "correct horse battery staple"
WIDE, NARROW = 1280, 360
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
_HEIGHT = """() => Math.max(720, ...[...document.querySelectorAll("#content-start, #nav-sidebar")]
    .map((each) => each.getBoundingClientRect().top + each.scrollHeight + 40))"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session", autouse=True)
def _queries_beside_an_event_loop() -> Iterator[None]:
    """Let tests query: Playwright's synchronous interface runs an event loop in their thread.

    Django takes that for asynchronous code, and refuses; no query of ours is inside a coroutine.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture(scope="session")
def live_server(django_db_setup: None) -> Iterator[object]:
    """The stock fixture, with what the smallest host has not.

    Static files found in the apps, the languages of browsers, and the strict
    Content-Security-Policy of the service.
    """
    from django.test import modify_settings
    from pytest_django.live_server_helper import LiveServer

    middleware = [
        "django.middleware.locale.LocaleMiddleware",
        "tokenservice.middleware.ContentSecurityPolicyMiddleware",
    ]
    with modify_settings(
        INSTALLED_APPS={"append": "django.contrib.staticfiles"}, MIDDLEWARE={"append": middleware}
    ):
        server = LiveServer("localhost")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, to be run in a page."""
    folder = tmp_path_factory.mktemp("axe")
    shutil.copy(Path(__file__).parent / "axe" / "package.json", folder)
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"],
        cwd=folder,
        check=True,
        timeout=300,
        capture_output=True,
    )
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def visit(browser: Browser, live_server: object) -> Iterator[Callable[..., Page]]:
    """Open a browser of one's own, where somebody is logged in, that may use the clipboard.

    At the end, no script of any page failed, and nothing was against the policy of contents.
    """
    wrong: list[str] = []
    contexts: list[BrowserContext] = []

    def note(said: str) -> None:
        if "Content Security Policy" in said:
            wrong.append(said)

    def log_in(username: str, **options: Any) -> Page:
        context = browser.new_context(
            base_url=str(live_server), permissions=["clipboard-read", "clipboard-write"], **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: note(f"{page.url}: {message.text}"))
        page.goto("/admin/")
        page.locator("#id_username").fill(username)
        page.locator("#id_password").fill(PASSWORD)
        page.locator("[type=submit]").click()
        page.locator("#user-tools").wait_for()
        return page

    yield log_in
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """A page of its own, where a superuser is logged in."""
    get_user_model().objects.create_superuser("boss", password=PASSWORD)
    return visit("boss")


@pytest.fixture
def look(page: Page) -> Callable[[str], None]:
    """Keep the screen under a name: light, dark, and narrow."""
    folder = os.environ.get("SCREENSHOTS")

    def shoot(name: str, *, width: int = WIDE) -> None:
        page.set_viewport_size({"width": width, "height": 720})
        page.set_viewport_size({"width": width, "height": round(page.evaluate(_HEIGHT))})
        page.screenshot(path=f"{folder}/{name}.png", full_page=True, animations="disabled")

    def keep(name: str) -> None:
        if not folder:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            shoot(f"{name}-{scheme}")
        page.emulate_media(color_scheme="light")
        shoot(f"{name}-narrow", width=NARROW)
        page.set_viewport_size({"width": WIDE, "height": 720})

    return keep


@pytest.fixture
def faults(axe: str) -> Callable[[Page], list[str]]:
    """Find what is wrong with a page for people: WCAG 2.2 AA, light, dark and narrow.

    The page's policy has to be bypassed: axe writes styles into it.
    """

    def check(page: Page, state: str) -> list[str]:
        page.evaluate(axe)
        page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
        found = page.evaluate("tags => axe.run(document, {runOnly: tags})", WCAG)["violations"]
        return [
            f"{state}: {violation['id']}: {node['html'][:160]} ({node['failureSummary'][:200]})"
            for violation in found
            for node in violation["nodes"]
        ]

    def find(page: Page) -> list[str]:
        wrong = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            wrong += check(page, scheme)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": NARROW, "height": 740})
        wrong += check(page, "narrow")
        if (width := page.evaluate("document.documentElement.scrollWidth")) > NARROW:
            wrong.append(f"narrow: the page is {width} wide")
        page.set_viewport_size({"width": WIDE, "height": 720})
        return wrong

    return find
