"""The record is append-only, and the index of flags follows the flags, by the database itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError

from entities import moments, signals
from entities.models import Action, AuthToken, AuthTokenFlag, Event
from entities.models.flags import AddFlag, FlagCount, RemoveFlag
from entities.services.transactions import atomic
from tests.databases import connection
from tests.factories import AuthTokenFactory, EventFactory

pytestmark = pytest.mark.django_db


def test_an_event_is_never_changed() -> None:
    event = EventFactory()
    event.actor_id = "somebody else"
    with pytest.raises(TypeError, match="append-only"):
        event.save()
    with pytest.raises(TypeError, match="append-only"):
        event.delete()
    with pytest.raises(TypeError, match="append-only"):
        Event.objects.update(actor_id="somebody else")
    with pytest.raises(TypeError, match="append-only"):
        Event.objects.bulk_update([event], ["actor_id"])
    with pytest.raises(TypeError, match="append-only"):
        Event.objects.all().delete()
    assert Event.objects.get().actor_id != "somebody else"


def test_the_database_refuses_to_change_an_event_too() -> None:
    EventFactory()
    with (
        pytest.raises(DatabaseError, match="append-only"),
        atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE entities_event SET actor_id = 'somebody else'")
    assert Event.objects.get().actor_id != "somebody else"


def test_only_what_is_old_is_pruned() -> None:
    now = moments.now()
    EventFactory(at=now - timedelta(microseconds=1))
    kept = EventFactory(at=now)
    assert Event.objects.prune(before=now) == 1
    assert Event.objects.get() == kept


@pytest.mark.parametrize("action", Action)
def test_each_action_has_a_signal_of_its_name(action: Action) -> None:
    assert hasattr(signals, action)


def test_an_action_of_a_later_version_is_shown_as_it_is() -> None:
    assert EventFactory(action="unheard_of").action_label == "unheard_of"
    assert EventFactory(action=Action.TOKEN_ISSUED).action_label == "token issued"


def indexed(token: AuthToken) -> set[str]:
    return set(AuthTokenFlag.objects.filter(token=token).values_list("flag", flat=True))


def test_the_index_of_flags_follows_every_way_of_writing_them() -> None:
    token = AuthTokenFactory(flags=["a", "b"])
    other = AuthTokenFactory(flags=["b"])
    assert (indexed(token), indexed(other)) == ({"a", "b"}, {"b"})

    token.flags = ["b", "c"]
    token.save()
    assert indexed(token) == {"b", "c"}
    AuthToken.objects.filter(pk=token.pk).update(flags=[])
    assert indexed(token) == set()
    AuthToken.objects.bulk_update([AuthToken(pk=token.pk, flags=["d"])], ["flags"])
    assert indexed(token) == {"d"}
    assert indexed(other) == {"b"}
    assert list(AuthToken.objects.with_flag("b")) == [other]

    other.delete()
    assert set(AuthTokenFlag.objects.values_list("token_id", "flag")) == {(token.pk, "d")}


def test_flags_are_counted_added_and_removed_by_the_database() -> None:
    token = AuthTokenFactory(flags=["a'", "b"])
    rows = AuthToken.objects.filter(pk=token.pk)
    assert rows.annotate(count=FlagCount("flags")).get().count == 2
    rows.update(flags=AddFlag("flags", "c.d:e"))
    assert rows.get().flags == ["a'", "b", "c.d:e"]
    rows.update(flags=RemoveFlag("flags", "a'"))
    assert rows.get().flags == ["b", "c.d:e"]
    assert indexed(token) == {"b", "c.d:e"}
    rows.update(flags=RemoveFlag("flags", "b"))
    rows.update(flags=RemoveFlag("flags", "c.d:e"))
    assert rows.get().flags == []
