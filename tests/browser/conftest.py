"""Headless Chromium, Debian's own, and a live server that has the static files.

Run with `pytest -m browser`; with SCREENSHOTS=<folder> each screen is kept there, light and dark.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",  # root in a container has no sandbox to offer
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery staple"


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
    """The stock fixture, with static files found in the apps: the smallest host has no such app."""
    from django.test import modify_settings
    from pytest_django.live_server_helper import LiveServer

    with modify_settings(INSTALLED_APPS={"append": "django.contrib.staticfiles"}):
        server = LiveServer("localhost")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, live_server: object) -> Iterator[Page]:
    """A page of its own, where a superuser is logged in, that may use the clipboard."""
    get_user_model().objects.create_superuser("boss", password=PASSWORD)
    context = browser.new_context(
        base_url=str(live_server), permissions=["clipboard-read", "clipboard-write"]
    )
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto("/admin/")
    page.get_by_label("Username").fill("boss")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Site administration").wait_for()
    yield page
    context.close()
    assert wrong == []


@pytest.fixture
def look(page: Page) -> Callable[[str], None]:
    """Keep the screen under a name: light, dark, and narrow."""
    folder = os.environ.get("SCREENSHOTS")

    def shoot(name: str) -> None:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True, animations="disabled")

    def keep(name: str) -> None:
        if not folder:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            shoot(f"{name}-{scheme}")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 360, "height": 740})
        shoot(f"{name}-narrow")
        page.set_viewport_size({"width": 1280, "height": 720})

    return keep
