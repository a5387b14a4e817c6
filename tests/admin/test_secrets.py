"""A text that is shown once is nowhere else: in no report, page source, or log."""

from __future__ import annotations

import logging

import pytest
from django.contrib import admin
from django.template.loader import get_template
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from entities.admin.once import ShownOnce, draw_once
from entities.models import ApiKey, AuthToken, UserToken
from entities.services import issue_token
from tests.admin.conftest import STAFF_ACTOR, admin_url, terms_of, text_on, url_of
from tests.factories import EntityFactory, MembershipFactory, UserFactory

SECRET = "eat_" + "S" * 90


def test_a_text_is_written_by_templates_and_shown_by_nothing_else():
    text = ShownOnce(SECRET)

    assert str(text) == SECRET
    assert SECRET not in repr(text)
    assert SECRET not in repr({"text": text, "deep": [text]})
    assert not hasattr(text, "__dict__")


@pytest.fixture
def broken_page(monkeypatch):
    """The page with the text, which fails in the middle of being drawn."""
    template = get_template("admin/entities/shown_once.html").template
    seen = []

    def fail(context):
        seen.append(context["text"])
        raise RuntimeError("broken")

    original = type(template)._render

    def render(self, context):
        return fail(context) if "text" in context else original(self, context)

    monkeypatch.setattr(type(template), "_render", render)
    return seen


@pytest.mark.parametrize("verb", ["issue", "refresh", "api-key", "user-token"])
@pytest.mark.parametrize("debug", [True, False])
def test_a_failure_while_the_page_is_drawn_reports_no_text(
    boss, settings, caplog, broken_page, verb, debug
):
    membership = MembershipFactory()
    settings.DEBUG = debug
    url, terms = {
        "issue": (admin_url(AuthToken, "add"), {"membership": membership.pk}),
        "api-key": (admin_url(ApiKey, "add"), {"entity": EntityFactory().pk, "name": "a"}),
        "user-token": (admin_url(UserToken, "add"), {"user": UserFactory().pk, "name": "a"}),
        "refresh": (None, {"seen": "0"}),
    }[verb]
    if url is None:
        url = url_of(issue_token(membership=membership, by=STAFF_ACTOR), "refresh")
    else:
        terms["form_id"] = "x"
    boss.raise_request_exception = False

    with caplog.at_level(logging.DEBUG):
        page = boss.post(url, terms)

    assert page.status_code == 500
    text = str(broken_page[0])
    reporter = ExceptionReporter(RequestFactory().get("/"), *page.exc_info)
    for report in (
        page.content.decode(),
        reporter.get_traceback_html(),
        reporter.get_traceback_text(),
        caplog.text,
    ):
        assert text not in report
        assert text[-30:] not in report


def test_the_text_stands_on_its_page_and_in_nothing_that_a_browser_keeps(boss):
    url = admin_url(AuthToken, "add")
    page = boss.post(url, terms_of(boss.get(url), membership=MembershipFactory().pk))
    text = text_on(page)
    source = page.content.decode()

    # No form field, which a browser would fill in again.
    assert f">{text}</code>" in source
    assert f"-H &#x27;token: {text}&#x27; -H &quot;apikey: $API_KEY&quot;</code>" in source
    assert source.count(text) == 2
    assert "location" not in {name.lower() for name in page.headers}
    assert not [name for name, value in page.headers.items() if text in value]
    for directive in ("no-store", "private"):
        assert directive in page["Cache-Control"]


def test_the_page_with_the_text_forbids_caches_by_itself(rf, admin_user):
    request = rf.get("/")
    request.user = admin_user
    token = issue_token(membership=MembershipFactory(), by=STAFF_ACTOR)
    model_admin = admin.site.get_model_admin(AuthToken)

    page = draw_once(model_admin, request, token, ShownOnce(SECRET), title="", facts=[])

    assert "no-store" in page["Cache-Control"]


def test_no_page_has_a_script_or_a_style_of_its_own(boss):
    token = issue_token(membership=MembershipFactory(), by=STAFF_ACTOR)
    pages = [
        boss.get(admin_url(AuthToken, "add")),
        boss.get(url_of(token, "refresh")),
        boss.get(url_of(token.membership.entity, "revoke")),
        boss.post(url_of(token, "refresh"), {"seen": "0"}),
    ]

    for page in pages:
        ours = page.content.decode().split('id="content-main"')[1].split("<footer")[0]
        assert "<script" not in ours
        assert "<style" not in ours
        assert " style=" not in ours
        assert " on" + "click" not in ours
