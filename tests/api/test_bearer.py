"""A host's REST framework views let callers in by an authentication token alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from entities.api.authentication import BearerAuthentication, HeaderAuthentication
from entities.api.base import ApiViewSet
from entities.api.throttling import CallThrottle
from entities.api.urls import urlpatterns as our_urls
from entities.exceptions import NotAuthenticatedError
from entities.http.bearer import REFUSED
from entities.models import AuthToken, Entity, User
from entities.services import (
    issue_token,
    issue_user_token,
    refresh_token,
    revoke_entity,
    revoke_token,
)
from entities.services.usage import write_noted_uses
from tests.conftest import BY
from tests.databases import connection
from tests.factories import AuthTokenFactory, MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse
    from rest_framework.request import Request

    from tests.conftest import Caller

pytestmark = pytest.mark.urls(__name__)

CHALLENGE = 'Bearer realm="entities"'
INVALID = f'{CHALLENGE}, error="invalid_token"'
OF_HEADERS = 'ApiKey realm="entities"'


class Who(APIView):
    authentication_classes = [BearerAuthentication]
    permission_classes = [IsAuthenticated]
    schema = AutoSchema()

    def get(self, request: Request, **kwargs: str) -> Response:
        caller = request.auth
        return Response(
            {
                "entity": caller.entity_id,
                "user": request.user.id,
                "is_user": type(request.user) is User,
                "admin": caller.is_admin,
                "flags": sorted(caller.flags),
                "key": caller.api_key_id,
            }
        )


class Open(APIView):
    authentication_classes = [BearerAuthentication]
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response({"known": request.auth is not None})


class Both(Open):
    authentication_classes = [BearerAuthentication, HeaderAuthentication]
    permission_classes = [IsAuthenticated]


class HeadersFirst(Both):
    authentication_classes = [HeaderAuthentication, BearerAuthentication]


class Limited(Open):
    throttle_classes = [CallThrottle]


class OfTenant(BearerAuthentication):
    def get_entity_id(self, request: Request) -> str | None:
        return str((request.parser_context or {})["kwargs"]["tenant"])


class ByTenant(Who):
    authentication_classes = [OfTenant]


urlpatterns = [
    path("who", Who.as_view()),
    path("who/<entityId>", Who.as_view()),
    path("tenants/<tenant>", ByTenant.as_view()),
    path("open", Open.as_view()),
    path("both", Both.as_view()),
    path("headers-first", HeadersFirst.as_view()),
    path("limited", Limited.as_view()),
    path("", include("entities.urls")),
]


@pytest.fixture
def noon() -> Iterator[None]:
    """Stand still, so that no window of a limit ends meanwhile."""
    with time_machine.travel(datetime(2030, 1, 1, 12, tzinfo=UTC), tick=False):
        yield


def get(url: str, authorization: str | None, **headers: str) -> HttpResponse:
    sent = {} if authorization is None else {"authorization": authorization}
    answer: HttpResponse = Client().get(url, headers=sent | headers)
    return answer


def told(response: HttpResponse) -> tuple[int, str | None]:
    return response.status_code, response.headers.get("WWW-Authenticate")


def other_char(text: str) -> str:
    return text[:-30] + ("0" if text[-30] != "0" else "1") + text[-29:]


def test_a_token_alone_says_who_calls_in_one_query(
    member: Caller, text: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        answer = get("/who", f"Bearer {text}")
    assert answer.json() == {
        "entity": member.membership.entity_id,
        "user": member.membership.user_id,
        "is_user": True,
        "admin": False,
        "flags": ["kept"],
        "key": None,
    }


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR", "Bearer "])
def test_the_scheme_is_read_in_any_case(scheme: str, text: str) -> None:
    assert get("/who", f"{scheme} {text}").status_code == 200


@pytest.mark.parametrize(
    "header", [None, "", "Basic dTpw", "Bearers x", "Token {text}", "xBearer {text}", "{text}"]
)
def test_without_the_header_or_with_another_scheme_nobody_is_known(
    header: str | None, text: str
) -> None:
    sent = header if header is None else header.format(text=text)
    assert told(get("/who", sent)) == (401, CHALLENGE)
    assert get("/open", sent).json() == {"known": False}


MALFORMED = [
    "Bearer",
    "Bearer ",
    "bearer\t{text}",
    "Bearer {text} ",
    "Bearer {text} x",
    "Bearer {text},Bearer {text}",
    "Bearer {text}, Bearer {text}",
    "Bearer {text},Basic dTpw",
    'Bearer realm="{text}"',
    "Bearer,{text}",
    "Bearer {text}\n",
    "Bearer \xe9{text}",
    "Bearer ",
    "Bearer=",
]
FORGED = ["Bearer x", "Bearer eat_x", "Bearer {mistyped}", "Bearer {upper}", "Bearer " + "x" * 9000]


@pytest.mark.parametrize("header", MALFORMED + FORGED)
def test_what_is_malformed_doubled_or_forged_is_refused_without_a_query(
    header: str, text: str, django_assert_num_queries: Any
) -> None:
    sent = header.format(text=text, mistyped=other_char(text), upper=text.upper())
    for url in ("/who", "/open"):
        with django_assert_num_queries(0):
            answer = get(url, sent)
        assert told(answer) == (401, INVALID)
        assert answer.json() == {"detail": str(REFUSED)}


def test_a_dead_token_is_refused_in_the_same_words(member: Caller, admin: Caller) -> None:
    expired = AuthTokenFactory(membership__entity=member.membership.entity, expired=True)
    off = AuthTokenFactory(membership__off=True)
    revoked = issue_token(membership=member.membership, by=member.actor)
    revoke_token(membership=member.membership, by=member.actor)
    of_past = AuthTokenFactory()
    revoke_entity(entity=of_past.membership.entity, by=BY)
    for token in (expired, off, revoked, of_past):
        with CaptureQueriesContext(connection) as asked:
            answer = get("/who", f"Bearer {token.derive_text()}")
        assert told(answer) == (401, INVALID)
        assert answer.json() == {"detail": str(REFUSED)}
        assert len(asked) == 1


def test_an_older_text_is_refused_once_its_grace_is_over(
    member: Caller, text: str, settings: Any
) -> None:
    refresh_token(membership=member.membership, by=member.actor)
    assert get("/who", f"Bearer {text}").status_code == 200
    settings.ENTITIES = {**settings.ENTITIES, "REFRESH_GRACE": timedelta(0)}
    assert told(get("/who", f"Bearer {text}")) == (401, INVALID)


def test_no_other_kind_of_credential_passes_for_a_token(
    member: Caller, text: str, django_assert_num_queries: Any
) -> None:
    user_token = issue_user_token(user=member.membership.user, name="x", by=BY)[1]
    for other in (member.api_key, user_token):
        with django_assert_num_queries(0):
            assert told(get("/who", f"Bearer {other}")) == (401, INVALID)


def test_the_header_of_todays_clients_is_no_proof(text: str) -> None:
    answer = get("/who", None, **{"entity-authentication-token": text})
    assert told(answer) == (401, CHALLENGE)


def test_the_entity_of_the_url_must_be_the_tokens(member: Caller, text: str) -> None:
    own, others = member.membership.entity_id, MembershipFactory().entity_id
    assert get(f"/who/{own}", f"Bearer {text}").json()["entity"] == own
    for other in (others, "e-none"):
        answer = get(f"/who/{other}", f"Bearer {text}")
        assert told(answer) == (401, INVALID)
        assert answer.json() == {"detail": str(REFUSED)}


def test_a_host_says_itself_where_its_url_names_the_entity(member: Caller, text: str) -> None:
    own, others = member.membership.entity_id, MembershipFactory().entity_id
    assert get(f"/tenants/{own}", f"Bearer {text}").status_code == 200
    assert told(get(f"/tenants/{others}", f"Bearer {text}")) == (401, INVALID)


def test_beside_the_three_headers_either_lets_in(member: Caller, text: str) -> None:
    for url, asked in (("/both", CHALLENGE), ("/headers-first", OF_HEADERS)):
        assert get(url, f"Bearer {text}").json() == {"known": True}
        assert get(url, None, **member.headers).json() == {"known": True}
        assert told(get(url, None)) == (401, asked)
    # What is wrong is not mended by what is right.
    assert told(get("/both", "Bearer x", **member.headers)) == (401, INVALID)


def test_a_use_is_noted(text: str) -> None:
    write_noted_uses()
    get("/who", f"Bearer {text}")
    assert write_noted_uses() == 1
    assert AuthToken.objects.get().last_used_at is not None


@pytest.mark.usefixtures("noon", "counting_cache")
def test_an_address_with_too_many_wrong_tokens_waits(
    member: Caller, text: str, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.ENTITIES = {**settings.ENTITIES, "RATE_LIMIT_FAILURES": "3/hour"}
    other = MembershipFactory().entity_id
    assert get("/who", f"Bearer {text}").status_code == 200
    assert get("/who", None).status_code == 401  # none came: that counts for nothing
    wrong = [get("/who", "Bearer x"), get(f"/who/{other}", f"Bearer {text}"), get("/who", "Bearer")]
    assert [answer.status_code for answer in wrong] == [401, 401, 401]
    with django_assert_num_queries(0):
        late = get("/who", f"Bearer {text}")
    assert late.status_code == 429
    assert int(late.headers["Retry-After"]) > 0
    assert member.get().status_code == 429  # the same address, whatever it brings


@pytest.mark.usefixtures("noon", "counting_cache")
def test_calls_by_a_token_count_against_the_callers_limit(text: str, settings: Any) -> None:
    settings.ENTITIES = {
        **settings.ENTITIES,
        "RATE_LIMIT_CALLER": "2/hour",
        "RATE_LIMIT_API_KEY": "1/hour",  # which none came with
    }
    sent = f"Bearer {text}"
    statuses = [get("/limited", sent).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_no_token_opens_our_own_views(
    member: Caller, text: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answer = get(member.path, f"Bearer {text}")
    assert told(answer) == (401, OF_HEADERS)
    assert answer.json()["code"] == NotAuthenticatedError.code


def test_every_view_of_the_api_takes_the_three_headers_and_nothing_else() -> None:
    classes = {
        getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
        for pattern in our_urls
    }
    ours = {one for one in classes if one is not None and issubclass(one, ApiViewSet)}
    assert len(ours) > 5
    assert {tuple(one.authentication_classes) for one in ours} == {(HeaderAuthentication,)}


def test_the_schema_of_a_host_describes_the_token() -> None:
    schema: Any = SchemaGenerator(patterns=urlpatterns[:1]).get_schema(request=None, public=True)
    assert schema["paths"]["/who"]["get"]["security"] == [{"entitiesBearer": []}]
    assert schema["components"]["securitySchemes"]["entitiesBearer"] == {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "eat_…",
        "description": "Live authentication token of a user in an entity.",
    }


def test_a_refusal_shows_no_text(text: str, caplog: Any) -> None:
    mistyped = other_char(text)
    answer = get("/who", f"Bearer {mistyped}")
    shown = answer.content.decode() + str(answer.headers) + caplog.text
    assert mistyped not in shown
    assert Entity.objects.get().pk not in shown
