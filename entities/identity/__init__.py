"""Users proved by an identity provider: its JSON Web Tokens stand in for user tokens.

Wants the extra `jwt` (PyJWT), which nothing else here does.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from entities.exceptions import NotAuthenticatedError
from entities.identity.admission import admit_member
from entities.identity.provider import Provider
from entities.verification import UserProof

if TYPE_CHECKING:
    from entities.verification import Presented

__all__ = ["JwtAuthenticator", "Provider"]


class JwtAuthenticator:
    """Takes JSON Web Tokens of the provider that the settings `JWT_…` name.

    A token that says it is of another issuer is left to the next authenticator: a host with two
    providers names a subclass, too.

    Spec: RFC 7519, RFC 8725 (best current practices).
    """

    provider: Provider | None = None
    """Whose tokens are taken. None: those of the settings' provider, as they are now."""

    def __init__(self) -> None:
        """Find out what is missing: here, and not at the first token.

        Raises:
            ImproperlyConfigured: PyJWT is not installed, or the settings are not sound.
        """
        try:
            from entities.identity import tokens
        except ImportError:
            raise ImproperlyConfigured(
                "JWTs want PyJWT and cryptography, which the extra `jwt` installs: "
                "pip install 'django-entities-tokenservice[jwt]'."
            ) from None
        self._tokens = tokens
        if self.provider is None:
            Provider.from_settings()

    def prove(self, presented: Presented) -> UserProof | None:
        """Say who the provider says this is. Costs no query, and seldom a fetch of its keys.

        Raises:
            NotAuthenticatedError: the provider's, by its own word, and wrong.
            ProviderUnavailableError: its keys are not known, and cannot be fetched now.
        """
        provider = self.provider or Provider.from_settings()
        claims = self._tokens.verified_claims(presented.token, provider)
        if claims is None:
            return None
        user_id = provider.user_of(claims)
        if not presented.names(user_id):
            raise NotAuthenticatedError("userid: another user's JWT")
        entities = provider.entities_of(claims)
        admit = partial(admit_member, user_id=user_id) if provider.creates_users else None
        return UserProof(user_id, entities=entities, admit=admit)
