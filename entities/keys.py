"""The signing keys and prefixes that the settings name, ready for the codec."""

from __future__ import annotations

import hmac
import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from entities import codec
from entities.codec import Kind, SigningKey
from entities.conf import app_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID


def keyring() -> Mapping[int, SigningKey]:
    """Return the keys by id, the one that signs first.

    Raises:
        ImproperlyConfigured: two keys share an id, one chance in four billion: replace either.
    """
    if given := tuple(app_settings.SIGNING_KEYS):
        return _derive(given, b"SIGNING_KEYS")
    return _derive((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS), b"SECRET_KEY")


def current_key() -> SigningKey:
    """Return the key that signs now."""
    return next(iter(keyring().values()))


def prefix_of(kind: Kind) -> str:
    """Return the prefix that the settings give credentials of `kind`."""
    return next(prefix for prefix, its_kind in prefixes().items() if its_kind is kind)


def prefixes() -> Mapping[str, Kind]:
    """Return the kinds by prefix."""
    return _prefixes(
        app_settings.API_KEY_PREFIX,
        app_settings.USER_TOKEN_PREFIX,
        app_settings.AUTH_TOKEN_PREFIX,
    )


def parse(text: str) -> codec.Parsed:
    """Read a text under the configured prefixes and keys. No query.

    Raises:
        CredentialTextError: none of our keys signed it, or it is mistyped.
    """
    return codec.parse(text, prefixes=prefixes(), keys=keyring())


def compose(kind: Kind, *, id: UUID, generation: int, nonce: bytes, key_id: int) -> str | None:
    """Derive the text of a row again. None where the key that signed it is retired."""
    key = keyring().get(key_id)
    if key is None:
        return None
    return codec.compose(
        kind, prefix=prefix_of(kind), id=id, generation=generation, nonce=nonce, key=key
    )


def digest(message: bytes, *, purpose: str) -> str:
    """Write HMAC-SHA256 of `message` in hexadecimal, under a sub-key of the key that signs now.

    Without that key, nobody tells a guess at `message` from the truth.
    """
    info = b"entities.digest.v1|" + purpose.encode()
    key = codec.hkdf(current_key().mac_key, info=info, length=32)
    return hmac.digest(key, message, "sha256").hex()


def holds_text(text: str) -> bool:
    """Tell whether something in `text` looks like a credential of ours."""
    return _looks(tuple(prefixes())).search(text) is not None


@lru_cache(maxsize=8)
def _looks(prefixes: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(prefixes)})_[0-9A-Za-z]{{{codec.TAIL_CHARS}}}")


@lru_cache(maxsize=8)
def _derive(secrets: tuple[str | bytes, ...], purpose: bytes) -> Mapping[int, SigningKey]:
    keys: dict[int, SigningKey] = {}
    for secret in dict.fromkeys(secrets):
        raw = secret.encode() if isinstance(secret, str) else secret
        key = SigningKey.derive(raw, purpose=purpose)
        if key.id in keys:
            raise ImproperlyConfigured(
                "Two signing keys have the same id. Replace the newer of them by another."
            )
        keys[key.id] = key
    return MappingProxyType(keys)


@lru_cache(maxsize=8)
def _prefixes(api_key: str, user_token: str, auth_token: str) -> Mapping[str, Kind]:
    return MappingProxyType(
        {api_key: Kind.API_KEY, user_token: Kind.USER_TOKEN, auth_token: Kind.AUTH_TOKEN}
    )
