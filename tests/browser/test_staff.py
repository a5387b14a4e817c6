"""What staff do in the admin, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from entities import moments
from entities.models import ApiKey, AuthToken, Entity, Event
from tests.browser.world import build_world

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def acme(page: Page) -> Entity:
    """An entity with people and tokens in every state."""
    return build_world()


def choose(page: Page, typed: str, wanted: str) -> None:
    """Choose from the autocompletion of the form's first field, by keyboard."""
    page.locator(".select2-selection").first.focus()
    page.keyboard.press("Enter")
    # What is typed before it has the focus is lost.
    page.locator(".select2-container--open .select2-search__field").press_sequentially(typed)
    page.get_by_role("option", name=wanted).wait_for()
    page.keyboard.press("Enter")


def shown_by_going_back(page: Page) -> str:
    """Go back, and return what is shown then."""
    from playwright.sync_api import Error

    try:
        page.go_back()
    except Error as error:
        # It would ask whether to send the form again: it kept no page with the text.
        assert "ERR_CACHE_MISS" in str(error)  # noqa: PT017  either way is right
        page.wait_for_url("chrome-error://**")
    return page.content()


def copied(page: Page) -> str:
    """Copy by keyboard, hear that it is copied, and return what the clipboard holds."""
    page.evaluate("navigator.clipboard.writeText('')")
    page.get_by_role("button", name="Copy", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="Copied.").first.wait_for()
    return page.evaluate("navigator.clipboard.readText()")


def test_a_token_is_issued_copied_refreshed_and_revoked(page, acme, look):
    page.goto("/admin/entities/authtoken/")
    look("tokens")
    page.get_by_role("link", name="Issue an authentication token").click()
    look("token-issue-empty")
    choose(page, "ada acme", "ada@example.org in acme")
    page.get_by_label("Flags").fill("read\nwrite")
    look("token-issue")
    page.get_by_role("button", name="Issue").click()

    page.get_by_role("heading", name="Authentication token issued").wait_for()
    token = AuthToken.objects.get(membership__user="ada@example.org")
    text = token.derive_text()
    assert page.locator("#entities-text").inner_text() == text
    assert copied(page) == text
    look("token-issued")

    page.reload()
    page.get_by_text("This form was sent before").wait_for()
    assert text not in page.content()
    look("token-issue-again")
    assert text not in shown_by_going_back(page)
    assert AuthToken.objects.filter(membership=token.membership).count() == 1

    page.goto(f"/admin/entities/authtoken/{token.pk}/change/")
    look("token")
    page.get_by_role("link", name="Refresh").click()
    look("token-refresh")
    page.get_by_role("button", name="Yes, refresh it").click()
    page.get_by_role("heading", name="Authentication token refreshed").wait_for()
    token.refresh_from_db()
    new = token.derive_text()
    assert new != text
    assert copied(page) == new
    look("token-refreshed")

    page.reload()
    page.get_by_text("nothing was done").wait_for()
    assert new not in page.content()
    look("token-refresh-again")
    page.goto("/admin/")
    assert new not in shown_by_going_back(page)
    token.refresh_from_db()
    assert token.generation == 1

    page.goto(f"/admin/entities/authtoken/{token.pk}/change/")
    page.get_by_role("link", name="Revoke", exact=True).click()
    look("token-revoke")
    page.get_by_role("button", name="Yes, revoke it").click()
    page.get_by_text("The authentication token was revoked.").wait_for()
    look("token-revoked")
    token.refresh_from_db()
    assert token.revocation_reason == "staff"
    page.get_by_role("link", name="History").click()
    look("token-history")
    assert "Refreshed." in page.content()


def test_a_page_left_for_another_is_emptied_of_its_text(page, acme):
    token = AuthToken.objects.live(at=moments.now()).first()
    page.goto(f"/admin/entities/authtoken/{token.pk}/refresh/")
    page.get_by_role("button", name="Yes, refresh it").click()
    page.get_by_role("button", name="Copy", exact=True).wait_for()

    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")

    assert page.locator("#entities-text").inner_text() == ""


def test_without_a_secure_context_the_text_is_copied_all_the_same(page, acme):
    token = AuthToken.objects.live(at=moments.now()).first()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.goto(f"/admin/entities/authtoken/{token.pk}/refresh/")
    page.get_by_role("button", name="Yes, refresh it").click()

    page.get_by_role("button", name="Copy", exact=True).click()

    page.get_by_role("status").filter(has_text="Copied.").first.wait_for()


def test_a_double_click_sends_a_form_once(page, acme):
    token = AuthToken.objects.live(at=moments.now()).first()
    page.goto(f"/admin/entities/authtoken/{token.pk}/refresh/")

    page.get_by_role("button", name="Yes, refresh it").dblclick()

    page.get_by_role("heading", name="Authentication token refreshed").wait_for()
    token.refresh_from_db()
    assert page.locator("#entities-text").inner_text() == token.derive_text()
    assert token.generation == 1


def test_every_token_of_an_entity_is_revoked_with_its_id_typed(page, acme, look):
    page.goto("/admin/entities/entity/")
    look("entities")
    page.get_by_role("link", name="acme", exact=True).click()
    look("entity")
    page.get_by_role("link", name="Revoke every token of this entity").click()
    page.get_by_label("Id of the entity").fill("globex")
    page.get_by_role("button", name="Revoke every token").click()
    page.get_by_text("This is not the id of this entity.").wait_for()
    look("entity-revoke")
    page.get_by_label("Id of the entity").fill("acme")
    page.get_by_role("button", name="Revoke every token").click()

    page.get_by_text("Every authentication token of this entity was revoked.").wait_for()
    assert Entity.objects.get(pk="acme").token_epoch == 1


def test_an_api_key_is_issued(page, acme, look):
    page.goto("/admin/entities/apikey/")
    look("api-keys")
    page.get_by_role("link", name="Issue an API key").click()
    choose(page, "glob", "Globex")
    page.get_by_label("Name").fill("Checkout")
    look("api-key-issue")
    page.get_by_role("button", name="Issue").click()
    text = copied(page)

    assert text.startswith("ek_")
    look("api-key-issued")
    page.get_by_role("link", name="Done").click()
    page.get_by_role("link", name="Revoke").click()
    look("api-key-revoke")
    page.get_by_role("button", name="Yes, revoke it").click()
    page.get_by_text("The API key was revoked.").wait_for()
    assert ApiKey.objects.get(name="Checkout").revoked_at is not None


def search(page: Page, list_of: str, term: str) -> None:
    page.goto(f"/admin/entities/{list_of}/")
    page.locator("#searchbar").fill(term)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_day_of_a_staff_member(page, acme):
    """Find a token, see its use, refresh and copy it, revoke a leaver, pause an entity."""
    search(page, "authtoken", "member 3")
    row = page.locator("#result_list tbody tr")
    assert "3\xa0hours ago" in row.inner_text()
    row.get_by_role("link").first.click()
    page.get_by_role("link", name="Refresh").click()
    page.get_by_role("button", name="Yes, refresh it").click()
    text = copied(page)
    token = AuthToken.objects.get(membership__user__name="Member 3")
    assert (text, token.generation) == (token.derive_text(), 1)

    search(page, "authtoken", f"the text: {text}")
    page.get_by_text("This is the token whose current text you pasted.").wait_for()
    assert str(token.pk) in page.url
    assert text not in page.url + page.content()

    search(page, "user", "turing")
    page.locator("#result_list tbody th a").click()
    page.get_by_role("link", name="Sign out everywhere").click()
    page.get_by_role("button", name="Yes, sign out").click()
    page.get_by_text("The user was signed out everywhere.").wait_for()
    page.get_by_label("Active").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()

    search(page, "entity", "globex")
    page.locator("#result_list tbody th a").click()
    page.get_by_label("Active").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()

    page.goto("/admin/entities/event/")
    listed = page.locator("#result_list").inner_text()
    for what in (
        "entity changed",
        "is_active: True → False",
        "user changed",
        "user signed out everywhere",
        "token revoked",
        "token refreshed",
        "staff boss",
        "127.0.0.1",
    ):
        assert what in listed
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    exported = download.value.path().read_text()
    assert len(exported.splitlines()) == Event.objects.count() + 1
    assert text not in exported
    assert Entity.objects.get(pk="globex").is_active is False


def test_all_that_match_a_filter_are_changed_by_keyboard_alone(page, acme, monkeypatch):
    monkeypatch.setattr("entities.admin.tokens.AuthTokenAdmin.list_per_page", 2)
    page.goto("/admin/entities/authtoken/?flag=read&status=live")
    expected = AuthToken.objects.with_flag("read").unrevoked().count()
    page.locator("#action-toggle").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Select all that match, on every page").focus()
    page.keyboard.press("Enter")
    page.get_by_text("All that match are selected").wait_for()
    page.get_by_label("Action:").focus()
    page.keyboard.type("Add a flag")
    page.get_by_role("button", name="Go").focus()
    page.keyboard.press("Enter")
    page.get_by_text(f"You chose {expected} tokens.").wait_for()
    page.get_by_label("Flag").focus()
    page.keyboard.type("audited")
    page.keyboard.press("Enter")
    page.get_by_text(f"{expected} tokens got the flag.").wait_for()
    assert AuthToken.objects.with_flag("audited").count() == expected


def test_flags_are_offered_for_the_entity_that_is_chosen(page, acme):
    page.goto("/admin/entities/authtoken/add/")
    assert page.get_by_role("button", name="billing").count() == 0
    choose(page, "ada acme", "ada@example.org in acme")
    page.get_by_role("button", name="billing").click()
    page.get_by_role("button", name="read", exact=True).click()
    assert page.get_by_label("Flags").input_value() == "billing\nread"
    page.get_by_role("button", name="billing").click()
    assert page.get_by_label("Flags").input_value() == "read"
    assert page.locator("[id^=id_expires_at_0]").is_hidden()
    page.get_by_role("radio", name="Own date").check()
    assert page.locator("#id_expires_at_0").is_visible()
    page.get_by_role("radio", name="90 days").check()
    page.get_by_role("button", name="Issue").click()
    page.get_by_role("heading", name="Authentication token issued").wait_for()
    assert AuthToken.objects.get(membership__user="ada@example.org").flags == ["read"]
