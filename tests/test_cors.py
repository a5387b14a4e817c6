"""Browser apps of other origins: each entity opens its own paths to its own origins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from asgiref.sync import async_to_sync
from django.db import DatabaseError, router, transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, modify_settings, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import include, path

from entities import cors
from entities.cors import LIFETIME, MOST, KnownOrigins
from entities.models import Entity
from entities.services import update_entity
from entities.services.transactions import atomic
from tests.conftest import BY, Caller, path_of
from tests.databases import connection
from tests.factories import EntityFactory, MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = "https://app.example.com"
OTHER = "https://other.example.com"
SENT_TODAY = "apikey,content-type,entity-authentication-token,entityid,token,user-agent,userid"


def hosts_own(request: HttpRequest, **kwargs: str) -> HttpResponse:
    return HttpResponse("of the host")


urlpatterns = [
    path("auth/v1/", include("entities.urls")),
    path("own/<str:entityId>", hosts_own),
]


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def host(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be a host with django-cors-headers, whose process has just begun."""
    monkeypatch.setattr(cors, "known_origins", KnownOrigins(cors._ask, clock=clock))
    with (
        modify_settings(
            INSTALLED_APPS={"append": "corsheaders"},
            MIDDLEWARE={"prepend": "corsheaders.middleware.CorsMiddleware"},
        ),
        override_settings(
            CORS_ALLOW_METHODS=cors.METHODS,
            CORS_ALLOW_HEADERS=cors.REQUEST_HEADERS,
            CORS_EXPOSE_HEADERS=cors.ANSWER_HEADERS,
            CORS_URLS_REGEX="^/entities/",
        ),
    ):
        yield


@pytest.fixture
def entity(db: None) -> Entity:
    return EntityFactory(allowed_origins=[APP, "http://localhost:3000"])


def preflight(path: str, origin: str = APP, method: str = "PATCH") -> HttpResponse:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": SENT_TODAY,
    }
    return Client().options(path, headers=headers)


def opened(answer: HttpResponse) -> dict[str, str]:
    """Give what the answer tells a browser."""
    return {
        name.lower(): value
        for name, value in answer.headers.items()
        if name.lower().startswith("access-control-")
    }


def token_path(entity_id: str, user_id: str = "u") -> str:
    entity, user = quote(entity_id, safe=""), quote(user_id, safe="")
    return f"/entities/{entity}/users/{user}/authentication-token"


def test_a_preflight_of_an_allowed_origin_says_what_may_be_sent(entity: Entity) -> None:
    answer = preflight(token_path(entity.pk))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Vary"] == "origin"
    told = opened(answer)
    assert told.pop("access-control-allow-methods") == "DELETE, GET, PATCH, POST"
    allowed = set(told.pop("access-control-allow-headers").split(", "))
    assert allowed.issuperset(SENT_TODAY.split(","))
    assert allowed.issuperset({"authorization", "if-match", "if-none-match", "idempotency-key"})
    assert "retry-after" in told.pop("access-control-expose-headers").lower().split(", ")
    assert told == {"access-control-allow-origin": APP, "access-control-max-age": "86400"}


def test_every_answer_of_the_five_calls_can_be_read_errors_too(member: Caller) -> None:
    here = {"Origin": APP}
    answers = [
        member.get(headers=here),
        member.post(headers=here),
        member.post(headers=here),
        member.patch(json={"flags": 1}, headers=here),
        member.patch(json={"flags": ["a"]}, headers=here),
        member.post("/refresh", headers=here),
        member.get(headers=here | {"token": "wrong"}),
        member.call("put", headers=here),
        member.get("/nothing", headers=here),
        member.delete(headers=here),
    ]
    statuses = [404, 201, 409, 400, 200, 200, 401, 405, 404, 200]
    assert [answer.status_code for answer in answers] == statuses
    for answer in answers:
        assert opened(answer) == {
            "access-control-allow-origin": APP,
            "access-control-expose-headers": ", ".join(cors.ANSWER_HEADERS),
        }
        assert "origin" in answer.headers["Vary"].lower()


def test_what_an_app_has_to_read_is_exposed(member: Caller) -> None:
    """Whatever header of an answer is ours, and not one that browsers always show."""
    shown = {"cache-control", "content-length", "content-type", "vary"}
    of_browsers = {"x-content-type-options", "allow", "x-frame-options", "referrer-policy"}
    exposed = {name.lower() for name in cors.ANSWER_HEADERS}
    retry = {"Idempotency-Key": "k", "Origin": APP}
    for answer in (member.post(headers=retry), member.post(headers=retry), member.get()):
        ours = {name.lower() for name in answer.headers} - opened(answer).keys()
        assert ours - shown - of_browsers - {"cross-origin-opener-policy"} <= exposed


def test_whom_nothing_is_opened_for_learns_nothing(entity: Entity) -> None:
    off = EntityFactory(allowed_origins=[APP], is_active=False)
    without = EntityFactory()
    answers = [
        preflight(token_path(entity.pk), OTHER),
        preflight(token_path(off.pk)),
        preflight(token_path(without.pk)),
        preflight(token_path("e-nowhere")),
        preflight("/entities/e-nowhere"),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"")}
    assert len({str(sorted(answer.headers.items())) for answer in answers}) == 1
    assert opened(answers[0]) == {}


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "*",
        "https://app.example.com/",
        "https://app.example.com:443",
        "https://APP.example.com",
        "http://app.example.com",
        "https://evil.app.example.com",
        "https://app.example.com.evil.example",
        "http://localhost",
        "http://localhost:30000",
    ],
)
def test_an_origin_is_the_whole_of_it(origin: str, entity: Entity) -> None:
    assert opened(preflight(token_path(entity.pk), origin)) == {}


def test_an_origin_of_one_entity_opens_nothing_of_another(
    member: Caller, foreigner: Caller
) -> None:
    Entity.objects.filter(pk=foreigner.membership.entity_id).update(allowed_origins=[OTHER])
    for caller, mine, others in ((member, APP, OTHER), (foreigner, OTHER, APP)):
        assert opened(preflight(caller.path, mine)) != {}
        assert opened(preflight(caller.path, others)) == {}
        assert opened(caller.get(headers={"Origin": mine})) != {}
        assert opened(caller.get(headers={"Origin": others})) == {}


@pytest.mark.parametrize("path", ["/me", "/entities", "/admin/login/", "/nothing"])
def test_a_path_without_an_entity_is_opened_to_nobody(path: str, member: Caller) -> None:
    assert opened(preflight(path)) == {}
    assert opened(Client().get(path, headers=member.headers | {"Origin": APP})) == {}


def test_no_cookie_and_no_private_network(entity: Entity) -> None:
    path = token_path(entity.pk)
    headers = {"Origin": APP, "Access-Control-Request-Private-Network": "true"}
    answer = Client().get(path, headers=headers)
    assert (
        opened(answer)
        .keys()
        .isdisjoint({"access-control-allow-credentials", "access-control-allow-private-network"})
    )


@pytest.mark.parametrize("id", ["ü, 100%", "auth0|abc", "a@b.example", "a b"])
def test_ids_are_percent_encoded(id: str, db: None) -> None:
    EntityFactory(id=id, allowed_origins=[APP])
    assert opened(preflight(token_path(id, id))) != {}


def test_below_a_hosts_prefix_it_is_the_same_and_hosts_views_are_their_own(
    entity: Entity, settings: Any
) -> None:
    settings.ROOT_URLCONF = __name__
    settings.CORS_URLS_REGEX = "^.*$"
    assert opened(preflight(f"/auth/v1{token_path(entity.pk)}")) != {}
    assert opened(preflight(token_path(entity.pk))) == {}
    assert opened(preflight(f"/own/{entity.pk}")) == {}
    assert opened(Client().get(f"/own/{entity.pk}", headers={"Origin": APP})) == {}


def test_below_a_script_name_it_is_the_same(member: Caller, settings: Any) -> None:
    settings.FORCE_SCRIPT_NAME = "/auth"
    path = token_path(member.membership.entity_id, member.membership.user_id)
    answer = Client(SCRIPT_NAME="/auth").options(
        path, headers={"Origin": APP, "Access-Control-Request-Method": "GET"}
    )
    assert opened(answer)["access-control-allow-origin"] == APP


def test_without_the_hosts_regex_the_origins_are_asked_alone(member: Caller, settings: Any) -> None:
    settings.CORS_URLS_REGEX = "^/never/"
    assert opened(preflight(member.path)) != {}
    assert opened(member.get(headers={"Origin": APP})) != {}
    assert preflight(member.path, OTHER).status_code == 405
    assert opened(member.get()) == {}


class TestQueries:
    """How often the database is asked."""

    def count(self, *paths: str, origin: str = APP) -> int:
        with CaptureQueriesContext(connection) as asked:
            for each in paths:
                preflight(each, origin)
        return len(asked)

    def test_an_entity_is_asked_for_once_in_a_while(self, entity: Entity, clock: Clock) -> None:
        path = token_path(entity.pk)
        assert self.count(path, path, f"/entities/{entity.pk}/users") == 1
        assert self.count(path, origin=OTHER) == 0
        clock.now += LIFETIME
        assert self.count(path, path) == 1

    def test_so_is_one_that_is_not_there(self, db: None, clock: Clock) -> None:
        path = token_path("e-nowhere")
        assert self.count(path, path) == 1
        clock.now += LIFETIME
        assert self.count(path, path) == 1

    def test_a_call_of_no_browser_asks_nothing(self, member: Caller) -> None:
        with CaptureQueriesContext(connection) as plain:
            member.get()
        member.get(headers={"Origin": APP})
        with CaptureQueriesContext(connection) as of_a_browser:
            member.get(headers={"Origin": APP})
        assert len(of_a_browser) == len(plain)

    def test_what_cannot_be_an_id_is_not_asked_for(self, db: None) -> None:
        assert self.count(token_path("a" * 129), token_path(" "), "/entities//users") == 0

    def test_made_up_entities_push_out_none_that_is_there(self, entity: Entity) -> None:
        path = token_path(entity.pk)
        assert self.count(path) == 1
        known = cors.known_origins
        for number in range(MOST + 5):
            known.of(f"made-up-{number}")
        assert (len(known._some), len(known._none)) == (1, MOST)
        assert self.count(path) == 0


@pytest.mark.django_db(transaction=True)
def test_a_change_counts_at_once_and_one_that_is_rolled_back_never(
    entity: Entity, member: Caller
) -> None:
    path = member.path
    assert opened(preflight(path)) != {}
    with atomic():
        update_entity(entity=entity, by=BY, allowed_origins=[OTHER])
        transaction.set_rollback(True, using=router.db_for_write(Entity))
    assert opened(preflight(path)) != {}
    update_entity(entity=entity, by=BY, allowed_origins=[OTHER])
    assert opened(preflight(path)) == {}
    assert opened(preflight(path, OTHER)) != {}
    update_entity(entity=entity, by=BY, is_active=False)
    assert opened(preflight(path, OTHER)) == {}


@pytest.mark.django_db(transaction=True)
def test_an_admin_opens_the_entity_over_rest(db: None) -> None:
    from entities.services import issue_api_key
    from tests.conftest import caller_of

    membership = MembershipFactory(admin=True)
    entity = membership.entity
    admin = caller_of(membership, issue_api_key(entity=entity, name="x", by=BY)[1])
    assert opened(preflight(path_of(membership))) == {}
    admin.patch(f"/entities/{entity.pk}", json={"allowedOrigins": [APP]})
    assert opened(preflight(path_of(membership))) != {}


def test_a_change_by_another_process_counts_soon(entity: Entity, clock: Clock) -> None:
    path = token_path(entity.pk)
    assert opened(preflight(path)) != {}
    Entity.objects.update(allowed_origins=[])
    clock.now += LIFETIME - 1
    assert opened(preflight(path)) != {}
    clock.now += 1
    assert opened(preflight(path)) == {}


def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    rows = {"e": frozenset({APP})}

    def ask(entity_id: str) -> frozenset[str]:
        read = rows[entity_id]
        if APP in read:  # somebody changes it before the reader is back
            rows["e"] = frozenset({OTHER})
            known.forget("e")
        return read

    known = KnownOrigins(ask)
    assert known.of("e") == {APP}
    assert known.of("e") == {OTHER}


def test_a_database_that_fails_spoils_no_answer(
    member: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr("django.db.models.query.QuerySet.only", fail)
        answer = member.post(headers={"Origin": APP})
    assert (answer.status_code, opened(answer)) == (201, {})
    assert caplog.messages == ["The origins of an entity cannot be read."]
    assert opened(member.get(headers={"Origin": APP})) != {}


@pytest.mark.django_db(transaction=True)
def test_under_asgi_it_is_the_same(entity: Entity) -> None:
    headers = {"Origin": APP, "Access-Control-Request-Method": "GET"}
    answer = async_to_sync(AsyncClient().options)(token_path(entity.pk), headers=headers)
    assert opened(answer)["access-control-allow-origin"] == APP
