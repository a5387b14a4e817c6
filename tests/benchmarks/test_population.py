from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import F

from entities.models import (
    ApiKey,
    AuthToken,
    AuthTokenFlag,
    Entity,
    Event,
    Membership,
    StaffLimit,
    User,
    UserToken,
)
from entities.services import add_member
from tests.benchmarks.people import RARE_NAME, generated_id
from tests.benchmarks.population import (
    BOSS,
    FEW,
    FIXED,
    HALF,
    SMALL,
    TENTH,
    WIDE,
    fill,
    settle,
)
from tests.conftest import BY

if TYPE_CHECKING:
    from django.db.models import QuerySet

AT = datetime(2030, 1, 1, tzinfo=UTC)
TOKENS = 4000


@pytest.fixture
def population(db: None) -> QuerySet[AuthToken]:
    fill(connection, tokens=TOKENS, at=AT)
    return AuthToken.objects.all()


def share(found: QuerySet[Any]) -> float:
    return found.count() / TOKENS


def test_each_table_has_its_number_of_rows(population: QuerySet[AuthToken]) -> None:
    models = (Entity, User, Membership, AuthToken, ApiKey, UserToken, Event)
    counts = [model._default_manager.count() for model in models]
    assert counts == [1000, TOKENS, TOKENS, TOKENS, TOKENS // 4, TOKENS // 4, 2 * TOKENS]


def test_entities_have_their_shares(population: QuerySet[AuthToken]) -> None:
    shares = [share(population.filter(membership__entity=id)) for id in (HALF, TENTH, SMALL, FIXED)]
    assert shares == pytest.approx([0.5, 0.1, 0.001, 100 / TOKENS], abs=0.02)
    assert population.filter(membership__entity=FIXED).count() == 100


def test_states_have_their_shares(population: QuerySet[AuthToken]) -> None:
    found = {
        "live": population.live(at=AT),
        "revoked": population.filter(revoked_at__isnull=False),
        "expired": population.filter(expires_at__lte=AT),
        "expiring": population.filter(expires_at__gt=AT, expires_at__lte=AT + timedelta(days=7)),
        "superseded": population.filter(epoch=0, membership__entity__token_epoch=1),
        "never used": population.filter(last_used_at__isnull=True),
        "suspended": population.exclude(
            membership__is_active=True,
            membership__user__is_active=True,
            membership__entity__is_active=True,
        ),
    }
    shares = {name: share(each) for name, each in found.items()}
    assert shares == pytest.approx(
        {
            "live": 0.73,
            "revoked": 0.05,
            "expired": 0.1,
            "expiring": 0.05,
            "superseded": 0.04,
            "never used": 0.3,
            "suspended": 0.106,
        },
        abs=0.015,
    )


def test_triggers_index_the_flags(population: QuerySet[AuthToken]) -> None:
    counts = {
        flag: AuthTokenFlag.objects.filter(flag=flag).count()
        for flag in ("read", "write", "billing", "rare")
    }
    assert counts.pop("rare") == 100
    shares = {flag: count / TOKENS for flag, count in counts.items()}
    assert shares == pytest.approx({"read": 0.5, "write": 0.1, "billing": 0.01}, abs=0.01)
    assert population.filter(flags=["read", "rare"]).exists()


def test_each_row_of_the_lists_names_its_entity(population: QuerySet[AuthToken]) -> None:
    assert not population.exclude(listed_in=F("membership__entity")).exists()
    assert not AuthTokenFlag.objects.exclude(listed_in=F("token__listed_in")).exists()


def test_moments_are_in_order_over_a_year(population: QuerySet[AuthToken]) -> None:
    oldest, *_, newest = population.order_by("created_at")
    assert AT - timedelta(days=365) < oldest.created_at < AT - timedelta(days=364)
    assert AT - timedelta(days=1) < newest.created_at < AT
    assert newest.membership_id == TOKENS
    for token in population:
        assert token.expires_at - token.issued_at == pytest.approx(
            token.lifetime, abs=timedelta(seconds=0.01)
        )
        assert token.created_at <= (token.revoked_at or AT) <= AT
        assert token.created_at <= (token.last_used_at or AT) <= AT


def test_people_are_found_by_rare_and_common_names(population: QuerySet[AuthToken]) -> None:
    assert User.objects.filter(name__startswith=RARE_NAME).count() == 5
    assert share(User.objects.filter(name__startswith="Ada Lovelace ")) == pytest.approx(
        0.01, abs=0.01
    )
    assert User.objects.get(id=generated_id(4)).name.endswith(" 4")


def test_staff_are_limited_to_three_entities(population: QuerySet[AuthToken]) -> None:
    accounts = get_user_model().objects
    assert accounts.get(username=BOSS).is_superuser
    for name in (FEW, WIDE):
        assert accounts.get(username=name).has_perm("entities.view_authtoken")
        assert StaffLimit.objects.get(account__username=name).entities.count() == 3


def test_what_is_added_later_gets_a_key_of_its_own(population: QuerySet[AuthToken]) -> None:
    membership = add_member(entity=Entity.objects.get(pk=SMALL), user_id="u-late", by=BY)
    assert membership.pk == TOKENS + 1


def test_a_row_is_the_same_each_time_and_on_each_database(
    population: QuerySet[AuthToken],
) -> None:
    token = population.get(membership_id=221)
    assert token.id == UUID("ab729926-1e63-77e4-f672-ddee43de609a")
    assert token.flags == ["read", "rare"]
    assert token.membership.user.name == "Alan Turing 220"
    assert token.expires_at.date() == date(2030, 11, 15)


def test_the_indexes_stay(db: None) -> None:
    def indexes() -> set[str]:
        with connection.cursor() as cursor:
            return {
                name
                for model in apps.get_app_config("entities").get_models()
                for name in connection.introspection.get_constraints(cursor, model._meta.db_table)
            }

    before = indexes()
    fill(connection, tokens=1000, at=AT)
    assert indexes() == before


def test_a_number_that_breaks_the_shares_is_refused(db: None) -> None:
    with pytest.raises(ValueError, match="no multiple of 1000"):
        fill(connection, tokens=1500, at=AT)
    assert not Entity.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_it_settles() -> None:
    fill(connection, tokens=1000, at=AT)
    settle(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples FROM pg_class WHERE relname = 'entities_authtoken'"
            if connection.vendor == "postgresql"
            else "SELECT max(CAST(stat AS integer)) FROM sqlite_stat1"
            " WHERE tbl = 'entities_authtoken'"
        )
        assert cursor.fetchone()[0] == 1000
