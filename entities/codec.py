"""Text of a credential <-> its fields. Pure functions: no settings, database or clock.

A text is `<prefix>_<body><check>`. The body is one number in base62, of fixed length:

    version (1 byte) | key id (4) | id (16) | generation (4) | nonce (12) | MAC (20)

The MAC is HMAC-SHA256 (FIPS 198-1), truncated to 160 bits, over the kind and every field before
it, under a sub-key that HKDF (RFC 5869) makes of a signing key. The check is the CRC-32 of all
that stands before it: a secret scanner tells a real text from noise without asking anybody.

Parsing is canonical: each set of fields has one spelling, and any other is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import struct
import zlib
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from entities.exceptions import CredentialTextError

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
KEY_ID_BYTES = 4
ID_BYTES = 16
NONCE_BYTES = 12
MAC_BYTES = 20  # 160 bits of HMAC-SHA256
CHECK_CHARS = 6
MAX_GENERATION = 2**31 - 1  # what a PositiveIntegerField holds everywhere
MAX_PREFIX_CHARS = 16

_FIELDS = struct.Struct(f">BI{ID_BYTES}sI{NONCE_BYTES}s")
_FIELDS_BYTES = _FIELDS.size
_BODY_BYTES = _FIELDS_BYTES + MAC_BYTES
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = bytes.maketrans(_ALPHABET.encode(), bytes(range(62)))
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
BODY_CHARS = next(n for n in range(1, 200) if 62**n >= 256**_BODY_BYTES)
TAIL_CHARS = BODY_CHARS + CHECK_CHARS

PREFIX_PATTERN = re.compile(rf"[A-Za-z][A-Za-z0-9_]{{0,{MAX_PREFIX_CHARS - 1}}}")
_TAIL_PATTERN = re.compile(rf"[0-9A-Za-z]{{{TAIL_CHARS}}}", re.ASCII)


def _halvings(lanes: int) -> tuple[tuple[int, int, int], ...]:
    """Build the steps by which `_number` joins that many lanes, a power of two.

    Each is the width of a lane in bits, the mask of every second lane, and the base of a lane.
    """
    steps, width, base = [], 8, 62
    while lanes > 1:
        lanes //= 2
        lane = (1 << width) - 1
        mask = sum(lane << (2 * width * place) for place in range(lanes))
        steps.append((width, mask, base))
        width, base = 2 * width, base * base
    return tuple(steps)


_BODY_HALVINGS = _halvings(128)
_CHECK_HALVINGS = _halvings(8)


class Kind(bytes, Enum):
    """What a credential is for. It goes into the MAC: it must never change."""

    API_KEY = b"K"
    USER_TOKEN = b"U"
    AUTH_TOKEN = b"T"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key ready to sign: its public id, and the sub-key of the MAC."""

    id: int
    mac_key: bytes = field(repr=False)

    @classmethod
    def derive(cls, secret: bytes, *, purpose: bytes) -> SigningKey:
        """Make the key of `secret`; another `purpose` gives an unrelated one."""
        context = b"entities.credential.v1|" + purpose
        return cls(
            id=int.from_bytes(hkdf(secret, info=context + b"|id", length=KEY_ID_BYTES)),
            mac_key=hkdf(secret, info=context + b"|mac", length=32),
        )


class Parsed(NamedTuple):
    """The fields of a text whose MAC was found right."""

    kind: Kind
    id: UUID
    generation: int
    key_id: int
    nonce: bytes

    def __repr__(self) -> str:
        """Leave out the nonce."""
        return f"Parsed({self.kind.name}, {self.id}, generation={self.generation})"


def hkdf(secret: bytes, *, info: bytes, length: int) -> bytes:
    """Derive `length` bytes, at most 32, from `secret`: HKDF-SHA256 without salt.

    Spec: RFC 5869 section 2; one block of the expansion is all that 32 bytes take.
    """
    pseudorandom_key = hmac.digest(bytes(hashlib.sha256().digest_size), secret, "sha256")
    return hmac.digest(pseudorandom_key, info + b"\x01", "sha256")[:length]


def new_nonce() -> bytes:
    """Draw the 96 random bits that make each text new."""
    return secrets.token_bytes(NONCE_BYTES)


def new_id() -> UUID:
    """Draw 128 random bits, all of them random, unlike those of a UUID of version 4."""
    return UUID(bytes=secrets.token_bytes(ID_BYTES))


def compose(
    kind: Kind, *, prefix: str, id: UUID, generation: int, nonce: bytes, key: SigningKey
) -> str:
    """Write the text of a credential. The same fields give the same text."""
    fields = _FIELDS.pack(VERSION, key.id, id.bytes, generation, nonce)
    number = int.from_bytes(fields + _mac(kind, fields, key))
    text = f"{prefix}_{_base62(number, BODY_CHARS)}"
    return text + _check(text)


def parse(text: str, *, prefixes: Mapping[str, Kind], keys: Mapping[int, SigningKey]) -> Parsed:
    """Read a text, and refuse it unless one of `keys` signed it for the kind of its prefix.

    Raises:
        CredentialTextError: the form, a check character, the version, the key or the MAC is wrong.
            The cause is not told apart.
    """
    parsed = read(text, prefixes=prefixes, keys=keys)
    if parsed is None:
        raise CredentialTextError
    return parsed


def read(
    text: str, *, prefixes: Mapping[str, Kind], keys: Mapping[int, SigningKey]
) -> Parsed | None:
    """Read a text as `parse` does; None where that raises, which takes longer."""
    prefix, tail = text[: -TAIL_CHARS - 1], text[-TAIL_CHARS:]
    kind = prefixes.get(prefix)
    if kind is None or text[len(prefix)] != "_" or _TAIL_PATTERN.fullmatch(tail) is None:
        return None
    written = text.encode("ascii")  # the prefix is by its setting, and the tail by the pattern
    if zlib.crc32(written[:-CHECK_CHARS]) != _number(written[-CHECK_CHARS:], _CHECK_HALVINGS):
        return None
    try:
        body = _number(written[-TAIL_CHARS:-CHECK_CHARS], _BODY_HALVINGS).to_bytes(_BODY_BYTES)
    except OverflowError:
        return None
    fields = body[:_FIELDS_BYTES]
    version, key_id, id_bytes, generation, nonce = _FIELDS.unpack(fields)
    key = keys.get(key_id)
    if version != VERSION or key is None or generation > MAX_GENERATION:
        return None
    if not hmac.compare_digest(body[_FIELDS_BYTES:], _mac(kind, fields, key)):
        return None
    return Parsed(kind, UUID(bytes=id_bytes), generation, key_id, nonce)


def _mac(kind: Kind, fields: bytes, key: SigningKey) -> bytes:
    return hmac.digest(key.mac_key, kind + fields, "sha256")[:MAC_BYTES]


def _check(text: str) -> str:
    return _base62(zlib.crc32(text.encode("ascii")), CHECK_CHARS)


def _base62(number: int, length: int) -> str:
    """Write `number` in exactly `length` digits, two at a time: half the divisions of one."""
    pairs = []
    for _ in range(length // 2):
        number, pair = divmod(number, 62 * 62)
        pairs.append(_PAIRS[pair])
    pairs.reverse()
    head = _ALPHABET[number] if length % 2 else ""
    return head + "".join(pairs)


def _number(digits: bytes, halvings: tuple[tuple[int, int, int], ...]) -> int:
    """Read a number in base62, at most as many digits of the alphabet as there are lanes.

    All digits lie beside each other in one long integer, and each step joins every two neighbours
    at once: of a body a quarter of the time that one digit after the other takes.
    """
    number = int.from_bytes(digits.translate(_DIGITS).rjust(1 << len(halvings), b"\0"))
    for width, mask, base in halvings:
        number = (number >> width & mask) * base + (number & mask)
    return number
