from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.core.management import CommandError, call_command

from entities.models import ApiKey, Event
from tests.factories import EntityFactory

if TYPE_CHECKING:
    from tests.conftest import Caller

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command("issue_api_key", *words, stdout=out)
    return out.getvalue()


def test_it_prints_one_bare_text_that_gets_an_admin_into_every_entity(admin: Caller) -> None:
    text = run(admin.membership.entity_id, "provisioning", "--access", "superuser")
    assert text.startswith("ek_")
    assert text.count("\n") == 1
    elsewhere = f"/entities/{EntityFactory().pk}/users/u-nobody/authentication-token"
    answer = admin.get(elsewhere, headers={"apikey": text.strip()})
    assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")
    event = Event.objects.latest("id")
    assert (event.action, event.actor_kind, event.actor_id, event.details) == (
        "api_key_issued",
        "command",
        "issue_api_key",
        {"name": "provisioning", "expires_at": None, "access": "superuser"},
    )


@time_machine.travel(datetime(2030, 1, 1, 12, tzinfo=UTC), tick=False)
def test_it_is_standard_unless_asked_for_and_lasts_as_long_as_wanted() -> None:
    run(EntityFactory(id="acme").pk, "shop", "--days", "7")
    key = ApiKey.objects.get()
    assert (key.name, key.access) == ("shop", "standard")
    assert key.expires_at == datetime(2030, 1, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["e-none", "shop"], "There is no such entity."),
        (["acme", ""], "a name has 1 to 100 characters"),
        (["acme", "x" * 101], "a name has 1 to 100 characters"),
        (["acme", "a\nb"], "a name has 1 to 100 characters"),
        (["acme", "shop", "--days", "0"], "Choose an expiry in the future."),
        (["acme", "shop", "--access", "root"], "invalid choice"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(words: list[str], says: str) -> None:
    EntityFactory(id="acme")
    with pytest.raises(CommandError) as caught:
        run(*words)
    assert says in str(caught.value)
    assert not ApiKey.objects.exists()
