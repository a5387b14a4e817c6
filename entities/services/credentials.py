"""Issue and revoke API keys and user tokens. Their texts are returned once, and kept nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from entities import keys
from entities.codec import Kind, new_id, new_nonce
from entities.exceptions import LifetimeError
from entities.models import ApiKey, UserToken

if TYPE_CHECKING:
    from datetime import datetime

    from entities.models import Entity, User


@transaction.atomic
def issue_api_key(
    *, entity: Entity, name: str, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Create an API key of `entity`, and return it with its text.

    Raises:
        LifetimeError: `expires_at` is past.
    """
    api_key = ApiKey(entity=entity, name=name, expires_at=expires_at)
    return api_key, _issue(api_key)


@transaction.atomic
def issue_user_token(
    *, user: User, name: str, expires_at: datetime | None = None
) -> tuple[UserToken, str]:
    """Create a user token of `user`, and return it with its text.

    Raises:
        LifetimeError: `expires_at` is past.
    """
    token = UserToken(user=user, name=name, expires_at=expires_at)
    return token, _issue(token)


def revoke_api_key(*, api_key: ApiKey) -> bool:
    """Revoke at once and for good. False: it was revoked before."""
    return _revoke(api_key)


def revoke_user_token(*, token: UserToken) -> bool:
    """Revoke at once and for good. False: it was revoked before."""
    return _revoke(token)


def derive_text(credential: ApiKey | UserToken) -> str | None:
    """Write the text of a credential again; None where its signing key is retired.

    For its issue, and for `seed_demo`, and nothing else: no interface shows it a second time.
    """
    return keys.compose(
        Kind.API_KEY if isinstance(credential, ApiKey) else Kind.USER_TOKEN,
        id=credential.id,
        generation=0,
        nonce=bytes(credential.nonce),
        key_id=credential.signing_key,
    )


def _issue(credential: ApiKey | UserToken) -> str:
    now = timezone.now()
    if credential.expires_at is not None and credential.expires_at <= now:
        raise LifetimeError
    credential.id, credential.nonce = new_id(), new_nonce()
    credential.created_at = now
    credential.signing_key = keys.current_key().id
    credential.save(force_insert=True)
    text = derive_text(credential)
    assert text is not None, "the key that signs is configured"  # noqa: S101
    return text


@transaction.atomic
def _revoke(credential: ApiKey | UserToken) -> bool:
    now = timezone.now()
    unrevoked = type(credential)._default_manager.filter(pk=credential.pk, revoked_at__isnull=True)
    won = unrevoked.update(revoked_at=now) == 1
    if won:
        credential.revoked_at = now
    return won
