"""What the tests of introspection and revocation share: an application that calls for itself."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.test import Client

from entities import moments
from entities.actors import Actor
from entities.models import ApiKey
from entities.services import issue_token, refresh_token

if TYPE_CHECKING:
    from django.http import HttpResponse

    from entities.models import AuthToken
    from tests.conftest import Caller

FORM = "application/x-www-form-urlencoded"
BY = Actor.command("tests")


def ask(
    path: str,
    body: bytes | dict[str, str],
    *,
    method: str = "POST",
    content_type: str = FORM,
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> HttpResponse:
    """Send a form, or bytes as they are."""
    sent = urlencode(body).encode() if isinstance(body, dict) else body
    response: HttpResponse = Client(raise_request_exception=False).generic(
        method, path, sent, content_type, headers=headers or {}, **extra
    )
    return response


def basic(api_key: str, *, user: str | None = None, scheme: str = "Basic") -> dict[str, str]:
    """Build HTTP Basic of an API key: its id, and its text."""
    if user is None:
        user = str(ApiKey.objects.get().pk)
    return {"Authorization": f"{scheme} {b64encode(f'{user}:{api_key}'.encode()).decode()}"}


def issued(caller: Caller, *flags: str) -> tuple[AuthToken, str]:
    """Issue the caller's token for a day, by a command."""
    token = issue_token(
        membership=caller.membership,
        by=BY,
        flags=flags,
        expires_at=moments.now() + timedelta(days=1),
    )
    return token, text_of(token)


def refreshed(caller: Caller) -> str:
    """Refresh the caller's token, and return its new text."""
    return text_of(refresh_token(membership=caller.membership, by=BY))


def text_of(token: AuthToken) -> str:
    text = token.derive_text()
    assert text is not None
    return text
