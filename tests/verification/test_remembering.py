"""Who was verified is remembered, where that is switched on, and forgotten in time."""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.cache import caches
from django.db import router, transaction
from django.test import RequestFactory

from entities import memory as memories
from entities import moments
from entities.actors import Actor
from entities.exceptions import NotAuthenticatedError
from entities.http.callers import caller_by_bearer
from entities.models import ApiKey, AuthToken, Entity, RevocationReason, User, UserToken
from entities.services import (
    add_flag,
    change_role,
    extend_tokens,
    issue_token,
    issue_user_token,
    refresh_token,
    remove_flag,
    remove_member,
    revoke_api_key,
    revoke_entity,
    revoke_token,
    revoke_tokens,
    revoke_tokens_in_batches,
    revoke_user_token,
    rotate_api_key,
    rotate_user_token,
    save_entity,
    save_membership,
    save_user,
    sign_out_user,
    update_token,
)
from entities.services.transactions import atomic
from entities.verification import Presented, reading, verify_bearer, verify_request
from tests.conftest import CACHES
from tests.factories import EntityFactory, MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from time_machine import TimeMachineFixture

    from tests.conftest import Caller

pytestmark = pytest.mark.django_db(transaction=True)
BY = Actor.command("tests")
STAFF = RevocationReason.STAFF


@pytest.fixture(autouse=True, params=["process", *CACHES], ids=lambda url: url.partition(":")[0])
def remembering(request: pytest.FixtureRequest, settings: Any) -> None:
    settings.ENTITIES = {"VERIFICATION_CACHE": "shared", "LAST_USED_FLUSH": None}
    if request.param == "process":
        # The names of its keys differ in each test, so that no memory is used twice.
        settings.ENTITIES = {"VERIFICATION_CACHE": "process", "SIGNING_KEYS": [uuid4().hex * 2]}
        return
    backend = "locmem.LocMemCache" if request.param.startswith("locmem") else "redis.RedisCache"
    shared = {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": request.param}
    settings.CACHES = settings.CACHES | {"shared": shared | {"KEY_PREFIX": uuid4().hex}}


def presented(caller: Caller, **others: Any) -> Presented:
    membership = caller.membership
    what = Presented(caller.api_key, membership.user_id, caller.token, membership.entity_id)
    return replace(what, **others)


def issue(caller: Caller, **terms: Any) -> str:
    text = issue_token(membership=caller.membership, by=caller.actor, **terms).derive_text()
    assert text is not None
    return text


@contextmanager
def taken_back() -> Iterator[None]:
    """A transaction that is rolled back."""
    with atomic():
        yield
        transaction.set_rollback(True, using=router.db_for_write(Entity))


def ways(caller: Caller, text: str) -> list[Callable[[], Any]]:
    """Give the three ways to prove oneself that are remembered."""
    return [
        lambda: verify_request(presented(caller)),
        lambda: verify_request(presented(caller, token=text)),
        lambda: verify_bearer(text),
    ]


def warm(caller: Caller, text: str) -> None:
    for way in ways(caller, text) * 2:
        way()


def test_who_was_verified_before_costs_no_query(
    member: Caller, django_assert_num_queries: Any
) -> None:
    text = issue(member, flags=["a"])
    before = [way() for way in ways(member, text)]
    warm(member, text)
    with django_assert_num_queries(0):
        after = [way() for way in ways(member, text)]
        assert [principal.user.name for principal in after] == [member.membership.user.name] * 3
    assert [replace(principal, used=()) for principal in before] == after
    assert [len(principal.used) for principal in before + after] == [2, 2, 1, 0, 0, 0]
    assert [principal.user for principal in after] == [member.membership.user] * 3


def test_each_gets_a_user_of_his_own(member: Caller) -> None:
    warm(member, issue(member))
    first, second = (verify_request(presented(member)).user for _ in range(2))
    first.name = "changed by a view"
    assert second.name == member.membership.user.name
    assert first is not second


def test_who_bears_a_token_keeps_his_user_for_the_request(member: Caller) -> None:
    text = issue(member)
    warm(member, text)
    callers = [
        caller_by_bearer(RequestFactory().get("/", headers={"Authorization": f"Bearer {text}"}))
        for _ in range(2)
    ]
    first, second = (caller.user for caller in callers if caller is not None)
    assert first is not second
    assert callers[0] is not None
    assert callers[0].user is first


def test_what_a_request_says_beside_its_texts_is_asked_each_time(
    member: Caller, foreigner: Caller
) -> None:
    warm(member, issue(member))
    for others in (
        {"user_id": "another"},
        {"entity_id": foreigner.membership.entity_id},
        {"api_key": foreigner.api_key},
        {"token": foreigner.token},
    ):
        with pytest.raises(NotAuthenticatedError):
            verify_request(presented(member, **others))
    assert verify_request(presented(member, entity_id=None))


CHANGES: dict[str, Callable[[Caller], object]] = {
    "token revoked": lambda caller: revoke_token(membership=caller.membership, by=BY),
    "tokens revoked": lambda caller: revoke_tokens(
        tokens=AuthToken.objects.all(), reason=STAFF, by=BY
    ),
    "tokens revoked in batches": lambda caller: list(
        revoke_tokens_in_batches(tokens=AuthToken.objects.all(), reason=STAFF, by=BY)
    ),
    "entity revoked": lambda caller: revoke_entity(entity=caller.membership.entity, by=BY),
}
"""Of these each ends the token, and not the user token."""
ENDS: dict[str, Callable[[Caller], object]] = {
    "API key revoked": lambda caller: revoke_api_key(api_key=ApiKey.objects.get(), by=BY),
    "API key rotated": lambda caller: rotate_api_key(
        api_key=ApiKey.objects.get(), by=BY, overlap=timedelta(0)
    ),
}
"""Of these each ends what comes with the API key, and not the token alone."""
ENDS_ALL: dict[str, Callable[[Caller], object]] = {
    "entity off": lambda caller: _switch_off(save_entity, entity=caller.membership.entity),
    "membership off": lambda caller: _switch_off(save_membership, membership=caller.membership),
    "user off": lambda caller: _switch_off(save_user, user=caller.membership.user),
    "member removed": lambda caller: remove_member(membership=caller.membership, by=BY),
    "signed out": lambda caller: sign_out_user(user=caller.membership.user, by=BY),
}
ENDS_USER_TOKEN: dict[str, Callable[[Caller], object]] = {
    "user token revoked": lambda caller: revoke_user_token(token=UserToken.objects.get(), by=BY),
    "user token rotated": lambda caller: rotate_user_token(
        token=UserToken.objects.get(), by=BY, overlap=timedelta(0)
    ),
}


def _switch_off(save: Callable[..., object], **record: Any) -> None:
    (row,) = record.values()
    row.is_active = False
    save(**record, by=BY)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        *((change, [True, False, False]) for change in CHANGES.values()),
        *((change, [False, False, True]) for change in ENDS.values()),
        *((change, [False, False, False]) for change in ENDS_ALL.values()),
        *((change, [False, True, True]) for change in ENDS_USER_TOKEN.values()),
    ],
    ids=[*CHANGES, *ENDS, *ENDS_ALL, *ENDS_USER_TOKEN],
)
def test_a_change_is_seen_in_the_same_moment(
    change: Callable[[Caller], object], left: list[bool], member: Caller
) -> None:
    text = issue(member)
    warm(member, text)
    change(member)
    assert [_gets_in(way) for way in ways(member, text)] == left


def _gets_in(way: Callable[[], Any]) -> bool:
    try:
        way()
    except NotAuthenticatedError:
        return False
    return True


def test_new_flags_and_a_new_role_are_seen_in_the_same_moment(member: Caller) -> None:
    text = issue(member, flags=["a"])
    warm(member, text)
    update_token(membership=member.membership, by=BY, flags=["b"])
    assert verify_bearer(text).flags == {"b"}
    warm(member, text)
    list(add_flag(tokens=AuthToken.objects.all(), flag="c", by=BY))
    assert verify_request(presented(member, token=text)).flags == {"b", "c"}
    warm(member, text)
    list(remove_flag(tokens=AuthToken.objects.all(), flag="b", by=BY))
    assert verify_bearer(text).flags == {"c"}
    warm(member, text)
    change_role(membership=member.membership, role="admin", by=BY)
    assert verify_request(presented(member)).is_admin


def test_the_text_before_a_refresh_is_not_remembered_beyond_its_grace(
    member: Caller, settings: Any, time_machine: TimeMachineFixture
) -> None:
    settings.ENTITIES = settings.ENTITIES | {"VERIFICATION_CACHE_TTL": timedelta(hours=1)}
    start = moments.now()
    time_machine.move_to(start, tick=False)
    old = issue(member)
    warm(member, old)
    refresh_token(membership=member.membership, by=BY)
    time_machine.move_to(start + timedelta(seconds=29.9), tick=False)
    warm(member, old)
    time_machine.move_to(start + timedelta(seconds=30), tick=False)
    with pytest.raises(NotAuthenticatedError):
        verify_bearer(old)
    with pytest.raises(NotAuthenticatedError):
        verify_request(presented(member, token=old))


@pytest.mark.parametrize("what", ["token", "user token", "API key"])
def test_nothing_is_remembered_beyond_an_expiry(
    what: str, member: Caller, settings: Any, time_machine: TimeMachineFixture
) -> None:
    settings.ENTITIES = settings.ENTITIES | {"VERIFICATION_CACHE_TTL": timedelta(hours=1)}
    start = moments.now()
    time_machine.move_to(start, tick=False)
    ends_at = start + timedelta(minutes=1)
    text = issue(member, expires_at=ends_at if what == "token" else None)
    if what == "user token":
        UserToken.objects.update(expires_at=ends_at)
    if what == "API key":
        ApiKey.objects.update(expires_at=ends_at)
    warm(member, text)
    time_machine.move_to(ends_at, tick=False)
    left = {
        "token": [True, False, False],
        "user token": [False, True, True],
        "API key": [False, False, True],
    }
    assert [_gets_in(way) for way in ways(member, text)] == left[what]


def test_a_change_that_nobody_tells_of_is_seen_after_the_time_to_live(
    member: Caller, time_machine: TimeMachineFixture
) -> None:
    start = moments.now()
    time_machine.move_to(start, tick=False)
    text = issue(member)
    warm(member, text)
    User.objects.update(is_active=False)
    time_machine.move_to(start + timedelta(seconds=4.9), tick=False)
    assert [_gets_in(way) for way in ways(member, text)] == [True, True, True]
    time_machine.move_to(start + timedelta(seconds=5), tick=False)
    assert [_gets_in(way) for way in ways(member, text)] == [False, False, False]


@pytest.mark.parametrize("warmed", [False, True])
@pytest.mark.parametrize("way", range(3))
def test_a_slow_reading_brings_no_revoked_token_back(
    way: int, warmed: bool, member: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads, the user is switched off and that is committed, and then it remembers."""
    text = issue(member)
    if warmed:
        warm(member, text)
        memories.forget()
    verify = ways(member, text)[way]
    read = {name: getattr(reading, name) for name in ("read_pair", "read_token")}
    changed: list[None] = []

    def slow(name: str) -> Callable[..., Any]:
        def reads(*args: Any, **kwargs: Any) -> Any:
            found = read[name](*args, **kwargs)
            if not changed:
                changed.append(None)
                _switch_off(save_user, user=User.objects.get(pk=member.membership.user_id))
            return found

        return reads

    for name in read:
        monkeypatch.setattr(f"entities.verification.verify.{name}", slow(name))
    assert verify()  # it came before
    assert changed
    for _ in range(3):
        with pytest.raises(NotAuthenticatedError):
            verify()


def test_nothing_is_remembered_inside_a_transaction(member: Caller) -> None:
    text = issue(member)
    User.objects.update(is_active=False)
    with taken_back():
        User.objects.update(is_active=True)
        warm(member, text)
    assert [_gets_in(way) for way in ways(member, text)] == [False, False, False]


def test_nothing_is_forgotten_by_a_change_that_is_taken_back(
    member: Caller, django_assert_num_queries: Any
) -> None:
    text = issue(member)
    warm(member, text)
    with taken_back():
        revoke_token(membership=member.membership, by=BY)
    with django_assert_num_queries(0):
        warm(member, text)


def test_another_users_changes_leave_it(
    member: Caller,
    other_member: Caller,
    foreigner: Caller,
    django_assert_num_queries: Any,
) -> None:
    text = issue(member)
    warm(member, text)
    issue(other_member)
    revoke_token(membership=other_member.membership, by=BY)
    issue_user_token(user=member.membership.user, name="another", by=BY)
    MembershipFactory(user=member.membership.user)
    save_entity(entity=EntityFactory(), by=BY)
    revoke_entity(entity=foreigner.membership.entity, by=BY)
    list(extend_tokens(tokens=AuthToken.objects.none(), lifetime=timedelta(1), by=BY))
    with django_assert_num_queries(0):
        warm(member, text)


def test_no_cache_holds_a_text(member: Caller, settings: Any) -> None:
    text = issue(member, flags=["a"])
    warm(member, text)
    if settings.ENTITIES["VERIFICATION_CACHE"] == "process":
        known = memories.memory()
        assert isinstance(known, memories.ProcessMemory)
        kept = pickle.dumps([(key, answer) for key, (_, answer, _) in known._answers.items()])
    else:
        cache: Any = caches["shared"]
        if hasattr(cache, "_cache") and isinstance(cache._cache, dict):
            kept = b"".join([key.encode() + value for key, value in cache._cache.items()])
        else:
            client = cache._cache.get_client()
            names = list(client.scan_iter(f"{cache.key_prefix}*"))
            assert names
            kept = b"".join([name + client.get(name) for name in names])
    assert member.membership.user_id.encode() in kept
    for secret in (text, member.token, member.api_key):
        assert secret.encode() not in kept
        assert secret.partition("_")[2].encode() not in kept


def test_an_entity_off_is_an_entity_off(member: Caller) -> None:
    """Also where it was switched off by another process, whose message came."""
    text = issue(member)
    warm(member, text)
    Entity.objects.update(is_active=False)
    memories.forget(entity_id=member.membership.entity_id)
    assert [_gets_in(way) for way in ways(member, text)] == [False, False, False]
