"""What every view of the API has in common. The host's defaults for REST framework are not ours."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from django.db import router, transaction
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from entities.api.authentication import HeaderAuthentication
from entities.api.body import read_json_object
from entities.api.conditions import etag_of, if_match, is_known
from entities.api.errors import Replay, exception_handler
from entities.api.permissions import ManagesUser
from entities.api.retries import begin, settle
from entities.api.schema import ApiSchema
from entities.api.throttling import CallThrottle
from entities.conf import app_settings
from entities.exceptions import EntityNotFoundError, MembershipNotFoundError
from entities.http.counting import limit_headers
from entities.http.requests import check_length, method_as_sent
from entities.models import AuthToken, Entity, Membership
from entities.models.finding import find_membership
from entities.origins import REQUEST_ID_HEADER, origin_of
from entities.services.retries import Attempt, KeptAnswer, filled, value_at
from entities.verification import Principal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rest_framework.parsers import BaseParser
    from rest_framework.renderers import BaseRenderer
    from rest_framework.request import Request
    from rest_framework.serializers import BaseSerializer
    from rest_framework.views import AsView, GenericView

    from entities.actors import Actor
    from entities.models import ApiKey, UserToken

    Credential = AuthToken | ApiKey | UserToken


class AlwaysJson(BaseContentNegotiation):
    """Answers in JSON whatever `Accept` says: there is nothing else (RFC 9110 section 12.5.1)."""

    def select_parser(self, request: Request, parsers: Sequence[BaseParser]) -> None:  # type: ignore[override]
        return None

    def select_renderer(  # type: ignore[override]
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type or ""


class Answer(Response):
    """An answer that knows where in it a text stands, and of which credential."""

    secrets: Mapping[str, Credential]

    def __init__(self, *args: Any, secrets: Mapping[str, Credential], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.secrets = secrets


class ApiViewSet(ViewSet):
    """JSON in and out, one error form, never cached, and transactions left to the services."""

    authentication_classes = [HeaderAuthentication]
    permission_classes = [ManagesUser]
    parser_classes = [JSONParser]  # for the schema: `parse` reads the body itself
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJson
    throttle_classes = [CallThrottle]
    versioning_class = None
    metadata_class = None
    schema = ApiSchema()
    http_method_names = ["get", "head", "post", "patch", "delete"]
    attempt: Attempt | None = None
    """Of a POST that carries a key, while it is carried out."""

    @classmethod
    def as_view(
        cls, actions: dict[str, Any] | None = None, **initkwargs: Any
    ) -> AsView[GenericView]:
        """Make the view. It stands outside of ATOMIC_REQUESTS: a commit must outlive an error."""
        view = super().as_view(actions, **initkwargs)
        return transaction.non_atomic_requests(using=router.db_for_write(AuthToken))(view)

    @property
    def max_body_bytes(self) -> int:
        """The largest body that is read."""
        return app_settings.MAX_BODY_BYTES

    @property
    def caller(self) -> Principal:
        """Who makes the request. Only for views whose permissions let nobody else in."""
        return cast("Principal", self.request.auth)

    @cached_property
    def actor(self) -> Actor:
        """The caller as the services want to know him, and where the request came from."""
        return replace(self.caller.actor, origin=origin_of(self.request._request))

    @property
    def if_match(self) -> frozenset[str] | None:
        """Versions one of which the caller wants to change, for a service; None: whatever it is.

        Raises:
            ValidationError: the header If-Match is malformed.
        """
        return if_match(self.request._request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what no credentials would make right before any are looked at.

        What was answered before is answered again, once the caller is known and permitted.
        """
        method = method_as_sent(request._request)
        if method not in self.allowed_methods:
            raise MethodNotAllowed(method)
        check_length(request._request, limit=self.max_body_bytes)
        super().initial(request, *args, **kwargs)
        if isinstance(request.auth, Principal):
            begun = begin(request._request, by=self.actor, limit=self.max_body_bytes)
            if isinstance(begun, KeptAnswer):
                raise Replay(begun)
            self.attempt = begun

    def check_permissions(self, request: Request) -> None:
        """Count the call first: one that is not permitted is a call too."""
        super().check_throttles(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Nothing is left to do, see `check_permissions`."""

    def get_exception_handler(self) -> Callable[..., Response]:
        return exception_handler

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Forbid caching: caches spare requests with `Authorization` only, and ours have none.

        An answer to a POST with a key is kept before it is sent.

        Spec: RFC 9111 section 3.5.
        """
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.attempt is not None:
            settle(self.attempt, response, getattr(response, "secrets", {}))
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers[REQUEST_ID_HEADER] = origin_of(request._request).request_id
        for name, value in limit_headers(request._request).items():
            response.headers[name] = value
        return response

    def respond(
        self,
        data: Mapping[str, Any],
        *,
        status: int = 200,
        version: str | None = None,
        secrets: Mapping[str, Credential] | None = None,
    ) -> Response:
        """Answer with `data`; of a GET that knows it already, with 304.

        Args:
            version: of the row that `data` shows, for its ETag; `None`: it has none.
            secrets: each place in `data` that may hold a text, like `apiKey` or
                `results.3.authenticationToken`, and the credential whose text it is. They go into
                no digest, and are not kept with the answer.
        """
        headers: dict[str, str] = {}
        if version is not None:
            hidden = {place: value_at(data, place) is not None for place in secrets or ()}
            shown = filled(data, hidden)
            headers["ETag"] = etag_of(version, JSONRenderer().render(shown))
            is_read = self.request.method in ("GET", "HEAD")
            if is_read and is_known(self.request._request, headers["ETag"]):
                return Response(status=304, headers=headers)
        return Answer(data, status=status, headers=headers, secrets=secrets or {})

    def parse(self, serializer_class: type[BaseSerializer[Any]]) -> dict[str, Any]:
        """Read the body in the shape of `serializer_class`."""
        body = read_json_object(self.request._request, limit=self.max_body_bytes)
        serializer = serializer_class(data=body)
        serializer.is_valid(raise_exception=True)
        terms: dict[str, Any] = serializer.validated_data
        return terms


class MembershipViewSet(ApiViewSet):
    """A view about one user of one entity, which the path names."""

    @cached_property
    def membership(self) -> Membership:
        """The membership of the path, its token loaded with it.

        Raises:
            MembershipNotFoundError: there is none.
            EntityNotFoundError: there is no such entity, and the caller is a superuser.
        """
        try:
            return find_membership(entity_id=self.kwargs["entityId"], user_id=self.kwargs["userId"])
        except Membership.DoesNotExist:
            if not Entity.objects.filter(pk=self.kwargs["entityId"]).exists():
                raise EntityNotFoundError from None
            raise MembershipNotFoundError from None
