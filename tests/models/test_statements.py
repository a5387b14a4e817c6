"""The short way to SQLite, and who is told of a query all the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from entities.models.statements import Statement
from entities.services.transactions import atomic
from tests.databases import ALIAS

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

pytestmark = pytest.mark.django_db


def ask(sql: str, **values: object) -> Any:
    return Statement(sql, list(values), connections[ALIAS]).fetch_one(values, connections[ALIAS])


def fetch() -> Any:
    return ask("SELECT CAST(%s AS integer), '50%%', CAST(%s AS varchar)", n=1, word="%s")


@pytest.fixture
def cursors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that Django's cursors executed."""
    executed: list[str] = []
    execute = vars(CursorWrapper)["_execute"]

    def note(self: Any, sql: str, params: Any, *ignored: Any) -> Any:
        executed.append(sql)
        return execute(self, sql, params, *ignored)

    monkeypatch.setattr(CursorWrapper, "_execute", note)
    return executed


def test_a_row_comes_with_its_values_by_name() -> None:
    assert tuple(fetch()) == (1, "50%", "%s")


def test_nothing_found_is_none() -> None:
    assert ask("SELECT 1 WHERE 1 = CAST(%s AS integer)", n=2) is None


def test_only_sqlite_is_asked_past_djangos_cursor(cursors: list[str]) -> None:
    fetch()
    assert len(cursors) == (0 if connections[ALIAS].vendor == "sqlite" else 1)


def watched_by_a_wrapper(settings: Any, monkeypatch: Any) -> AbstractContextManager[Any]:
    wrapper: AbstractContextManager[Any] = connections[ALIAS].execute_wrapper(
        lambda execute, *arguments: execute(*arguments)
    )
    return wrapper


def watched_by_a_test(settings: Any, monkeypatch: Any) -> AbstractContextManager[Any]:
    return CaptureQueriesContext(connections[ALIAS])


def watched_by_debug(settings: Any, monkeypatch: Any) -> None:
    settings.DEBUG = True


def watched_by_another_cursor(settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(connections[ALIAS], "cursor", connections[ALIAS].cursor, raising=False)


def watched_by_another_method(settings: Any, monkeypatch: Any) -> None:
    execute = CursorWrapper.execute
    monkeypatch.setattr(CursorWrapper, "execute", lambda *arguments: execute(*arguments))


def watched_by_a_proxy(settings: Any, monkeypatch: Any) -> None:
    class Proxy:
        """Stands for a method, as tracers have it: what is asked of it, it asks the method."""

        def __init__(self, method: Any) -> None:
            self.method = method

        def __get__(self, instance: Any, owner: Any) -> Any:
            return Proxy(self.method.__get__(instance, owner))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.method, name)

        def __call__(self, *arguments: Any) -> Any:
            return self.method(*arguments)

    monkeypatch.setattr(CursorWrapper, "execute", Proxy(CursorWrapper.execute))


def watched_by_another_backend(settings: Any, monkeypatch: Any) -> None:
    backend = type(connections[ALIAS])
    make = backend.make_cursor
    monkeypatch.setattr(backend, "make_cursor", lambda *arguments: make(*arguments))


def watched_by_another_driver(settings: Any, monkeypatch: Any) -> None:
    here: Any = connections[ALIAS]

    class Proxy:
        def __getattr__(self, name: str) -> Any:
            return getattr(below, name)

    below = here.connection
    monkeypatch.setattr(here, "connection", Proxy())


def watched_for_its_health(settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(connections[ALIAS], "health_check_enabled", True)
    monkeypatch.setattr(connections[ALIAS], "health_check_done", False)


@pytest.mark.parametrize(
    "watch",
    [
        watched_by_a_wrapper,
        watched_by_a_test,
        watched_by_debug,
        watched_by_another_cursor,
        watched_by_another_method,
        watched_by_a_proxy,
        watched_by_another_backend,
        watched_by_another_driver,
        watched_for_its_health,
    ],
)
def test_who_watches_sees_the_query(
    watch: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, cursors: list[str]
) -> None:
    connections[ALIAS].ensure_connection()
    context = watch(settings, monkeypatch)
    if context is None:
        fetch()
    else:
        with context:
            fetch()
    assert len(cursors) == 1


def test_in_a_broken_transaction_nothing_is_asked() -> None:
    with atomic():
        transaction.set_rollback(True, ALIAS)
        with pytest.raises(TransactionManagementError):
            fetch()


def test_an_error_is_one_of_djangos() -> None:
    with pytest.raises(DatabaseError, match="nowhere"), atomic():
        ask("SELECT 1 FROM nowhere WHERE 1 = CAST(%s AS integer)", n=1)


def test_in_an_event_loop_it_is_refused_as_any_query() -> None:
    here = connections[ALIAS]
    here.ensure_connection()
    statement = Statement("SELECT 1", [], here)

    async def fetch_there() -> Any:
        return statement.fetch_one({}, here)

    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(fetch_there())
