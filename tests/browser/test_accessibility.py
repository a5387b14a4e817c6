"""Every page of ours, for everybody: WCAG 2.2 AA by axe, light, dark, narrow, and right to left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model

from entities.models import (
    ApiKey,
    AuthToken,
    Entity,
    Event,
    Membership,
    StaffLimit,
    User,
    UserToken,
)
from tests.browser.conftest import PASSWORD
from tests.browser.world import build_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import Model
    from playwright.sync_api import Page

MODELS: tuple[type[Model], ...] = (
    Entity,
    User,
    Membership,
    ApiKey,
    UserToken,
    AuthToken,
    Event,
    StaffLimit,
)
ACTS = {
    Entity: ("revoke",),
    User: ("signout",),
    ApiKey: ("rotate", "revoke"),
    UserToken: ("rotate", "revoke"),
    AuthToken: ("refresh", "revoke"),
}


def pages() -> Iterator[tuple[str, str]]:
    """Name and path of each."""
    yield "index", "/admin/"
    yield "app", "/admin/entities/"
    for model in MODELS:
        name = model._meta.model_name
        folder = f"/admin/entities/{name}"
        row = model._default_manager.order_by("pk").first()
        if model in {Entity, AuthToken}:
            row = model._default_manager.get(
                **({"pk": "acme"} if model is Entity else {"membership__user__name": "Alan Turing"})
            )
        yield f"{name}-list", f"{folder}/"
        if model is not Event:
            yield f"{name}-add", f"{folder}/add/"
        yield f"{name}", f"{folder}/{quote(row.pk)}/change/"
        yield f"{name}-history", f"{folder}/{quote(row.pk)}/history/"
        for verb in ACTS.get(model, ()):
            yield f"{name}-{verb}", f"{folder}/{quote(row.pk)}/{verb}/"
    yield "authtoken-list-filtered", "/admin/entities/authtoken/?status=live&flag=read&q=member"
    yield "authtoken-list-empty", "/admin/entities/authtoken/?q=nobody"


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """A page of its own, where a superuser is logged in, and axe may write styles."""
    get_user_model().objects.create_superuser("boss", password=PASSWORD)
    return visit("boss", bypass_csp=True)


def test_no_page_has_a_barrier(page: Page, look: Callable[[str], None], faults) -> None:
    build_world()
    wrong = []
    for name, path in pages():
        page.goto(path)
        wrong += [f"{name}: {fault}" for fault in faults(page)]
        look(name)
    assert wrong == []


def test_no_answer_to_a_form_has_a_barrier(page: Page, look: Callable[[str], None], faults) -> None:
    build_world()
    wrong = []

    def examine(name: str) -> None:
        wrong.extend(f"{name}: {fault}" for fault in faults(page))
        look(name)

    page.goto("/admin/entities/authtoken/add/")
    page.get_by_role("button", name="Issue").click()
    page.get_by_role("alert").first.wait_for()
    examine("authtoken-add-refused")
    membership = Membership.objects.get(user="ada@example.org")
    page.goto(f"/admin/entities/authtoken/add/?membership={membership.pk}")
    page.get_by_role("button", name="root").click()
    page.get_by_role("radio", name="Own date").check()
    examine("authtoken-add-own-date")
    page.get_by_role("radio", name="7 days").check()
    page.get_by_role("button", name="Issue").click()
    page.get_by_role("heading", name="Authentication token issued").wait_for()
    examine("authtoken-issued")

    page.goto("/admin/entities/authtoken/")
    page.get_by_role("checkbox", name="Select all objects").check()
    for action in ("Revoke", "Extend", "Add a flag", "Remove a flag"):
        page.goto("/admin/entities/authtoken/?flag=read")
        page.get_by_role("checkbox", name="Select all objects").check()
        page.get_by_label("Action:").select_option(label=action)
        page.get_by_role("button", name="Go").click()
        page.get_by_text("You chose").wait_for()
        examine(f"authtoken-bulk-{action.lower().replace(' ', '-')}")
    page.get_by_role("button", name="Yes, remove it").click()
    page.get_by_text("This field is required.").wait_for()
    examine("authtoken-bulk-refused")

    key = ApiKey.objects.get()
    page.goto(f"/admin/entities/apikey/{quote(key.pk)}/rotate/")
    page.get_by_role("button", name="Yes, rotate it").click()
    page.get_by_role("heading", name="API key rotated").wait_for()
    examine("apikey-rotated")
    assert wrong == []


@pytest.mark.parametrize("language", ["ar", "de", "es"])
def test_other_languages_and_right_to_left_fit(visit, page, faults, language: str) -> None:
    build_world()
    there = visit("boss", locale=language, bypass_csp=True)
    wrong = []
    for name, path in pages():
        if name.endswith(("-list", "-add")) or name in {"index", "authtoken", "entity"}:
            there.goto(path)
            assert there.locator("html").get_attribute("lang") == language
            direction = there.locator("html").get_attribute("dir")
            assert direction == ("rtl" if language == "ar" else "ltr")
            wrong += [f"{name}: {fault}" for fault in faults(there)]
    assert wrong == []


def test_no_page_needs_more_than_a_strict_policy_allows(visit: Callable[..., Page]) -> None:
    """What is against the policy fails in `visit`."""
    get_user_model().objects.create_superuser("boss", password=PASSWORD)
    page = visit("boss")
    build_world()
    for _, path in pages():
        answer = page.goto(path)
        assert "unsafe" not in answer.headers["content-security-policy"]
