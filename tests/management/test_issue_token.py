from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.core.management import CommandError, call_command

from entities.actors import Actor
from entities.models import AuthToken
from entities.services import issue_token
from tests.factories import MembershipFactory

if TYPE_CHECKING:
    from entities.models import Membership
    from tests.conftest import Caller

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def membership() -> Membership:
    membership = MembershipFactory()
    membership.entity.restricted_flags = ["root"]
    membership.entity.save()
    return membership


def run(membership: Membership, *words: str) -> str:
    out = StringIO()
    call_command("issue_token", membership.entity_id, membership.user_id, *words, stdout=out)
    return out.getvalue()


def test_it_prints_one_bare_text_that_gets_its_user_in(member: Caller) -> None:
    text = run(member.membership)
    assert text == f"{AuthToken.objects.get().derive_text()}\n"
    assert member.get(headers={"token": text.strip()}).status_code == 200


@time_machine.travel(NOW, tick=False)
def test_without_an_expiry_it_lasts_as_long_as_the_entity_says(membership: Membership) -> None:
    run(membership)
    assert AuthToken.objects.get().expires_at == NOW + timedelta(days=30)


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("words", "expires_at"),
    [
        (["--days", "7"], datetime(2030, 1, 8, 12, tzinfo=UTC)),
        (["--expires-at", "2030-02-01T00:00:00Z"], datetime(2030, 2, 1, tzinfo=UTC)),
        (["--expires-at", "2030-02-01T00:00:00+02:00"], datetime(2030, 1, 31, 22, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_given_in_days_or_as_a_moment(
    membership: Membership, words: list[str], expires_at: datetime
) -> None:
    run(membership, *words)
    assert AuthToken.objects.get().expires_at == expires_at


def test_flags_are_repeated_and_restricted_ones_allowed(membership: Membership) -> None:
    run(membership, "--flag", "a", "--flag", "root", "--flag", "a")
    assert AuthToken.objects.get().flags == ["a", "root"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--flag", "no spaces"], "Flags are at most 32 labels"),
        (["--days", "0"], "Choose an expiry in the future."),
        (["--days", "366"], "Choose an expiry within the longest lifetime of this entity"),
        (["--days", "-1"], "-1 is not a number of days, 0 to 100000"),
        (["--days", "999999999999"], "is not a number of days"),
        (["--days", "²"], "is not a number of days"),
        (["--expires-at", "2030-02-01T00:00:00"], "is not a date and time with an offset"),
        (["--expires-at", "2030-02-30T00:00:00Z"], "is not a date and time with an offset"),
        (["--expires-at", "tomorrow"], "is not a date and time with an offset"),
        (["--expires-at", "0001-01-01T00:00:00+14:00"], "Choose an expiry in the future."),
        (["--expires-at", "9999-12-31T23:59:59-12:00"], "the longest lifetime of this entity"),
        (["--days", "1", "--expires-at", "2030-02-01T00:00:00Z"], "not allowed with argument"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(
    membership: Membership, words: list[str], says: str
) -> None:
    with pytest.raises(CommandError) as caught:
        run(membership, *words)
    assert says in str(caught.value)
    assert not AuthToken.objects.exists()


def test_a_user_who_is_not_in_the_entity_is_said_so() -> None:
    with pytest.raises(CommandError, match=r"^This entity has no such user\."):
        call_command("issue_token", "e-none", "u-none")


def test_a_live_token_stays(membership: Membership) -> None:
    token = issue_token(membership=membership, by=Actor.command("tests"))
    with pytest.raises(CommandError, match=r"^This user has a live authentication token\."):
        run(membership)
    assert AuthToken.objects.get() == token
