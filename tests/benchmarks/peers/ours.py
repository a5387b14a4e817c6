"""Requests with credentials of ours: good ones, of rows all over the tables, and some that are not.

All are of the database that is aimed at.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from entities import codec, keys, services
from entities.actors import Actor
from entities.codec import Kind, SigningKey
from entities.models import AuthToken, Entity, Membership, UserToken
from tests.benchmarks.peers.asks import Ask, bearer
from tests.benchmarks.population import HALF

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BY = Actor.command("benchmarks")


class Ours:
    """Requests about members of `HALF`: those of `numbers` who are live.

    Each fourth number has a user token.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = numbers

    @cached_property
    def api_key(self) -> str:
        """The text of an API key, just issued."""
        return services.issue_api_key(entity=Entity.objects.get(pk=HALF), name="bench", by=BY)[1]

    @cached_property
    def auth_tokens(self) -> list[AuthToken]:
        """Live ones, by their creation, the users loaded with them."""
        members = [number + 1 for number in self.numbers]
        found = AuthToken.objects.live(at=timezone.now()).filter(membership__in=members)
        return list(found.select_related("membership__user").order_by("membership"))

    @cached_property
    def user_tokens(self) -> list[UserToken]:
        """Live ones of live members."""
        members = Membership.objects.live().filter(pk__in=[one + 1 for one in self.numbers])
        users = list(members.values_list("user", flat=True))
        return list(UserToken.objects.live(at=timezone.now()).filter(user__in=users).order_by("id"))

    def by_auth_token(self) -> list[Ask]:
        """The three headers, the third of them the user's authentication token."""
        return [
            self._three_headers(token.membership.user_id, token.derive_text())
            for token in self.auth_tokens
        ]

    def by_user_token(self) -> list[Ask]:
        """The three headers, the third of them a user token."""
        return [self._three_headers(token.user_id, _text_of(token)) for token in self.user_tokens]

    def forged(self) -> list[Ask]:
        """In the right form, with the right check characters, and the MAC of another key."""
        another = SigningKey(keys.current_key().id, b"another" * 4)
        return self._spoilt(
            lambda token: codec.compose(
                Kind.AUTH_TOKEN,
                prefix=keys.prefix_of(Kind.AUTH_TOKEN),
                id=token.id,
                generation=0,
                nonce=bytes(token.nonce),
                key=another,
            )
        )

    def mistyped(self) -> list[Ask]:
        """One character is another one."""

        def mistype(token: AuthToken) -> str:
            text = token.derive_text() or ""
            return f"{text[:30]}{'b' if text[30] == 'a' else 'a'}{text[31:]}"

        return self._spoilt(mistype)

    def of_wrong_kind(self) -> list[Ask]:
        """An API key, good as such, where a token belongs."""
        return self._spoilt(lambda token: self.api_key)

    def bearers(self) -> list[Ask]:
        """What a proxy asks about each of its requests."""
        return [bearer("/verify", token.derive_text() or "") for token in self.auth_tokens]

    def own(self) -> list[Ask]:
        """What users ask for their own tokens."""
        path = "/entities/{}/users/{}/authentication-token"
        return [
            Ask(path.format(HALF, ask.headers["userid"]), ask.headers)
            for ask in self.by_auth_token()
        ]

    def _three_headers(self, user_id: str, token: str | None) -> Ask:
        headers = {"apikey": self.api_key, "userid": user_id, "token": token or ""}
        return Ask("/headers", headers)

    def _spoilt(self, spoil: Callable[[AuthToken], str]) -> list[Ask]:
        # The API key before it is good, so that the refusal costs the most that it can.
        return [
            self._three_headers(token.membership.user_id, spoil(token))
            for token in self.auth_tokens
        ]


def _text_of(token: Any) -> str | None:
    return keys.compose(
        Kind.USER_TOKEN,
        id=token.id,
        generation=0,
        nonce=bytes(token.nonce),
        key_id=token.signing_key,
    )
