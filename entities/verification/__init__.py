"""Credentials in, principal out: the only reader on the hot path.

Forged and mistyped texts are refused before any query. All else is one query, whatever proves the
user; it asks nothing of a replica. Every refusal is the same error.
"""

from __future__ import annotations

from entities.verification.authenticators import (
    AuthTokenAuthenticator,
    TokenProof,
    UserAuthenticator,
    UserProof,
    UserTokenAuthenticator,
)
from entities.verification.principals import (
    Presented,
    Principal,
    VerifiedApiKey,
    VerifiedToken,
)
from entities.verification.verify import (
    verify_api_key,
    verify_bearer,
    verify_request,
    verify_token,
)

__all__ = [
    "AuthTokenAuthenticator",
    "Presented",
    "Principal",
    "TokenProof",
    "UserAuthenticator",
    "UserProof",
    "UserTokenAuthenticator",
    "VerifiedApiKey",
    "VerifiedToken",
    "verify_api_key",
    "verify_bearer",
    "verify_request",
    "verify_token",
]
