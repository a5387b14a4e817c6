"""Staff of each kind, and a look at every place where a secret must not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from entities.actors import Actor
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import Model

STAFF_ACTOR = Actor.staff(1)
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


def admin_url(model: type[Model], page: str, *args: object) -> str:
    keys = [quote(arg) for arg in args]
    return reverse(f"admin:entities_{model._meta.model_name}_{page}", args=keys)


def url_of(obj: Model, page: str) -> str:
    return admin_url(type(obj), page, obj.pk)


@pytest.fixture
def staff(db: None) -> Callable[..., Client]:
    """Log in a staff account that has the permissions named, and no other."""

    def log_in(*permissions: str, **kwargs: Any) -> Client:
        accounts = get_user_model().objects
        name = f"staff-{accounts.count()}"
        account = accounts.create_user(name, **{"is_staff": True} | kwargs)
        found = Permission.objects.filter(
            content_type__app_label="entities", codename__in=permissions
        )
        assert found.count() == len(permissions)
        account.user_permissions.set(found)
        client = Client()
        client.force_login(account)
        return client

    return log_in


@pytest.fixture
def boss(staff: Callable[..., Client]) -> Client:
    return staff(is_superuser=True)


def terms_of(page: Any, **terms: str) -> dict[str, str]:
    """What a browser sends of the form on `page`, filled in with `terms`."""
    form = page.context["form"]
    hidden = {field.html_name: str(field.value()) for field in form.hidden_fields()}
    return hidden | terms


def act(client: Client, obj: Model, verb: str, **terms: str) -> Any:
    """Open the page of an act, and confirm."""
    url = url_of(obj, verb)
    page = client.get(url)
    assert page.status_code == 200
    return client.post(url, terms_of(page, **terms))


def issue(client: Client, model: type[Model], **terms: str) -> Any:
    """Open the page to issue, and send it."""
    url = admin_url(model, "add")
    page = client.get(url)
    assert page.status_code == 200
    return client.post(url, terms_of(page, **terms))


def text_on(page: Any) -> str:
    """Return the text of a credential that `page` shows."""
    assert page.status_code == 200, page
    text = str(page.context["text"])
    uses = 2 if page.context["curl"] else 1  # once by itself, and once in the line of curl
    assert page.content.decode().count(text) == uses
    return text


def pages_of_the_admin() -> Iterator[str]:
    yield reverse("admin:index")
    for model in MODELS:
        yield admin_url(model, "changelist")
        for obj in model._default_manager.all():
            yield url_of(obj, "change")
            yield url_of(obj, "history")
            if isinstance(obj, AuthToken):
                yield url_of(obj, "refresh")
            if isinstance(obj, (AuthToken, ApiKey, UserToken)):
                yield url_of(obj, "revoke")
            if isinstance(obj, (ApiKey, UserToken)):
                yield url_of(obj, "rotate")


def stored() -> Iterator[str]:
    """Every row of every table as text, sessions decoded."""
    for model in apps.get_models(include_auto_created=True):
        for row in model._default_manager.values():
            yield repr(row)
    for session in Session.objects.all():
        yield repr(session.get_decoded())


def assert_nowhere(*texts: str, client: Client) -> None:
    """Look for `texts`, and for the half of each that is secret, wherever staff can look."""
    kept = "\n".join(stored())
    pages = {url: client.get(url) for url in pages_of_the_admin()}
    for text in texts:
        for part in (text, text[-30:], text[len(text) // 2 :]):
            assert part not in kept
            assert not [url for url in pages if part in url]
            assert not [url for url, page in pages.items() if part in page.content.decode()]
            assert part not in repr(list(client.cookies.items()))
