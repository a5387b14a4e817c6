"""The format of a credential's text: what it promises, and that nothing else passes for one."""

from __future__ import annotations

import string
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entities import codec
from entities.codec import BODY_CHARS, CHECK_CHARS, Kind, Parsed, SigningKey
from entities.exceptions import CredentialTextError

ALPHABET = string.digits + string.ascii_letters
PREFIXES = {"ek": Kind.API_KEY, "ut": Kind.USER_TOKEN, "eat": Kind.AUTH_TOKEN}
PREFIX_OF = {kind: prefix for prefix, kind in PREFIXES.items()}
KEY = SigningKey.derive(b"k" * 32, purpose=b"tests")
OTHER_KEY = SigningKey.derive(b"o" * 32, purpose=b"tests")
KEYS = {KEY.id: KEY, OTHER_KEY.id: OTHER_KEY}

fields = st.builds(
    Parsed,
    kind=st.sampled_from(Kind),
    id=st.binary(min_size=16, max_size=16).map(lambda raw: UUID(bytes=raw)),
    generation=st.integers(0, codec.MAX_GENERATION),
    key_id=st.sampled_from(sorted(KEYS)),
    nonce=st.binary(min_size=12, max_size=12),
)


def text_of(parsed: Parsed, *, key: SigningKey | None = None, kind: Kind | None = None) -> str:
    return codec.compose(
        kind or parsed.kind,
        prefix=PREFIX_OF[parsed.kind],
        id=parsed.id,
        generation=parsed.generation,
        nonce=parsed.nonce,
        key=key or KEYS[parsed.key_id],
    )


def parse(text: str) -> Parsed:
    return codec.parse(text, prefixes=PREFIXES, keys=KEYS)


def with_check(text: str) -> str:
    """Give a changed text the check characters that fit it, as a forger would."""
    head = text[:-CHECK_CHARS]
    return head + codec._check(head)


PINNED = (
    3640827554,
    "eat_04znhD5ZD9avShLUsGppldvaEl9lF28zz7c0YofbfV3KrsGBLVj2U5GWVzBcIICLB4DcqsSBM5Suo12wCSH",
)
EXAMPLE = Parsed(Kind.AUTH_TOKEN, UUID(int=1), 2, KEY.id, b"n" * 12)


def test_the_format_is_pinned() -> None:
    """Changing it locks everyone out: a new format takes a new version byte beside this one."""
    key = SigningKey.derive(b"0123456789abcdef0123456789abcdef", purpose=b"SIGNING_KEYS")
    text = codec.compose(
        Kind.AUTH_TOKEN,
        prefix="eat",
        id=UUID("00112233-4455-6677-8899-aabbccddeeff"),
        generation=7,
        nonce=bytes(range(12)),
        key=key,
    )
    assert (key.id, text) == PINNED


@pytest.mark.parametrize(
    ("secret", "info", "expected"),
    [
        # RFC 5869 appendix A.3: no salt, no info; its first 32 of 42 bytes are one block.
        (
            b"\x0b" * 22,
            b"",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
        ),
    ],
)
def test_hkdf_gives_the_vectors_of_rfc_5869(secret: bytes, info: bytes, expected: str) -> None:
    assert codec.hkdf(secret, info=info, length=32).hex() == expected


def test_another_purpose_gives_an_unrelated_key() -> None:
    other = SigningKey.derive(b"k" * 32, purpose=b"other")
    assert other.id != KEY.id
    assert other.mac_key != KEY.mac_key


def test_neither_a_key_nor_a_parsed_text_shows_what_it_is_made_of() -> None:
    assert repr(KEY) == f"SigningKey(id={KEY.id})"
    assert "nonce" not in repr(EXAMPLE)


@given(fields)
def test_a_text_gives_back_its_fields(parsed: Parsed) -> None:
    assert parse(text_of(parsed)) == parsed


@given(fields)
def test_a_text_is_short_and_selected_by_a_double_click(parsed: Parsed) -> None:
    text = text_of(parsed)
    assert set(text) <= set(ALPHABET + "_")
    assert len(text) == len(PREFIX_OF[parsed.kind]) + 1 + BODY_CHARS + CHECK_CHARS < 128


@given(fields, st.data())
def test_every_single_character_change_is_refused(parsed: Parsed, data: st.DataObject) -> None:
    text = text_of(parsed)
    place = data.draw(st.integers(0, len(text) - 1))
    char = data.draw(st.sampled_from(ALPHABET + "_ -é").filter(lambda char: char != text[place]))
    with pytest.raises(CredentialTextError):
        parse(text[:place] + char + text[place + 1 :])


@given(fields, st.data())
def test_a_change_with_fitting_check_characters_is_refused_by_the_mac(
    parsed: Parsed, data: st.DataObject
) -> None:
    text = text_of(parsed)
    first = len(text) - BODY_CHARS - CHECK_CHARS
    place = data.draw(st.integers(first, len(text) - CHECK_CHARS - 1))
    char = data.draw(st.sampled_from(ALPHABET).filter(lambda char: char != text[place]))
    with pytest.raises(CredentialTextError):
        parse(with_check(text[:place] + char + text[place + 1 :]))


@given(fields, st.data())
def test_characters_left_out_added_or_swapped_are_refused(
    parsed: Parsed, data: st.DataObject
) -> None:
    text = text_of(parsed)
    place = data.draw(st.integers(0, len(text) - 2))
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    changed = [
        text[:place] + text[place + 1 :],
        text[:place] + "0" + text[place:],
        f"{text}\n",
        f" {text}",
        *([swapped] if swapped != text else []),
    ]
    for other in changed:
        with pytest.raises(CredentialTextError):
            parse(other)


@given(fields, st.sampled_from(Kind))
def test_no_kind_passes_for_another(parsed: Parsed, other: Kind) -> None:
    """Neither with the other's prefix, nor where its MAC was made for the other kind."""
    if other is parsed.kind:
        return
    body = text_of(parsed).partition("_")[2]
    with pytest.raises(CredentialTextError):
        parse(with_check(f"{PREFIX_OF[other]}_{body}"))
    with pytest.raises(CredentialTextError):
        parse(text_of(parsed, kind=other))


@given(fields)
def test_a_key_that_is_not_configured_signs_nothing(parsed: Parsed) -> None:
    stranger = SigningKey.derive(b"s" * 32, purpose=b"tests")
    with pytest.raises(CredentialTextError):
        parse(text_of(parsed, key=stranger))


@given(fields)
def test_another_key_under_the_same_id_signs_nothing(parsed: Parsed) -> None:
    impostor = SigningKey(id=parsed.key_id, mac_key=b"i" * 32)
    with pytest.raises(CredentialTextError):
        parse(text_of(parsed, key=impostor))


@given(st.text(max_size=200))
def test_no_noise_is_a_credential(text: str) -> None:
    with pytest.raises(CredentialTextError):
        parse(text)


@given(st.text(ALPHABET, min_size=BODY_CHARS, max_size=BODY_CHARS))
def test_no_noise_of_the_right_form_is_a_credential(body: str) -> None:
    """Whatever it says, a number too large for the fields among it."""
    with pytest.raises(CredentialTextError):
        parse(with_check(f"eat_{body}{'0' * CHECK_CHARS}"))


def test_a_body_beyond_the_largest_number_is_refused() -> None:
    with pytest.raises(CredentialTextError):
        parse(with_check(f"eat_{'z' * BODY_CHARS}{'0' * CHECK_CHARS}"))


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version_is_refused_even_where_its_mac_is_right(
    version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(codec, "VERSION", version)
        text = text_of(EXAMPLE)
    with pytest.raises(CredentialTextError):
        parse(text)
