"""Fixtures that most tests need: one entity with people in it, and a caller for each of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import DEFAULT_DB_ALIAS
from django.test import Client
from hypothesis import settings as hypothesis_settings

from entities.actors import Actor
from entities.models import KeyAccess, Role
from entities.services import issue_api_key, issue_user_token
from tests.databases import ALIAS, connection
from tests.factories import EntityFactory, MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from django.http import HttpResponse
    from playwright.sync_api import Browser

    from entities.models import Entity, Membership

CACHES = ["locmem://"] + ([os.environ["CACHE_URL"]] if os.environ.get("CACHE_URL") else [])
BY = Actor.command("tests")
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

# The same examples in each run: a failure is the change's, not the day's.
hypothesis_settings.register_profile("tests", deadline=None, derandomize=True)
hypothesis_settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Open the app's database to the tests, where it is another than the host's."""
    if ALIAS == DEFAULT_DB_ALIAS:
        return
    for item in items:
        mark = item.get_closest_marker("django_db")
        options = {} if mark is None else mark.kwargs
        options = options | {"databases": [DEFAULT_DB_ALIAS, ALIAS]}
        item.add_marker(pytest.mark.django_db(**options), append=False)


@pytest.fixture
def django_assert_num_queries(django_assert_num_queries: Any) -> Any:
    """Count what is asked of the app's database."""
    return partial(django_assert_num_queries, connection=connection)


@pytest.fixture
def django_capture_on_commit_callbacks(django_capture_on_commit_callbacks: Any) -> Any:
    """Hear of commits in the app's database."""
    return partial(django_capture_on_commit_callbacks, using=ALIAS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what would be skipped, in CI: a part that could not run was not tested."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        report.outcome = "failed"
    return report


@dataclass
class Caller:
    """A client that sends the three headers of one user, and says which token it is about."""

    membership: Membership
    api_key: str
    token: str
    client: Client = field(default_factory=Client)

    @property
    def headers(self) -> dict[str, str]:
        return {"apikey": self.api_key, "userid": self.membership.user_id, "token": self.token}

    @property
    def path(self) -> str:
        return path_of(self.membership)

    @property
    def actor(self) -> Actor:
        is_admin = self.membership.role == Role.ADMIN
        return Actor.user(self.membership.user_id, is_admin=is_admin)

    def call(
        self, method: str, path: str = "", *, of: Membership | None = None, **kwargs: Any
    ) -> HttpResponse:
        """Call the token's path with `path` behind it; `json=` is a body, `headers=` override."""
        if "json" in kwargs:
            kwargs |= {"data": kwargs.pop("json"), "content_type": "application/json"}
        headers = {**self.headers, **kwargs.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        url = path if path.startswith("/entities") else path_of(of or self.membership) + path
        response: HttpResponse = getattr(self.client, method)(url, headers=headers, **kwargs)
        return response

    def get(self, path: str = "", **kwargs: Any) -> HttpResponse:
        return self.call("get", path, **kwargs)

    def post(self, path: str = "", **kwargs: Any) -> HttpResponse:
        return self.call("post", path, **{"json": {}} | kwargs)

    def patch(self, path: str = "", **kwargs: Any) -> HttpResponse:
        return self.call("patch", path, **kwargs)

    def delete(self, path: str = "", **kwargs: Any) -> HttpResponse:
        return self.call("delete", path, **kwargs)


def with_key(caller: Caller, access: str) -> Caller:
    """Give the same user a client with an API key of this access."""
    entity = caller.membership.entity
    return replace(
        caller, api_key=issue_api_key(entity=entity, name=access, by=BY, access=access)[1]
    )


def path_of(membership: Membership) -> str:
    """Path of a user's token, its ids percent-encoded."""
    from django.urls import reverse

    kwargs = {"entityId": membership.entity_id, "userId": membership.user_id}
    return reverse("entities:auth-token", kwargs=kwargs)


@pytest.fixture(params=CACHES, ids=lambda url: url.partition(":")[0])
def counting_cache(request: pytest.FixtureRequest, settings: Any, monkeypatch: Any) -> None:
    """Let limits count: in this process, and in the shared cache where CACHE_URL names one."""
    scheme, _, _ = request.param.partition(":")
    backend = "locmem.LocMemCache" if scheme == "locmem" else "redis.RedisCache"
    default = {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": request.param}
    settings.CACHES = {"default": default | {"KEY_PREFIX": uuid4().hex}}
    monkeypatch.setattr("entities.limits._breaker.open_until", 0.0)


@pytest.fixture
def entity(db: None) -> Entity:
    return EntityFactory()


@pytest.fixture
def api_key(entity: Entity) -> str:
    """Text of an API key of the entity."""
    return issue_api_key(entity=entity, name="tests", by=BY)[1]


def caller_of(membership: Membership, api_key: str) -> Caller:
    """Give `membership` a user token, and call with it."""
    token = issue_user_token(user=membership.user, name="tests", by=BY)[1]
    return Caller(membership, api_key, token)


@pytest.fixture
def member(entity: Entity, api_key: str) -> Caller:
    return caller_of(MembershipFactory(entity=entity), api_key)


@pytest.fixture
def other_member(entity: Entity, api_key: str) -> Caller:
    return caller_of(MembershipFactory(entity=entity), api_key)


@pytest.fixture
def admin(entity: Entity, api_key: str) -> Caller:
    return caller_of(MembershipFactory(entity=entity, admin=True), api_key)


@pytest.fixture
def superuser(admin: Caller) -> Caller:
    """Make the admin call with a superuser key of the entity."""
    return with_key(admin, KeyAccess.SUPERUSER)


@pytest.fixture
def foreigner(db: None) -> Caller:
    """Make an admin of another entity, with an API key of that one."""
    membership = MembershipFactory(admin=True)
    return caller_of(membership, issue_api_key(entity=membership.entity, name="tests", by=BY)[1])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium, Debian's own. One for all: two of them do not get on in one thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
