"""The three headers `apikey`, `userid` and `token`, for our views and for those of hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from entities.api.errors import ReadOnlyKeyRefused
from entities.api.throttling import count_refused, refuse_after_failures
from entities.exceptions import NotAuthenticatedError
from entities.http.counting import count_failure
from entities.services.usage import note_use
from entities.verification import Presented, verify_request

if TYPE_CHECKING:
    from rest_framework.request import Request

    from entities.models import User
    from entities.verification import Principal


class HeaderAuthentication(BaseAuthentication):
    """Proves the caller by API key, user and token: `request.user` is the `entities.User`,
    `request.auth` the `Principal`.

    The entity is the one that the URL names as `entityId`; in a view without one, the API key's
    own. One query; none where a text is forged or mistyped, or where the client's address has
    brought too many wrong ones.
    """  # noqa: D205

    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        """None without any of the headers; otherwise they are ours to judge.

        Raises:
            AuthenticationFailed: wrong, dead, doubled or missing in part; one wording for all.
            ReadOnlyKeyRefused: the API key only reads, and the method may change something. It is
                asked here, so that no view can forget it.
            Throttled: `RATE_LIMIT_FAILURES` is used up; with such an API key, another limit too.
        """
        meta = request._request.META  # past the proxy that REST framework's request is
        sent = [meta.get("HTTP_APIKEY"), meta.get("HTTP_USERID"), meta.get("HTTP_TOKEN")]
        if sent == [None, None, None]:
            return None
        refuse_after_failures(request._request)
        try:
            principal = verify_request(self._presented(request, *(text or "" for text in sent)))
        except NotAuthenticatedError as error:
            count_failure(request._request)
            raise AuthenticationFailed(error.message, code=error.code) from None
        for use in principal.uses:
            note_use(use.kind, use.id, at=use.at)
        if principal.reads_only and request.method not in {"GET", "HEAD"}:
            count_refused(request._request, principal)
            raise ReadOnlyKeyRefused
        return principal.user, principal

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme in `WWW-Authenticate` (RFC 9110 section 11.6.1)."""
        return 'ApiKey realm="entities"'

    def get_entity_id(self, request: Request) -> str | None:
        """Return the entity that the request is about; None: the API key's own."""
        kwargs = (request.parser_context or {}).get("kwargs", {})
        entity_id: str | None = kwargs.get("entityId")
        return entity_id

    def _presented(self, request: Request, api_key: str, user_id: str, token: str) -> Presented:
        # Servers join a header that comes twice by a comma, so one with a comma came twice.
        # An id that has one is sent percent-encoded.
        if "," in user_id:
            raise NotAuthenticatedError("userid: doubled")
        try:
            user_id = user_id.encode("latin-1").decode()
        except UnicodeError:
            raise NotAuthenticatedError("userid: not UTF-8") from None
        return Presented(
            api_key=api_key, user_id=user_id, token=token, entity_id=self.get_entity_id(request)
        )
