"""From the text of a JSON Web Token to what it claims, verified by PyJWT."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jwt
from jwt.algorithms import has_crypto

from entities.exceptions import NotAuthenticatedError
from entities.identity.keyset import key_set

if TYPE_CHECKING:
    from entities.identity.provider import Provider

if not has_crypto:
    raise ImportError("PyJWT is here, and cryptography is not")

_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
# Of an access token (RFC 9068), or of nothing in particular. Others say that they are something
# else: a logout token, say, which has an issuer, an audience and a subject, too.
_TYPES = {"jwt", "at+jwt"}


def verified_claims(text: str, provider: Provider) -> dict[str, Any] | None:
    """Return what a token of `provider` claims. None: another's, or no such token.

    Whatever costs nothing is asked before the keys, for which a fetch may be needed.

    Raises:
        NotAuthenticatedError: it is wrong.
        ProviderUnavailableError: its keys are not known, and cannot be fetched now.
    """
    if _COMPACT.fullmatch(text) is None:
        return None
    try:
        said = jwt.decode_complete(text, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None
    if said["payload"].get("iss") != provider.issuer:
        return None
    header = said["header"]
    if header.get("alg") not in provider.algorithms:
        raise NotAuthenticatedError("JWT: algorithm")
    if not _is_known_type(header.get("typ", "JWT")):
        raise NotAuthenticatedError("JWT: type")
    key = key_set(provider.jwks_url).find(header.get("kid"), header["alg"])
    if key is None:
        raise NotAuthenticatedError("JWT: no such key")
    return _decoded(text, key, provider)


def _decoded(text: str, key: jwt.PyJWK, provider: Provider) -> dict[str, Any]:
    try:
        return jwt.decode(
            text,
            key,
            algorithms=provider.algorithms,
            issuer=provider.issuer,
            audience=provider.audience,
            leeway=provider.leeway,
            options={"require": ["exp"], "enforce_minimum_key_length": True},
        )
    except jwt.PyJWTError as error:
        # The class says what was wrong; the words may quote the token.
        raise NotAuthenticatedError(f"JWT: {type(error).__name__}") from None


def _is_known_type(value: object) -> bool:
    return isinstance(value, str) and value.lower().removeprefix("application/") in _TYPES
