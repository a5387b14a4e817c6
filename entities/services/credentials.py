"""Issue, rotate and revoke API keys and user tokens.

Their texts are returned once, and kept nowhere.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from entities import keys, moments
from entities.actors import ActorKind
from entities.codec import Kind, new_id, new_nonce
from entities.exceptions import CredentialRevokedError, LifetimeError, SuperuserKeyError
from entities.models import Action, ApiKey, KeyAccess, UserToken
from entities.services.record import record_and_tell
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from datetime import datetime

    from entities.actors import Actor
    from entities.models import Entity, User

_Credential = TypeVar("_Credential", ApiKey, UserToken)

_KEPT = {ApiKey: ("entity_id", "access"), UserToken: ("user_id",)}  # by a rotation
_ISSUED = {ApiKey: Action.API_KEY_ISSUED, UserToken: Action.USER_TOKEN_ISSUED}
_ROTATED = {ApiKey: Action.API_KEY_ROTATED, UserToken: Action.USER_TOKEN_ROTATED}
_REVOKED = {ApiKey: Action.API_KEY_REVOKED, UserToken: Action.USER_TOKEN_REVOKED}


@atomic()
def issue_api_key(
    *,
    entity: Entity,
    name: str,
    by: Actor,
    expires_at: datetime | None = None,
    access: str = KeyAccess.STANDARD,
) -> tuple[ApiKey, str]:
    """Create an API key of `entity`, and return it with its text.

    Raises:
        LifetimeError: `expires_at` is past.
        SuperuserKeyError: superuser access, and `by` is an API user or an application.
    """
    if access == KeyAccess.SUPERUSER and by.kind in (ActorKind.USER, ActorKind.APPLICATION):
        raise SuperuserKeyError
    key = ApiKey(entity=entity, name=name, expires_at=expires_at, access=access)
    return _issue(key, by=by)


@atomic()
def issue_user_token(
    *, user: User, name: str, by: Actor, expires_at: datetime | None = None
) -> tuple[UserToken, str]:
    """Create a user token of `user`, and return it with its text.

    Raises:
        LifetimeError: `expires_at` is past.
    """
    return _issue(UserToken(user=user, name=name, expires_at=expires_at), by=by)


def rotate_api_key(*, api_key: ApiKey, by: Actor, overlap: timedelta) -> tuple[ApiKey, str]:
    """Issue another key in the place of `api_key`, which ends after `overlap`.

    The new one has the name and the access of the old, and lasts as long as the old was meant to.
    The old one is revoked at once where `overlap` is zero, and never lasts longer than it would
    have.

    Raises:
        CredentialRevokedError: it is dead already; issue a new one instead.
        SuperuserKeyError: it is a superuser key, and `by` an API user without one: an admin of the
            entity would get the text of a key for every other.
    """
    if api_key.access == KeyAccess.SUPERUSER and by.is_bound:
        raise SuperuserKeyError
    return _rotate(api_key, by=by, overlap=overlap)


def rotate_user_token(*, token: UserToken, by: Actor, overlap: timedelta) -> tuple[UserToken, str]:
    """Issue another user token in the place of `token`. See `rotate_api_key`."""
    return _rotate(token, by=by, overlap=overlap)


def revoke_api_key(*, api_key: ApiKey, by: Actor) -> bool:
    """Revoke at once and for good. False: it was revoked before."""
    return _revoke(api_key, by=by)


def revoke_user_token(*, token: UserToken, by: Actor) -> bool:
    """Revoke at once and for good. False: it was revoked before."""
    return _revoke(token, by=by)


def derive_text(credential: ApiKey | UserToken) -> str | None:
    """Write the text of a credential again; None where its signing key is retired.

    For its issue, for `seed_demo`, and for the last characters that lists show; no interface
    shows it a second time.
    """
    return keys.compose(
        Kind.API_KEY if isinstance(credential, ApiKey) else Kind.USER_TOKEN,
        id=credential.id,
        generation=0,
        nonce=bytes(credential.nonce),
        key_id=credential.signing_key,
    )


def _issue(credential: _Credential, *, by: Actor) -> tuple[_Credential, str]:
    now = moments.now()
    if credential.expires_at is not None and credential.expires_at <= now:
        raise LifetimeError
    text = _insert(credential, at=now)
    action = _ISSUED[type(credential)]
    record_and_tell(action, credential, by=by, at=now, details=_terms(credential))
    return credential, text


def _insert(credential: ApiKey | UserToken, *, at: datetime) -> str:
    credential.id, credential.nonce = new_id(), new_nonce()
    credential.created_at = at
    credential.signing_key = keys.current_key().id
    credential.save(force_insert=True)
    text = derive_text(credential)
    assert text is not None, "the key that signs is configured"  # noqa: S101
    return text


@atomic()
def _rotate(old: _Credential, *, by: Actor, overlap: timedelta) -> tuple[_Credential, str]:
    """One conditional UPDATE ends the old one: of two rotations at once, the second finds it ended.

    A credential in the overlap of a rotation has an end, and may be rotated again.
    """
    now = moments.now()
    lifetime = None if old.expires_at is None else old.expires_at - old.created_at
    if overlap > timedelta(0):
        latest = now + overlap
        ends = {"expires_at": min(old.expires_at or latest, latest)}
    else:
        ends = {"revoked_at": now}
    live = type(old)._default_manager.live(at=now)
    won = live.filter(pk=old.pk, expires_at=old.expires_at).update(**ends)
    if not won:
        raise CredentialRevokedError
    for name, moment in ends.items():
        setattr(old, name, moment)
    new = type(old)(name=old.name, expires_at=None if lifetime is None else now + lifetime)
    for name in _KEPT[type(old)]:
        setattr(new, name, getattr(old, name))
    text = _insert(new, at=now)
    (old_ends_at,) = ends.values()
    details = _terms(new) | {"replaces": str(old.pk), "old_ends_at": moments.written(old_ends_at)}
    record_and_tell(_ROTATED[type(old)], new, by=by, at=now, details=details, replaces=old)
    return new, text


def _terms(credential: ApiKey | UserToken) -> dict[str, str | None]:
    expires_at = credential.expires_at
    terms = {
        "name": credential.name,
        "expires_at": moments.written(expires_at) if expires_at else None,
    }
    if isinstance(credential, ApiKey) and credential.access != KeyAccess.STANDARD:
        terms["access"] = credential.access
    return terms


@atomic()
def _revoke(credential: ApiKey | UserToken, *, by: Actor) -> bool:
    now = moments.now()
    unrevoked = type(credential)._default_manager.filter(pk=credential.pk, revoked_at__isnull=True)
    won = unrevoked.update(revoked_at=now) == 1
    if won:
        credential.revoked_at = now
        details = {"name": credential.name}
        record_and_tell(_REVOKED[type(credential)], credential, by=by, at=now, details=details)
    return won
