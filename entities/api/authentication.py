"""Who calls, for REST framework: by three headers, our views' and hosts', or by a bearer token."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.utils.translation import get_language
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled

from entities.api.errors import ProviderUnavailable, ReadOnlyKeyRefused
from entities.api.throttling import count_refused, refuse_after_failures
from entities.conf import app_settings
from entities.exceptions import NotAuthenticatedError, ProviderUnavailableError
from entities.http.bearer import challenge, is_bearer
from entities.http.callers import TooManyFailuresError, caller_by_bearer
from entities.http.counting import count_failure
from entities.services.usage import note_uses
from entities.verification import Presented, verify_request

if TYPE_CHECKING:
    from rest_framework.request import Request

    from entities.models import User
    from entities.verification import Principal


_HEADERS = ("HTTP_APIKEY", "HTTP_USERID", "HTTP_TOKEN")


class EntityAuthentication(BaseAuthentication):
    """Base of the two: both prove somebody in an entity."""

    def get_entity_id(self, request: Request) -> str | None:
        """Return the entity that the URL names; None: it names none.

        Where URL patterns call it something else than `entityId`, override this.
        """
        kwargs = (request.parser_context or {}).get("kwargs", {})
        return str(kwargs["entityId"]) if "entityId" in kwargs else None


class BearerAuthentication(EntityAuthentication):
    """Proves the caller by `Authorization: Bearer` and an authentication token.

    `request.user` is the `entities.User`, `request.auth` the `Principal`.

    A token of another entity than the URL names as `entityId` is refused. A view without one lets
    tokens of every entity in: let it touch what is of `request.auth.entity_id`, and nothing else.
    One query; none where the text is forged or mistyped. Where several classes are named, REST
    framework asks the first for `WWW-Authenticate`.

    Spec: RFC 6750.
    """

    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        """None without the header, or where it is of another scheme.

        Raises:
            AuthenticationFailed: wrong, dead, doubled, or of another entity; one wording for all.
            Throttled: `RATE_LIMIT_FAILURES` is used up.
        """
        try:
            caller = caller_by_bearer(request._request, entity_id=self.get_entity_id(request))
        except TooManyFailuresError as error:
            raise Throttled(error.wait) from None
        except NotAuthenticatedError as error:
            raise AuthenticationFailed(error.message, code=error.code) from None
        return None if caller is None else (caller.user, caller)

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme in `WWW-Authenticate`, and an error where a token came."""
        return challenge("invalid_token" if is_bearer(request._request) else None)


class HeaderAuthentication(EntityAuthentication):
    """Proves the caller by API key, user and token.

    `request.user` is the `entities.User`, `request.auth` the `Principal`.

    The entity is the one that the URL names as `entityId`; in a view without one, the API key's
    own. One query; none where a text is forged or mistyped, or where the client's address has
    brought too many wrong ones.
    """

    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        """None without any of the headers; otherwise they are ours to judge.

        Raises:
            AuthenticationFailed: wrong, dead, doubled or missing in part; one wording for all.
            ReadOnlyKeyRefused: the API key only reads, and the method may change something. It is
                asked here, so that no view can forget it.
            ProviderUnavailable: an identity provider is to prove the user, and is away.
            Throttled: `RATE_LIMIT_FAILURES` is used up; with such an API key, another limit too.
        """
        sent = request._request  # REST framework's request is a slow proxy of it
        api_key, user_id, token = map(sent.META.get, _HEADERS)
        if api_key is None and user_id is None and token is None:
            return None
        if app_settings.RATE_LIMITS:
            refuse_after_failures(sent)
        try:
            user_id = _read(user_id or "")
            entity_id = self.get_entity_id(request)
            principal = verify_request(Presented(api_key or "", user_id, token or "", entity_id))
        except NotAuthenticatedError as error:
            count_failure(sent)
            raise _refusal(error) from None
        except ProviderUnavailableError:
            raise ProviderUnavailable from None
        note_uses(principal.used, at=principal.verified_at)
        if sent.method not in {"GET", "HEAD"} and principal.reads_only:
            count_refused(sent, principal)
            raise ReadOnlyKeyRefused
        return principal.user, principal

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme in `WWW-Authenticate` (RFC 9110 section 11.6.1)."""
        return 'ApiKey realm="entities"'


def _read(user_id: str) -> str:
    """Read the header `userid`: a server hands on each of its bytes as a character.

    Raises:
        NotAuthenticatedError: it came twice, or is no UTF-8.
    """
    # Servers join a header that comes twice by a comma, so one with a comma came twice.
    # An id that has one is sent percent-encoded.
    if "," in user_id:
        raise NotAuthenticatedError("userid: doubled")
    if user_id.isascii():
        return user_id
    try:
        return user_id.encode("latin-1").decode()
    except UnicodeError:
        raise NotAuthenticatedError("userid: not UTF-8") from None


def _refusal(error: NotAuthenticatedError) -> AuthenticationFailed:
    is_usual = error.message is NotAuthenticatedError.message
    message = _sentence(get_language()) if is_usual else error.message
    return AuthenticationFailed(message, code=error.code)


@lru_cache(maxsize=100)
def _sentence(language: str | None) -> str:
    """Translate the sentence of most refusals, once for each language."""
    return str(NotAuthenticatedError.message)
