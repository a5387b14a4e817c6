"""Plain views of a host let callers in by an authentication token, `async` ones as others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_page

from entities.guards import TokenMiddleware, token_required
from entities.http.bearer import REFUSED
from entities.models import AuthToken
from entities.services import issue_token, issue_user_token, revoke_token
from entities.services.usage import write_noted_uses
from tests.conftest import BY
from tests.databases import connection
from tests.factories import MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Caller

pytestmark = pytest.mark.urls(__name__)

CHALLENGE = 'Bearer realm="entities"'
INVALID = f'{CHALLENGE}, error="invalid_token"'
LACKING = f'{CHALLENGE}, error="insufficient_scope"'


def answer(request: Any, **kwargs: Any) -> JsonResponse:
    caller = request.principal
    known = None if caller is None else [caller.entity_id, caller.user.id, sorted(caller.flags)]
    return JsonResponse({"caller": known, "account": request.user.get_username()})


@token_required
def plain(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """Say who calls."""
    return answer(request)


@token_required
async def plain_async(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    await asyncio.sleep(0)
    return JsonResponse({"caller": request.principal.user.id})


class Plain(View):
    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return answer(request)

    post = get


class PlainAsync(View):
    async def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return JsonResponse({"caller": request.principal.user.id})

    post = get


def tenant_of(entity: str | None, **asked: Any) -> Callable[..., HttpResponse]:
    return token_required(entity=entity, **asked)(answer)


def known(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return answer(request)


async def known_async(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    caller = request.principal
    return JsonResponse({"caller": None if caller is None else caller.user.id})


Guarded = method_decorator(token_required, name="dispatch")(type("Guarded", (Plain,), {}))
GuardedAsync = method_decorator(token_required, name="dispatch")(
    type("GuardedAsync", (PlainAsync,), {})
)
flagged = method_decorator(token_required(flags=["a", "b"]), name="dispatch")

GUARDED = ["plain", "async", "class", "async-class", "as-view", "async-as-view"]
urlpatterns = [
    path("plain", plain),
    path("plain/<entityId>", plain),
    path("async", plain_async),
    path("async/<entityId>", plain_async),
    path("class", Guarded.as_view()),
    path("class/<entityId>", Guarded.as_view()),
    path("async-class", GuardedAsync.as_view()),
    path("async-class/<entityId>", GuardedAsync.as_view()),
    path("as-view", token_required(Plain.as_view())),
    path("as-view/<entityId>", token_required(Plain.as_view())),
    path("async-as-view", token_required(PlainAsync.as_view())),
    path("async-as-view/<entityId>", token_required(PlainAsync.as_view())),
    path("flags", token_required(flags=["a", "b"])(answer)),
    path("flags-class", flagged(type("Flagged", (Plain,), {})).as_view()),
    path("admin", token_required(admin=True)(answer)),
    path("all", token_required(flags=["a"], admin=True)(answer)),
    path("tenants/<tenant>", tenant_of("tenant")),
    path("numbers/<int:tenant>", tenant_of("tenant")),
    path("nowhere", tenant_of("tenant")),
    path("known", known),
    path("known/<entityId>", known),
    path("known-async", known_async),
    path("known-async/<entityId>", known_async),
    path("cached", cache_page(60)(plain)),
    path("cached-known", cache_page(60)(known)),
]

MIDDLEWARE = "entities.guards.TokenMiddleware"


def get(url: str, authorization: str | None = None, **kwargs: Any) -> Any:
    headers = {} if authorization is None else {"authorization": authorization}
    return Client(**kwargs).get(f"/{url}", headers=headers)


def get_async(url: str, authorization: str | None = None) -> Any:
    """Ask as under ASGI: one event loop, and the database in a thread of its own."""
    headers = {} if authorization is None else {"authorization": authorization}
    return async_to_sync(AsyncClient().get)(f"/{url}", headers=headers)


def issued(caller: Caller, *flags: str) -> str:
    text = issue_token(membership=caller.membership, by=caller.actor, flags=flags).derive_text()
    assert text is not None
    return text


def told(response: Any) -> tuple[int, str, str | None]:
    """Return status, code and challenge of a refusal, and check the rest of its form."""
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Authorization" in response.headers["Vary"]
    body = response.json()
    assert (body["status"], body["success"]) == (response.status_code, False)
    assert body["error"] == body["detail"]
    return response.status_code, body["code"], response.headers.get("WWW-Authenticate")


@pytest.fixture
def text(member: Caller) -> str:
    """Text of the member's token, with the flags `a` and `c`."""
    return issued(member, "a", "c")


@pytest.fixture
def with_middleware(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]


@pytest.fixture
def noon() -> Iterator[None]:
    """Stand still, so that no window of a limit ends meanwhile."""
    with time_machine.travel(datetime(2030, 1, 1, 12, tzinfo=UTC), tick=False):
        yield


@pytest.fixture(params=[get, get_async], ids=["sync client", "async client"])
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    asked: Callable[..., Any] = request.param
    return asked


@pytest.mark.parametrize("url", GUARDED)
def test_a_token_lets_in_with_one_query(
    url: str, ask: Any, member: Caller, text: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        found = ask(url, f"Bearer {text}")
    assert found.status_code == 200
    assert member.membership.user_id in str(found.json()["caller"])
    assert "Authorization" in found.headers["Vary"]


@pytest.mark.parametrize("url", GUARDED)
def test_without_a_token_the_view_is_not_reached(url: str, ask: Any, db: None) -> None:
    for sent in (None, "Basic dTpw"):
        refused = ask(url, sent)
        assert told(refused) == (401, "not_authenticated", CHALLENGE)
        assert refused.json()["error"] == str(REFUSED)


@pytest.mark.parametrize("url", GUARDED)
@pytest.mark.parametrize(
    "sent", ["Bearer", "Bearer x", "Bearer {text},Bearer {text}", "Bearer {text}0"]
)
def test_a_forged_or_malformed_token_is_refused_without_a_query(
    sent: str, url: str, ask: Any, text: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        refused = ask(url, sent.format(text=text))
    assert told(refused) == (401, "not_authenticated", INVALID)
    assert refused.json()["error"] == str(REFUSED)


@pytest.mark.parametrize("url", GUARDED)
def test_a_dead_token_is_refused_in_the_same_words(
    url: str, ask: Any, member: Caller, text: str
) -> None:
    revoke_token(membership=member.membership, by=member.actor)
    refused = ask(url, f"Bearer {text}")
    assert told(refused) == (401, "not_authenticated", INVALID)
    assert refused.json()["error"] == str(REFUSED)


@pytest.mark.parametrize("url", GUARDED)
def test_the_entity_of_the_url_must_be_the_tokens(
    url: str, ask: Any, member: Caller, text: str
) -> None:
    assert ask(f"{url}/{member.membership.entity_id}", f"Bearer {text}").status_code == 200
    for other in (MembershipFactory().entity_id, "e-none"):
        refused = ask(f"{url}/{other}", f"Bearer {text}")
        assert told(refused) == (401, "not_authenticated", INVALID)


def test_other_kinds_of_credentials_are_refused(member: Caller) -> None:
    user_token = issue_user_token(user=member.membership.user, name="x", by=BY)[1]
    for other in (member.api_key, user_token):
        assert told(get("plain", f"Bearer {other}")) == (401, "not_authenticated", INVALID)


def test_every_flag_is_wanted(member: Caller, other_member: Caller, text: str) -> None:
    for url in ("flags", "flags-class"):
        refused = get(url, f"Bearer {text}")
        assert told(refused) == (403, "insufficient_scope", f'{LACKING}, scope="a b"')
        assert refused.json()["error"] == "This takes an authentication token with a b."
    both = issued(other_member, "b", "a")
    assert get("flags", f"Bearer {both}").status_code == 200
    assert get("flags-class", f"Bearer {both}").status_code == 200


def test_an_admin_of_the_entity_is_wanted(admin: Caller, text: str) -> None:
    refused = get("admin", f"Bearer {text}")
    assert told(refused) == (403, "permission_denied", LACKING)
    assert refused.json()["error"] == "This takes an admin of the entity."
    of_admin = issued(admin)
    assert get("admin", f"Bearer {of_admin}").status_code == 200
    refused = get("all", f"Bearer {of_admin}")
    assert told(refused) == (403, "insufficient_scope", f'{LACKING}, scope="a"')
    assert told(get("all", f"Bearer {text}")) == (
        403,
        "permission_denied",
        f'{LACKING}, scope="a"',
    )


def test_a_host_says_what_its_urls_call_the_entity(member: Caller, text: str) -> None:
    assert get(f"tenants/{member.membership.entity_id}", f"Bearer {text}").status_code == 200
    assert told(get("tenants/e-other", f"Bearer {text}"))[0] == 401
    numbered = MembershipFactory(entity__id="42")
    of_number = issue_token(membership=numbered, by=BY).derive_text()
    assert get("numbers/42", f"Bearer {of_number}").status_code == 200
    assert told(get("numbers/41", f"Bearer {of_number}"))[0] == 401


def test_a_name_that_the_url_does_not_have_lets_nobody_in(text: str) -> None:
    for sent in (None, f"Bearer {text}"):
        with pytest.raises(ImproperlyConfigured, match="has no 'tenant'"):
            get("nowhere", sent)
        assert get("nowhere", sent, raise_request_exception=False).status_code == 500


def test_a_view_stays_what_it_is() -> None:
    assert (plain.__name__, plain.__doc__) == ("plain", "Say who calls.")
    assert plain.__wrapped__.__name__ == "plain"  # type: ignore[attr-defined]
    assert [iscoroutinefunction(view) for view in (plain, plain_async)] == [False, True]
    assert [view.as_view().csrf_exempt for view in (Guarded, GuardedAsync)] == [True, True]  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrong", [Plain, "flag", 1])
def test_it_stands_on_views_only(wrong: Any) -> None:
    with pytest.raises(TypeError, match="is no view"):
        token_required(wrong)


@pytest.mark.parametrize("flags", ["", "reports.read", [""], ["a b"], ["a", 1], None, {}])
def test_flags_that_no_token_can_carry_are_an_error_at_start(flags: Any) -> None:
    with pytest.raises(ValueError, match="is no list of flags"):
        token_required(flags=flags)


def test_no_cookie_lets_anybody_in_and_csrf_asks_nothing(text: str) -> None:
    client = Client(enforce_csrf_checks=True)
    for url in GUARDED:
        sent = {"authorization": f"Bearer {text}"}
        assert client.post(f"/{url}", headers=sent).status_code == 200
        assert client.post(f"/{url}").status_code == 401


def test_csrf_still_guards_views_that_the_middleware_only_tells(
    text: str, with_middleware: None
) -> None:
    client = Client(enforce_csrf_checks=True)
    sent = {"authorization": f"Bearer {text}"}
    assert client.post("/known", headers=sent).status_code == 403


@pytest.mark.parametrize("url", GUARDED)
def test_a_host_that_wants_a_login_everywhere_wants_none_here(
    url: str, text: str, settings: Any
) -> None:
    login = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, login]
    assert get(url, f"Bearer {text}").status_code == 200
    assert get(url).status_code == 401
    assert get("known").status_code == 302


def test_the_login_of_django_is_left_alone(
    text: str, django_user_model: Any, with_middleware: None
) -> None:
    client = Client()
    client.force_login(django_user_model.objects.create_user("staff"))
    sent = {"authorization": f"Bearer {text}"}
    for url in ("/plain", "/known"):
        assert client.get(url, headers=sent).json()["account"] == "staff"
        assert get(url[1:], f"Bearer {text}").json()["account"] == ""
    assert told(client.get("/plain"))[0] == 401  # a login is no token


@pytest.mark.parametrize("url", ["known", "known-async"])
def test_the_middleware_tells_who_calls_and_lets_everybody_in(
    url: str, ask: Any, member: Caller, text: str, with_middleware: None
) -> None:
    found = ask(url, f"Bearer {text}")
    assert member.membership.user_id in str(found.json()["caller"])
    assert "Authorization" in found.headers["Vary"]
    revoke_token(membership=member.membership, by=member.actor)
    for sent in (None, "Basic dTpw", "Bearer", "Bearer x", "Bearer eat_x", f"Bearer {text}"):
        found = ask(url, sent)
        assert (found.status_code, found.json()["caller"]) == (200, None)
        assert "Authorization" in found.headers["Vary"]


@pytest.mark.parametrize("url", ["known", "known-async"])
def test_the_middleware_knows_nobody_of_another_entity(
    url: str, ask: Any, member: Caller, text: str, with_middleware: None
) -> None:
    own = ask(f"{url}/{member.membership.entity_id}", f"Bearer {text}")
    assert own.json()["caller"] is not None
    other = ask(f"{url}/{MembershipFactory().entity_id}", f"Bearer {text}")
    assert (other.status_code, other.json()["caller"]) == (200, None)


@pytest.mark.parametrize("url", GUARDED)
def test_middleware_and_guard_ask_once_together(
    url: str, ask: Any, text: str, with_middleware: None, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        assert ask(url, f"Bearer {text}").status_code == 200
    with django_assert_num_queries(0):
        assert told(ask(url, f"Bearer {text}0"))[0] == 401
    assert told(ask(f"{url}/e-other", f"Bearer {text}"))[0] == 401


@pytest.mark.usefixtures("noon", "counting_cache", "with_middleware")
def test_an_address_with_too_many_wrong_tokens_waits(
    ask: Any, text: str, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.ENTITIES = {**settings.ENTITIES, "RATE_LIMIT_FAILURES": "3/hour"}
    for _ in range(4):  # somebody else's: the middleware has no opinion
        assert ask("known", "Bearer somebody-elses").status_code == 200
    assert ask("plain", f"Bearer {text}").status_code == 200
    for url in ("known", "plain", "async"):  # each is counted once, however many look at it
        ask(url, "Bearer eat_wrong")
    with django_assert_num_queries(0):
        late = ask("plain", f"Bearer {text}")
    assert told(late) == (429, "rate_limited", None)
    assert 0 < int(late.headers["Retry-After"]) <= 3600
    with django_assert_num_queries(0):
        assert ask("known", f"Bearer {text}").json()["caller"] is None
    assert told(ask("plain"))[0] == 401


def test_a_use_is_noted(ask: Any, text: str, with_middleware: None) -> None:
    write_noted_uses()
    ask("known", f"Bearer {text}")
    assert write_noted_uses() == 1
    assert AuthToken.objects.get().last_used_at is not None
    assert ask("plain", f"Bearer {text}").status_code == 200


@pytest.mark.parametrize("url", ["cached", "cached-known"])
@pytest.mark.usefixtures("counting_cache", "with_middleware")
def test_djangos_cache_mixes_no_callers_up(url: str, text: str, other_member: Caller) -> None:
    other = issued(other_member)
    first = get(url, f"Bearer {text}").json()
    assert get(url, f"Bearer {text}").json() == first
    second = get(url, f"Bearer {other}").json()
    assert second["caller"] not in (None, first["caller"])
    nobody = get(url)
    assert nobody.status_code == 401 if url == "cached" else nobody.json()["caller"] is None


def test_what_a_view_forgets_django_tells() -> None:
    def forgets(request: HttpRequest) -> Any:
        return None

    middleware = TokenMiddleware(forgets)
    request = RequestFactory().get("/")
    assert middleware(request) is None
    assert request.principal is None  # type: ignore[attr-defined]


def test_a_guard_trusts_no_principal_that_was_there_before(db: None) -> None:
    request = RequestFactory().get("/")
    request.principal = object()  # type: ignore[attr-defined]
    assert plain(request).status_code == 401


@pytest.fixture
def opened() -> Iterator[list[Any]]:
    """Collect the connections that are opened meanwhile."""
    connections: list[Any] = []

    def note(connection: Any, **kwargs: Any) -> None:
        connections.append(connection)

    connection_created.connect(note)
    yield connections
    connection_created.disconnect(note)


async def call_asgi(url: str, text: str) -> int:
    """Call the application as a server does; return the status."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": url,
        "raw_path": url.encode(),
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"authorization", f"Bearer {text}".encode())],
    }
    sent: list[dict[str, Any]] = []
    begun = False

    async def receive() -> dict[str, Any]:
        nonlocal begun
        if begun:
            await asyncio.Event().wait()
        begun = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await get_asgi_application()(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("with_middleware")
def test_requests_at_once_under_asgi_each_close_their_connection(
    text: str, opened: list[Any]
) -> None:
    """A thread that keeps one would keep it for good: nobody comes back to it."""
    urls = [f"/{url}" for url in [*GUARDED, "known", "known-async"]]

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(call_asgi(url, text) for url in urls * 2))

    assert asyncio.run(all_at_once()) == [200] * 16
    assert len(opened) >= 1
    assert [one.connection for one in opened] == [None] * len(opened)
    assert connection.connection is not None  # that of the test itself
