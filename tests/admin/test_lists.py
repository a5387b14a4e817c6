"""The lists: what they show, find, filter and cost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from entities import moments
from entities.admin.display import (
    EXPIRING_WITHIN,
    Status,
    credential_status,
    moment,
    token_status,
)
from entities.admin.fields import days_of
from entities.admin.filters import credential_conditions, token_conditions
from entities.models import (
    ApiKey,
    AuthToken,
    Entity,
    Event,
    Membership,
    StaffLimit,
    User,
    UserToken,
)
from tests.admin.conftest import MODELS, admin_url, url_of
from tests.factories import (
    ApiKeyFactory,
    AuthTokenFactory,
    EntityFactory,
    EventFactory,
    MembershipFactory,
    UserFactory,
    UserTokenFactory,
)


def user_with_account():
    name = f"account-{get_user_model().objects.count()}"
    return UserFactory(account=get_user_model().objects.create_user(name))


def staff_limit():
    name = f"limited-{get_user_model().objects.count()}"
    limit = StaffLimit.objects.create(account=get_user_model().objects.create_user(name))
    limit.entities.set([EntityFactory()])
    return limit


MAKERS = {
    Entity: EntityFactory,
    User: user_with_account,
    Membership: MembershipFactory,
    ApiKey: ApiKeyFactory,
    UserToken: UserTokenFactory,
    AuthToken: AuthTokenFactory,
    Event: EventFactory,
    StaffLimit: staff_limit,
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
    from django.test.utils import CaptureQueriesContext

    from tests.databases import connection

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
    used = moments.now() - timedelta(hours=1)
    token = AuthTokenFactory(membership__user__name="Ada", flags=["read", "<b>"], last_used_at=used)

    page = boss.get(admin_url(AuthToken, "changelist")).content.decode()

    assert f'Ada <span class="entities-id">{token.membership.user_id}</span>' in page
    assert f'<span class="entities-id">{token.membership.entity_id}</span>' in page
    assert '<span class="entities-status entities-status-live">Live</span>' in page
    assert f'<code class="entities-masked">eat_…{token.derive_text()[-4:]}</code>' in page
    assert token.derive_text()[:-4] not in page
    assert '<span class="entities-flag">read</span>' in page
    assert "&lt;b&gt;" in page
    assert ">1\xa0hour ago</time>" in page
    assert f'title="{moment(used)}"' in page


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


SOON = EXPIRING_WITHIN // timedelta(microseconds=1)


def tokens_of_every_kind(now):
    """Every mix of revoked, of an epoch before, suspended in three ways, an expiry near a limit.

    The limits are now, and the moment until which a token is said to expire soon.
    """
    for revoked in (False, True):
        for epochs in (0, 1):
            for off in (None, "membership", "user", "entity"):
                for offset in (-1, 0, 1, SOON - 1, SOON, SOON + 1):
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
    now = moments.now()
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
    now = moments.now()
    rows = [
        factory(
            **{f"{owner}__is_active": active},
            created_at=now - timedelta(days=1),
            revoked_at=revoked_at,
            expires_at=expires_at,
        )
        for active in (True, False)
        for revoked_at in (None, now)
        for expires_at in (
            None,
            *(now + timedelta(microseconds=each) for each in (-1, 0, 1, SOON, SOON + 1)),
        )
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


def test_a_list_is_leafed_through_without_counting(boss, capture, monkeypatch):
    monkeypatch.setattr("entities.admin.tokens.AuthTokenAdmin.list_per_page", 2)
    tokens = AuthTokenFactory.create_batch(5)
    newest = sorted(tokens, key=lambda token: token.created_at, reverse=True)
    url = admin_url(AuthToken, "changelist")

    with capture() as asked:
        first = boss.get(url)

    assert not [query for query in asked if "COUNT(" in query["sql"]]
    assert rows_of(first) == newest[:2]
    page = first.content.decode()
    assert "1 to 2" in page
    assert '<a href="?p=2" rel="next">Next</a>' in page
    last = boss.get(url, {"p": "3"})
    assert rows_of(last) == newest[4:]
    assert 'rel="next"' not in last.content.decode()
    assert '<a href="?p=2" rel="prev">Previous</a>' in last.content.decode()


@pytest.mark.parametrize("page", ["4", "0", "-1", "101", "999999999999"])
def test_a_page_that_is_not_there_leads_to_the_first(boss, page):
    AuthTokenFactory()
    answer = boss.get(admin_url(AuthToken, "changelist"), {"p": page})
    assert (answer.status_code, answer.url) == (302, "/admin/entities/authtoken/?e=1")


def test_a_list_that_is_longer_than_anybody_leafs_says_so(boss, monkeypatch):
    monkeypatch.setattr("entities.admin.listing.MAX_PAGES", 1)
    monkeypatch.setattr("entities.admin.tokens.AuthTokenAdmin.list_per_page", 1)
    AuthTokenFactory.create_batch(2)
    page = boss.get(admin_url(AuthToken, "changelist")).content.decode()
    assert "There are more. Narrow the list" in page
    assert 'rel="next"' not in page


def test_tokens_are_filtered_by_flag_use_and_revocation(boss):
    now = moments.now()
    flagged = AuthTokenFactory(flags=["read", "x:y"])
    used = AuthTokenFactory(last_used_at=now - timedelta(days=2))
    stale = AuthTokenFactory(last_used_at=now - timedelta(days=40))
    gone = AuthTokenFactory(revoked=True, last_used_at=now)
    url = admin_url(AuthToken, "changelist")

    assert rows_of(boss.get(url, {"flag": "x:y"})) == [flagged]
    assert rows_of(boss.get(url, {"flag": "rea"})) == []
    assert rows_of(boss.get(url, {"flag": "no flag"})) == []
    assert rows_of(boss.get(url, {"used": "1"})) == [gone]
    assert rows_of(boss.get(url, {"used": "7"})) == [gone, used]
    assert rows_of(boss.get(url, {"used": "not30"})) == [stale]
    assert rows_of(boss.get(url, {"used": "not90"})) == []
    assert rows_of(boss.get(url, {"used": "never"})) == [flagged]
    assert rows_of(boss.get(url, {"revoked": "today"})) == [gone]
    assert rows_of(boss.get(url, {"revoked": "7"})) == [gone]
    page = boss.get(url, {"flag": "typed-by-hand", "used": "7"}).content.decode()
    assert '<input type="hidden" name="used" value="7">' in page
    assert 'name="flag" value="typed-by-hand"' in page


def test_a_common_flag_is_found_in_the_rows_themselves(boss, monkeypatch):
    monkeypatch.setattr("entities.admin.filters.MAX_GATHERED", 1)
    flagged = AuthTokenFactory.create_batch(2, flags=["a", "x:y"])
    AuthTokenFactory(flags=["x"])
    url = admin_url(AuthToken, "changelist")
    assert set(rows_of(boss.get(url, {"flag": "x:y"}))) == set(flagged)
    assert len(rows_of(boss.get(url, {"flag": "x"}))) == 1


def test_the_ones_that_expire_are_ordered_by_when(boss):
    later = AuthTokenFactory(lifetime=timedelta(days=5))
    sooner = AuthTokenFactory(lifetime=timedelta(days=2))
    url = admin_url(AuthToken, "changelist")
    for query in ({"status": "expiring"}, {"expires": "7"}):
        assert rows_of(boss.get(url, query)) == [sooner, later]
    assert set(rows_of(boss.get(url, {"status": "live"}))) == {sooner, later}


def test_several_words_are_each_a_part_of_the_user_or_the_entity(boss):
    acme = EntityFactory(id="acme", name="Acme Corporation")
    ada = AuthTokenFactory(membership__entity=acme, membership__user__name="Ada Lovelace")
    AuthTokenFactory(membership__entity=acme)
    AuthTokenFactory(membership__user__name="Ada Byron")
    url = admin_url(AuthToken, "changelist")

    for term in ("lovelace acme", "ACME ada love", "corporation ada"):
        assert rows_of(boss.get(url, {"q": term})) == [ada]
    assert rows_of(boss.get(url, {"q": "ada nobody"})) == []
    assert len(rows_of(boss.get(url, {"q": "Ad"}))) == 2  # short words are beginnings
    assert rows_of(boss.get(url, {"q": "ad lo"})) == [ada]
    assert rows_of(boss.get(url, {"q": "da"})) == []


def test_a_word_of_many_users_is_searched_for_in_their_rows(boss, monkeypatch):
    monkeypatch.setattr("entities.admin.search.MAX_OWNERS", 1)
    tokens = [AuthTokenFactory(membership__user__name=f"Common {number}") for number in range(3)]
    AuthTokenFactory()
    found = rows_of(boss.get(admin_url(AuthToken, "changelist"), {"q": "common"}))
    assert set(found) == set(tokens)
