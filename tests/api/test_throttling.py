"""Who calls too often waits: applications, callers, and addresses that guess."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.test.utils import CaptureQueriesContext

from entities.models import KeyAccess
from entities.services import issue_api_key
from tests.api.hostile import refusal
from tests.conftest import BY, caller_of, with_key
from tests.databases import connection
from tests.factories import MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse

    from tests.conftest import Caller

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
LIMITED = (429, "rate_limited")
WRONG = {"token": "wrong"}


@pytest.fixture(autouse=True)
def clock(counting_cache: None) -> Iterator[time_machine.Coordinates]:
    """Count for real, from noon on."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def limit(settings: Any, **rates: str | None) -> None:
    none = {"RATE_LIMIT_API_KEY": None, "RATE_LIMIT_CALLER": None, "RATE_LIMIT_FAILURES": None}
    settings.ENTITIES = {**settings.ENTITIES, **none, **rates}


def told(response: HttpResponse) -> tuple[str | None, str | None]:
    headers = response.headers
    return headers.get("RateLimit-Policy"), headers.get("RateLimit")


def wait_of(response: HttpResponse) -> int:
    assert refusal(response) == LIMITED
    return int(response.headers["Retry-After"])


def test_every_answer_to_a_known_caller_tells_what_is_left(
    member: Caller, other_member: Caller
) -> None:
    answers = [
        member.get(),
        member.post(),
        member.patch(json={"flags": 1}),
        member.get(of=other_member.membership),
        member.delete(),
    ]
    assert [answer.status_code for answer in answers] == [404, 201, 400, 403, 200]
    for used, answer in enumerate(answers, start=1):
        policy, left = told(answer)
        assert policy == '"api-key";q=6000;w=60, "caller";q=600;w=60'
        words = [word.partition(";t=") for word in str(left).split(", ")]
        assert [word[0] for word in words] == [
            f'"api-key";r={6000 - used}',
            f'"caller";r={600 - used}',
        ]
        assert all(1 <= int(word[2]) <= 60 for word in words)
        assert "Retry-After" not in answer.headers


def test_a_caller_over_the_limit_waits_for_the_next_window(
    member: Caller, other_member: Caller, settings: Any, clock: Any
) -> None:
    limit(settings, RATE_LIMIT_CALLER="2/hour")
    assert [member.post().status_code, member.get().status_code] == [201, 200]
    over = member.delete()
    wait = wait_of(over)
    assert told(over) == ('"caller";q=2;w=3600', f'"caller";r=0;t={wait}')
    assert other_member.get().status_code == 404
    clock.shift(wait - 1)
    assert wait_of(member.get()) == 1
    clock.shift(1)
    assert member.get().status_code == 200


def test_a_caller_is_a_user_in_one_entity(member: Caller, settings: Any) -> None:
    limit(settings, RATE_LIMIT_CALLER="1/hour")
    assert member.get().status_code == 404
    assert refusal(member.get()) == LIMITED
    other = MembershipFactory(user=member.membership.user)
    api_key = issue_api_key(entity=other.entity, name="other", by=BY)[1]
    assert caller_of(other, api_key).get().status_code == 404


def test_the_users_of_an_application_are_limited_together(
    member: Caller, other_member: Caller, foreigner: Caller, settings: Any
) -> None:
    limit(settings, RATE_LIMIT_API_KEY="2/hour", RATE_LIMIT_CALLER="2/minute")
    assert [member.get().status_code, other_member.get().status_code] == [404, 404]
    over = member.get()
    wait = wait_of(over)
    assert told(over)[1].startswith(f'"api-key";r=0;t={wait}, "caller";r=0;t=')  # type: ignore[union-attr]
    assert foreigner.get().status_code == 404


def test_a_call_that_is_not_permitted_counts_too(
    member: Caller, other_member: Caller, settings: Any
) -> None:
    limit(settings, RATE_LIMIT_CALLER="1/hour")
    assert member.get(of=other_member.membership).status_code == 403
    assert refusal(member.get(of=other_member.membership)) == LIMITED


def test_what_a_read_only_key_does_not_do_counts_too(admin: Caller, settings: Any) -> None:
    limit(settings, RATE_LIMIT_CALLER="2/hour")
    reader = with_key(admin, KeyAccess.READ_ONLY)
    first = reader.post()
    assert refusal(first) == (403, "key_read_only")
    assert str(told(first)[1]).startswith('"caller";r=1;t=')
    assert reader.get().status_code == 404
    assert wait_of(reader.post()) == wait_of(reader.get())


def test_an_address_that_guesses_waits_whatever_it_brings_and_nothing_is_asked(
    member: Caller, settings: Any, clock: Any
) -> None:
    limit(settings, RATE_LIMIT_FAILURES="3/hour")
    wrong = [member.get(headers=WRONG) for _ in range(3)]
    assert [refusal(answer) for answer in wrong] == [(401, "not_authenticated")] * 3
    policy, left = told(wrong[0])
    assert (policy, str(left)[:16]) == ('"failures";q=3;w=3600', '"failures";r=2;t')

    with CaptureQueriesContext(connection) as asked:
        good, bad = member.get(), member.get(headers=WRONG)
    assert wait_of(good) == wait_of(bad)
    assert good.json() == bad.json()
    assert len(asked) == 0
    assert "WWW-Authenticate" not in good.headers
    assert told(good)[1] == f'"failures";r=0;t={wait_of(good)}'

    elsewhere = member.call("get", REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 404
    clock.shift(wait_of(good))
    assert member.get().status_code == 404


def test_successes_and_requests_without_credentials_are_no_failures(
    member: Caller, settings: Any
) -> None:
    limit(settings, RATE_LIMIT_FAILURES="2/hour")
    for _ in range(5):
        assert member.get().status_code == 404
        assert member.client.get(member.path).status_code == 401
    assert refusal(member.get(headers={"token": None})) == (401, "not_authenticated")
    assert member.get().status_code == 404
    assert refusal(member.get(headers=WRONG)) == (401, "not_authenticated")
    assert refusal(member.get()) == LIMITED


def test_who_was_refused_for_guessing_does_not_wait_longer_for_trying(
    member: Caller, settings: Any, clock: Any
) -> None:
    limit(settings, RATE_LIMIT_FAILURES="1/minute")
    member.get(headers=WRONG)
    waits = [wait_of(member.get(headers=WRONG)) for _ in range(5)]
    assert len(set(waits)) == 1
    clock.shift(waits[0])
    assert member.get().status_code == 404


def test_an_address_that_cannot_be_known_is_not_limited(member: Caller, settings: Any) -> None:
    limit(settings, RATE_LIMIT_FAILURES="1/hour")
    for _ in range(3):
        wrong = member.get(headers=WRONG, REMOTE_ADDR="")
        assert refusal(wrong) == (401, "not_authenticated")
        assert told(wrong) == (None, None)
    assert member.get(headers=WRONG, REMOTE_ADDR="unix:").status_code == 401
    assert member.call("get", REMOTE_ADDR="").status_code == 404


def test_behind_a_proxy_the_client_is_counted_and_not_what_it_claims(
    member: Caller, settings: Any
) -> None:
    limit(settings, RATE_LIMIT_FAILURES="1/hour", TRUSTED_PROXIES=1)  # type: ignore[arg-type]
    member.get(headers={**WRONG, "X-Forwarded-For": "6.6.6.6, 198.51.100.4"})
    claims_another = {"X-Forwarded-For": "7.7.7.7, 198.51.100.4"}
    assert refusal(member.get(headers=claims_another)) == LIMITED
    assert member.get(headers={"X-Forwarded-For": "6.6.6.6"}).status_code == 404


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ],
)
def test_the_addresses_of_one_customer_are_counted_together(
    first: str, second: str, together: bool, member: Caller, settings: Any
) -> None:
    limit(settings, RATE_LIMIT_FAILURES="1/hour")
    member.get(headers=WRONG, REMOTE_ADDR=first)
    assert (member.call("get", REMOTE_ADDR=second).status_code == 429) is together


def test_limits_cost_no_query(member: Caller, settings: Any) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert member.get().status_code == 404
        return len(asked)

    with_limits = queries()
    settings.ENTITIES = {**settings.ENTITIES, "RATE_LIMITS": False}
    assert queries() == with_limits


def test_all_limits_are_turned_off_together(member: Caller, settings: Any) -> None:
    limit(settings, RATE_LIMIT_CALLER="1/hour", RATE_LIMIT_FAILURES="1/hour")
    settings.ENTITIES = {**settings.ENTITIES, "RATE_LIMITS": False}
    for _ in range(3):
        answers = [member.get(headers=WRONG), member.get()]
        assert [answer.status_code for answer in answers] == [401, 404]
        assert {told(answer) for answer in answers} == {(None, None)}


def test_a_cache_that_is_away_lets_everybody_in(member: Caller, settings: Any) -> None:
    limit(settings, RATE_LIMIT_CALLER="1/hour", RATE_LIMIT_FAILURES="1/hour")
    nowhere = "redis://127.0.0.1:1/0"
    backend = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": nowhere}}
    for _ in range(2):
        answers = [member.get(headers=WRONG), member.get()]
        assert [answer.status_code for answer in answers] == [401, 404]
        assert {told(answer) for answer in answers} == {(None, None)}
