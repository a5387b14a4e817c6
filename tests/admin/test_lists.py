"""The lists: what they show, find, filter and cost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from entities.admin.display import Status, credential_status, token_status
from entities.admin.fields import days_of
from entities.admin.filters import credential_conditions, token_conditions
from entities.models import ApiKey, AuthToken, Entity, Membership, User, UserToken
from tests.admin.conftest import MODELS, admin_url, url_of
from tests.factories import (
    ApiKeyFactory,
    AuthTokenFactory,
    EntityFactory,
    MembershipFactory,
    UserFactory,
    UserTokenFactory,
)


def user_with_account():
    name = f"account-{get_user_model().objects.count()}"
    return UserFactory(account=get_user_model().objects.create_user(name))


MAKERS = {
    Entity: EntityFactory,
    User: user_with_account,
    Membership: MembershipFactory,
    ApiKey: ApiKeyFactory,
    UserToken: UserTokenFactory,
    AuthToken: AuthTokenFactory,
}


def rows_of(page):
    assert page.status_code == 200
    return list(page.context["cl"].result_list)


def queries_of(client, url, capture):
    with capture() as queries:
        assert client.get(url).status_code == 200
    return len(queries)


@pytest.fixture
def capture(db):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    return lambda: CaptureQueriesContext(connection)


@pytest.mark.parametrize("model", MODELS)
def test_a_list_costs_the_same_for_1_row_and_for_31(boss, capture, model):
    url = admin_url(model, "changelist")
    MAKERS[model]()
    boss.get(url)  # content types are looked up once
    one = queries_of(boss, url, capture)

    for _ in range(30):
        MAKERS[model]()

    assert len(rows_of(boss.get(url))) == 31
    assert queries_of(boss, url, capture) == one


@pytest.mark.parametrize("model", [AuthToken, ApiKey, UserToken, Membership])
def test_autocompletion_and_search_cost_the_same_for_1_row_and_for_31(boss, capture, model):
    url = f"{admin_url(model, 'changelist')}?q=e"
    MAKERS[model]()
    boss.get(url)
    one = queries_of(boss, url, capture)

    for _ in range(30):
        MAKERS[model]()

    assert queries_of(boss, url, capture) == one


def test_the_list_of_tokens_says_what_staff_ask_of_it(boss):
    used = timezone.now() - timedelta(hours=1)
    token = AuthTokenFactory(membership__user__name="Ada", flags=["read", "<b>"], last_used_at=used)

    page = boss.get(admin_url(AuthToken, "changelist")).content.decode()

    assert f'Ada <span class="entities-id">{token.membership.user_id}</span>' in page
    assert f'<span class="entities-id">{token.membership.entity_id}</span>' in page
    assert '<span class="entities-status entities-status-live">Live</span>' in page
    assert '<span class="entities-flag">read</span>' in page
    assert "&lt;b&gt;" in page
    assert "column-last_used_at" in page


@pytest.mark.parametrize("by", ["user__id", "user__name", "entity__id", "entity__name"])
def test_a_token_is_found_by_its_user_and_its_entity(boss, by):
    token = AuthTokenFactory(**{f"membership__{by}": "auth0|findme"})
    AuthTokenFactory()

    page = boss.get(admin_url(AuthToken, "changelist"), {"q": "auth0|find"})

    assert rows_of(page) == [token]


@pytest.mark.parametrize("model", MODELS)
def test_any_search_and_any_filter_gets_an_answer(boss, model):
    MAKERS[model]()
    for query in (
        {"q": "\x00"},
        {"q": "'; --"},
        {"status": "nonsense"},
        {"expires": "x"},
        {"entity": "\x00"},
        {"user": "nobody"},
    ):
        assert boss.get(admin_url(model, "changelist"), query).status_code in {200, 302}


def tokens_of_every_kind(now):
    """Every mix of revoked, of an epoch before, suspended in three ways, and an expiry near now."""
    for revoked in (False, True):
        for epochs in (0, 1):
            for off in (None, "membership", "user", "entity"):
                for offset in (-1, 0, 1):
                    membership = MembershipFactory(
                        is_active=off != "membership",
                        user__is_active=off != "user",
                        entity__is_active=off != "entity",
                        entity__token_epoch=epochs,
                    )
                    yield AuthTokenFactory(
                        membership=membership,
                        epoch=0,
                        issued_at=now - timedelta(days=1),
                        expires_at=now + timedelta(microseconds=offset),
                        revoked=revoked,
                    )


@pytest.mark.django_db
def test_the_status_filter_finds_what_the_status_column_says_of_tokens():
    now = timezone.now()
    tokens = list(tokens_of_every_kind(now))
    said = {token.pk: token_status(token, at=now) for token in tokens}

    found = {
        pk: status
        for status, condition in token_conditions(at=now).items()
        for pk in AuthToken.objects.filter(condition).values_list("pk", flat=True)
    }

    assert found == said
    assert set(said.values()) == set(Status)
    total = sum(
        AuthToken.objects.filter(each).count() for each in token_conditions(at=now).values()
    )
    assert total == len(tokens)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("factory", "owner"), [(ApiKeyFactory, "entity"), (UserTokenFactory, "user")]
)
def test_the_status_filter_finds_what_the_status_column_says_of_credentials(factory, owner):
    now = timezone.now()
    rows = [
        factory(
            **{f"{owner}__is_active": active},
            created_at=now - timedelta(days=1),
            revoked_at=revoked_at,
            expires_at=expires_at,
        )
        for active in (True, False)
        for revoked_at in (None, now)
        for expires_at in (None, *(now + timedelta(microseconds=each) for each in (-1, 0, 1)))
    ]
    said = {row.pk: credential_status(row, owner=getattr(row, owner), at=now) for row in rows}

    model = type(rows[0])
    found = [
        (pk, status)
        for status, condition in credential_conditions(owner=owner, at=now).items()
        for pk in model.objects.filter(condition).values_list("pk", flat=True)
    ]

    assert len(found) == len(rows)
    assert dict(found) == said


def test_tokens_are_filtered_by_how_soon_they_expire(boss):
    soon = AuthTokenFactory(lifetime=timedelta(days=3))
    AuthTokenFactory(lifetime=timedelta(days=20))
    AuthTokenFactory(expired=True)

    url = admin_url(AuthToken, "changelist")

    assert rows_of(boss.get(url, {"expires": "1"})) == []
    assert rows_of(boss.get(url, {"expires": "7"})) == [soon]
    assert len(rows_of(boss.get(url, {"expires": "30"}))) == 2


def test_the_filter_by_entity_lists_30_and_the_one_that_is_chosen(boss):
    EntityFactory.create_batch(31, name="a")
    token = AuthTokenFactory(membership__entity__name="z", membership__entity__id="z z")

    page = boss.get(admin_url(AuthToken, "changelist"), {"entity": "z z"})

    assert rows_of(page) == [token]
    filters = page.context["cl"].filter_specs
    by_entity = next(each for each in filters if str(each.title) == "entity")
    assert len(by_entity.lookup_choices) == 31


@pytest.mark.parametrize(
    ("duration", "written"),
    [
        (timedelta(days=30), "30"),
        (timedelta(days=1), "1"),
        (timedelta(hours=12), "0.5"),
        (timedelta(seconds=1), "0.00001"),
        (timedelta(days=100), "100"),
    ],
)
def test_durations_are_written_in_days(duration, written):
    assert days_of(duration) == written


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [1, 59, 3600, 3601, 86399, 86400, 604799])
def test_a_lifetime_survives_its_own_form_to_the_second(boss, seconds):
    lifetime = timedelta(seconds=seconds)
    entity = EntityFactory(default_lifetime=lifetime)
    form = boss.get(url_of(entity, "change")).context["adminform"].form

    boss.post(
        url_of(entity, "change"),
        {name: form[name].value() for name in ("default_lifetime", "max_lifetime")},
    )

    entity.refresh_from_db()
    assert entity.default_lifetime == lifetime
