"""Lists: pages, orders, strict filters, and what each costs."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test.utils import CaptureQueriesContext

from entities import moments
from entities.models import AuthToken
from tests.api.hostile import refusal
from tests.api.rest import call, errors_of, listed
from tests.databases import connection
from tests.factories import (
    ApiKeyFactory,
    AuthTokenFactory,
    EntityFactory,
    EventFactory,
    MembershipFactory,
    UserTokenFactory,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Caller

NOW = datetime(2030, 1, 1, tzinfo=UTC)
TOKENS = "authentication-tokens"


def tokens_of(caller: Caller, count: int, **facts: Any) -> list[AuthToken]:
    return AuthTokenFactory.create_batch(
        count, membership__entity=caller.membership.entity, **facts
    )


class TestPages:
    def test_they_go_forwards_and_back_over_each_row_once(self, admin: Caller) -> None:
        tokens_of(admin, 7)
        forwards, backwards = [], []
        url = f"/entities/{admin.membership.entity_id}/{TOKENS}?limit=3"
        pages = []
        while url:
            body = call(admin, "get", url).json()
            pages.append(body)
            forwards.append([row["id"] for row in body["results"]])
            url = (body["next"] or "").removeprefix("http://testserver")
        assert [len(page) for page in forwards] == [3, 3, 1]
        newest_first = AuthToken.objects.order_by("-created_at", "-pk")
        assert [id for page in forwards for id in page] == [str(token.pk) for token in newest_first]
        assert pages[0]["previous"] is None
        url = pages[-1]["previous"].removeprefix("http://testserver")
        while url:
            body = call(admin, "get", url).json()
            backwards.append([row["id"] for row in body["results"]])
            assert body["next"] is not None
            url = (body["previous"] or "").removeprefix("http://testserver")
        assert backwards == [forwards[1], forwards[0]]

    @pytest.mark.parametrize("ordering", ["createdAt", "-createdAt", "expiry", "-expiry"])
    def test_rows_of_one_moment_are_neither_doubled_nor_left_out(
        self, ordering: str, admin: Caller
    ) -> None:
        tokens_of(admin, 9, issued_at=moments.now())
        rows = listed(admin, TOKENS, {"limit": 2, "ordering": ordering})
        assert len({row["id"] for row in rows}) == len(rows) == 9

    def test_rows_that_come_and_go_move_no_other(self, admin: Caller) -> None:
        tokens = tokens_of(admin, 6)
        first = call(admin, "get", TOKENS, query_params={"limit": 2}).json()
        tokens_of(admin, 3)  # newer than all
        AuthToken.objects.filter(pk=first["results"][-1]["id"]).delete()  # the cursor's own
        second = call(admin, "get", first["next"].removeprefix("http://testserver")).json()
        expected = sorted(tokens, key=lambda token: (token.created_at, token.pk), reverse=True)
        assert [row["id"] for row in second["results"]] == [
            str(token.pk) for token in expected[2:4]
        ]

    def test_filters_and_limit_stay_in_the_links(self, admin: Caller) -> None:
        tokens_of(admin, 3, flags=["a"])
        tokens_of(admin, 3)
        body = call(admin, "get", TOKENS, query_params={"flagsAny": "a", "limit": 1}).json()
        assert "flagsAny=a" in body["next"]
        assert "limit=1" in body["next"]
        assert len(listed(admin, TOKENS, {"flagsAny": "a", "limit": 1})) == 3

    @pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.0", "²", "9" * 5000])
    def test_a_wrong_limit_is_named(self, limit: str, admin: Caller) -> None:
        answer = call(admin, "get", TOKENS, query_params={"limit": limit})
        assert errors_of(answer) == {"limit": ["Send a number from 1 to 200."]}

    @staticmethod
    def cursor(*parts: object) -> str:
        return urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")

    @pytest.mark.parametrize(
        "cursor",
        [
            "x",
            "é",
            "A" * 2000,
            "bnVsbA",
            cursor(),
            cursor("created_at", False),
            cursor("created_at", False, "2030-01-01T00:00:00Z"),
            cursor("created_at", 1, "2030-01-01T00:00:00Z", "0" * 32),
            cursor("expires_at", False, "2030-01-01T00:00:00Z", "0" * 32),
            cursor("created_at", False, "2030-01-01T00:00:00", "0" * 32),
            cursor("created_at", False, "2030-13-01T00:00:00Z", "0" * 32),
            cursor("created_at", False, "2030-01-01T00:00:00Z", "x"),
            cursor("created_at", False, "2030-01-01T00:00:00Z", None),
            cursor("created_at", False, "2030-01-01T00:00:00Z", "0" * 32, "0"),
        ],
    )
    def test_a_cursor_that_somebody_made_up_is_a_400(self, cursor: str, admin: Caller) -> None:
        answer = call(admin, "get", TOKENS, query_params={"cursor": cursor})
        assert set(errors_of(answer)) == {"cursor"}

    @pytest.mark.parametrize("value", ["9" * 30, "-1" * 20, "x", "\ud800", "\0", ""])
    def test_an_event_cursor_that_somebody_made_up_is_a_400(
        self, value: str, admin: Caller
    ) -> None:
        query = {"cursor": self.cursor("pk", False, value)}
        assert set(errors_of(call(admin, "get", "events", query_params=query))) == {"cursor"}

    def test_an_empty_list_is_a_page(self, admin: Caller) -> None:
        body = call(admin, "get", TOKENS).json()
        assert body == {"success": True, "results": [], "next": None, "previous": None}


class TestStrictness:
    @pytest.mark.parametrize("path", [TOKENS, "users", "api-keys", "events"])
    def test_an_unknown_filter_is_named_with_the_known_ones(self, path: str, admin: Caller) -> None:
        (sentence,) = errors_of(call(admin, "get", path, query_params={"sttaus": "live"}))["sttaus"]
        assert sentence.startswith("There is no such filter. Known are: ")

    @pytest.mark.parametrize("name", ["status", "limit", "cursor", "ordering", "unknown"])
    def test_a_parameter_given_twice_is_named(self, name: str, admin: Caller) -> None:
        answer = call(admin, "get", TOKENS, query_params={name: ["live", "live"]})
        assert errors_of(answer) == {name: ["Send this once."]}

    @pytest.mark.parametrize("name", ["status", "user", "flagsAny", "search", "limit", "cursor"])
    def test_an_empty_value_is_not_taken_for_none(self, name: str, admin: Caller) -> None:
        answer = call(admin, "get", TOKENS, query_params={name: ""})
        assert errors_of(answer) == {name: ["Send a value, or leave it out."]}

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("status", "Live"),
            ("status", "dead"),
            ("flagsAny", "a b"),
            ("flagsAll", "a,,b"),
            ("flagsNone", ",".join(f"f{n}" for n in range(33))),
            ("expiryBefore", "2030-01-01"),
            ("expiryAfter", "2030-01-01T00:00:00"),
            ("issuedBefore", "yesterday"),
            ("lastUsedAfter", "0"),
            ("neverUsed", "yes"),
            ("neverUsed", "True"),
            ("search", "ab"),
            ("user", "x" * 129),
            ("user", "\0"),
            ("ordering", "id"),
            ("ordering", "lastUsedAt"),
            ("ordering", "--expiry"),
        ],
    )
    def test_a_wrong_value_is_named(self, name: str, value: str, admin: Caller) -> None:
        assert set(errors_of(call(admin, "get", TOKENS, query_params={name: value}))) == {name}

    def test_who_may_not_list_is_not_told_of_filters(self, member: Caller) -> None:
        answer = call(member, "get", TOKENS, query_params={"sttaus": "live"})
        assert refusal(answer) == (403, "permission_denied")


LISTS: dict[str, Callable[[Caller], object]] = {
    "users": lambda caller: MembershipFactory(entity=caller.membership.entity),
    "api-keys": lambda caller: ApiKeyFactory(entity=caller.membership.entity),
    TOKENS: lambda caller: AuthTokenFactory(membership__entity=caller.membership.entity),
    "events": lambda caller: EventFactory(entity_id=caller.membership.entity_id),
    "users/{user}/user-tokens": lambda caller: UserTokenFactory(user=caller.membership.user),
    "/entities": lambda caller: EntityFactory(),
}
QUERIES = {"users/{user}/user-tokens": 5, "/entities": 2}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_for_1_row_and_for_31(path: str, superuser: Caller) -> None:
    """The credentials, the entity, the page; for user tokens also the user, who is in no other."""

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            url = path.format(user=superuser.membership.user_id)
            assert call(superuser, "get", url).status_code == 200
        return len(asked)

    LISTS[path](superuser)
    one = queries()
    for _ in range(30):
        LISTS[path](superuser)
    assert queries() == one
    assert one <= QUERIES.get(path, 3)


def test_every_filter_costs_one_query_at_most(admin: Caller) -> None:
    tokens_of(admin, 2, flags=["a", "b"])
    plain = {"user": "x", "search": "abc", "flagsAny": "a,b", "flagsAll": "a,b", "flagsNone": "c"}
    queries = [{"status": status} for status in ("live", "expired", "suspended", "revoked")]
    for query in [*queries, *({name: value} for name, value in plain.items())]:
        with CaptureQueriesContext(connection) as asked:
            assert call(admin, "get", TOKENS, query_params=query).status_code == 200
        # Whether the suspended are few is asked first.
        assert len(asked) == (4 if query.get("status") == "suspended" else 3)


@pytest.mark.parametrize("gathered", [0, 2, 2000])
def test_the_suspended_are_found_whether_they_are_few_or_many(
    gathered: int, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entities.models.directory.MAX_GATHERED", gathered)
    entity = admin.membership.entity
    wanted = [
        AuthTokenFactory(membership__entity=entity, membership__off=True),
        AuthTokenFactory(membership__entity=entity, membership__user__off=True),
        AuthTokenFactory(
            membership__entity=entity, membership__off=True, membership__user__off=True
        ),
    ]
    AuthTokenFactory(membership__entity=entity)
    AuthTokenFactory(membership__off=True)

    found = listed(admin, TOKENS, {"status": "suspended", "limit": "2"})
    assert {row["id"] for row in found} == {str(token.pk) for token in wanted}
    assert len(found) == 3
    users = listed(admin, "users", {"active": "false", "limit": "2"})
    assert {row["id"] for row in users} == {token.membership.user_id for token in wanted}
    assert len(users) == 3


def test_no_list_shows_what_belongs_to_another_entity(admin: Caller, foreigner: Caller) -> None:
    there = foreigner.membership.entity
    AuthTokenFactory(membership__entity=there, flags=["a"])
    ApiKeyFactory(entity=there)
    EventFactory(entity_id=there.pk)
    AuthTokenFactory(membership__entity=admin.membership.entity, flags=["a"])
    for path in ("users", "api-keys", TOKENS, "events"):
        for row in listed(admin, path):
            assert there.pk not in json.dumps(row)
    assert len(listed(admin, TOKENS)) == 1
    assert len(listed(admin, TOKENS, {"flagsAny": "a"})) == 1
    assert len(listed(admin, "users")) == 2
    assert len(listed(admin, "api-keys")) == 1


def test_a_page_holds_up_to_two_hundred(admin: Caller) -> None:
    tokens_of(admin, 51)
    assert len(call(admin, "get", TOKENS).json()["results"]) == 50
    assert len(call(admin, "get", TOKENS, query_params={"limit": "200"}).json()["results"]) == 51


def test_a_moment_filter_orders_the_list_by_that_moment(admin: Caller) -> None:
    late, soon = (
        AuthTokenFactory(membership__entity=admin.membership.entity, lifetime=timedelta(days=days))
        for days in (2, 1)
    )
    rows = listed(admin, TOKENS, {"expiryAfter": "2020-01-01T00:00:00Z"})
    assert [row["id"] for row in rows] == [str(late.pk), str(soon.pk)]
    rows = listed(admin, TOKENS, {"expiryAfter": "2020-01-01T00:00:00Z", "ordering": "expiry"})
    assert [row["id"] for row in rows] == [str(soon.pk), str(late.pk)]
