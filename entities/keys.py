"""The signing keys and prefixes that the settings name, ready for the codec."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from entities import codec
from entities.codec import Kind, SigningKey
from entities.conf import app_settings, derived, secret_keys

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

_KINDS = (Kind.API_KEY, Kind.USER_TOKEN, Kind.AUTH_TOKEN)  # as `AppSettings.prefixes` has them


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What texts are written and read by, as the settings have it now."""

    keys: Mapping[int, SigningKey]
    """By id, the one that signs first."""
    kinds: Mapping[str, Kind]
    """By prefix."""
    beginnings: Mapping[Kind, str]
    """Prefix and underscore."""
    keyed: hashlib.blake2b = field(repr=False)
    """What a fingerprint begins with: the key alone is digested."""

    def parse(self, text: str) -> codec.Parsed:
        """Read a text. See `parse` below."""
        return codec.parse(text, prefixes=self.kinds, keys=self.keys)

    def read(self, text: str) -> codec.Parsed | None:
        """Read a text; None where none of our keys signed it, or it is mistyped."""
        return codec.read(text, prefixes=self.kinds, keys=self.keys)

    def only(self, *kinds: Kind) -> Rules:
        """Make rules by which a text of any other kind is none."""
        few = {prefix: kind for prefix, kind in self.kinds.items() if kind in kinds}
        return replace(self, kinds=MappingProxyType(few))

    def begins_as(self, kind: Kind, text: str) -> bool:
        """Whether a text begins like one of `kind`. It may be of another, with a longer prefix."""
        return text.startswith(self.beginnings[kind])

    def fingerprint(self, text: str) -> str:
        """Write a keyed digest of `text`, 128 bits in hexadecimal, the same in each process.

        Quicker than `digest`, for what is kept no longer than the key that signs now stays.

        Spec: RFC 7693 (BLAKE2b).
        """
        digest = self.keyed.copy()
        digest.update(text.encode("utf-8", "surrogatepass"))  # any text, however wrong
        return digest.hexdigest()


def rules() -> Rules:
    """Return the rules of the settings, the same object while these are equal.

    Raises:
        ImproperlyConfigured: two keys share an id, one chance in four billion: replace either.
    """
    return derived(_rules)


def keyring() -> Mapping[int, SigningKey]:
    """Return the keys by id, the one that signs first. See `rules`."""
    return rules().keys


def current_key() -> SigningKey:
    """Return the key that signs now."""
    return next(iter(keyring().values()))


def prefix_of(kind: Kind) -> str:
    """Return the prefix that the settings give credentials of `kind`."""
    return rules().beginnings[kind][:-1]


def parse(text: str) -> codec.Parsed:
    """Read a text under the configured prefixes and keys. No query.

    Raises:
        CredentialTextError: none of our keys signed it, or it is mistyped.
    """
    return rules().parse(text)


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
    return hmac.digest(_digest_key(current_key().mac_key, purpose), message, "sha256").hex()


def holds_text(text: str) -> bool:
    """Tell whether something in `text` looks like a credential of ours."""
    return _looks(app_settings.prefixes()).search(text) is not None


@lru_cache(maxsize=8)
def _looks(prefixes: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(prefixes)})_[0-9A-Za-z]{{{codec.TAIL_CHARS}}}")


@lru_cache(maxsize=16)
def _digest_key(mac_key: bytes, purpose: str) -> bytes:
    return codec.hkdf(mac_key, info=b"entities.digest.v1|" + purpose.encode(), length=32)


def _rules() -> Rules:
    given = app_settings.SIGNING_KEYS
    purpose = b"SIGNING_KEYS" if given else b"SECRET_KEY"
    keys: dict[int, SigningKey] = {}
    for secret in dict.fromkeys(given or secret_keys()):
        raw = secret.encode() if isinstance(secret, str) else secret
        key = SigningKey.derive(raw, purpose=purpose)
        if key.id in keys:
            raise ImproperlyConfigured(
                "Two signing keys have the same id. Replace the newer of them by another."
            )
        keys[key.id] = key
    first, prefixes = next(iter(keys.values())), app_settings.prefixes()
    fingerprint_key = codec.hkdf(first.mac_key, info=b"entities.fingerprint.v1", length=32)
    return Rules(
        keys=MappingProxyType(keys),
        kinds=MappingProxyType(dict(zip(prefixes, _KINDS, strict=True))),
        beginnings=MappingProxyType(
            {kind: f"{prefix}_" for prefix, kind in zip(prefixes, _KINDS, strict=True)}
        ),
        keyed=hashlib.blake2b(key=fingerprint_key, digest_size=16),
    )
