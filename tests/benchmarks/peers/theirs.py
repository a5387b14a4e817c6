"""Requests with credentials of the peers, of rows all over their tables.

The tables are filled with texts that nobody holds. Those of some accounts are replaced, each by
the peer's own means.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.utils import timezone
from knox.models import AuthToken as KnoxToken
from oauth2_provider.models import AccessToken as OAuthToken
from rest_framework.authtoken.models import Token
from rest_framework_simplejwt.tokens import AccessToken as JwtToken

from tests.benchmarks.peers.asks import Ask, bearer
from tests.benchmarks.peers.tables import account_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID


class Theirs:
    """Requests of the accounts of these rows."""

    def __init__(self, numbers: Sequence[int]) -> None:
        keys = [account_of(number) for number in numbers]
        self.accounts = list(get_user_model().objects.filter(pk__in=keys).order_by("pk"))

    @cached_property
    def authtoken(self) -> list[Ask]:
        Token.objects.filter(user__in=self.accounts).delete()
        tokens = [Token.objects.create(user=account) for account in self.accounts]
        return [_token("/authtoken", token.key) for token in tokens]

    def unknown(self) -> list[Ask]:
        """Keys of authtoken in the right form, which nobody has."""
        return [_token("/authtoken", Token.generate_key()) for _ in self.accounts]

    def rows(self, keys: Sequence[UUID]) -> list[Ask]:
        """One row of ours for each, by authtoken."""
        return [
            Ask(f"/row/{key}", ask.headers) for key, ask in zip(keys, self.authtoken, strict=False)
        ]

    def knox(self) -> list[Ask]:
        KnoxToken.objects.filter(user__in=self.accounts).delete()
        texts = [KnoxToken.objects.create(user=account)[1] for account in self.accounts]
        return [_token("/knox", text) for text in texts]

    def oauth(self) -> list[Ask]:
        OAuthToken.objects.filter(user__in=self.accounts).delete()
        expires = timezone.now() + timedelta(days=1)
        tokens = [
            OAuthToken.objects.create(
                user=account, token=secrets.token_urlsafe(), expires=expires, scope="read"
            )
            for account in self.accounts
        ]
        return [bearer("/oauth", token.token) for token in tokens]

    def jwt(self, path: str) -> list[Ask]:
        return [bearer(path, str(JwtToken.for_user(account))) for account in self.accounts]


def _token(path: str, text: str) -> Ask:
    return Ask(path, {"authorization": f"Token {text}"})
