"""An entity's authentication tokens over REST: listed, revoked and issued in bulk."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test.utils import CaptureQueriesContext

from entities import moments
from entities.models import AuthToken, Entity, Event, Membership, User
from entities.services import MAX_BATCH, revoke_entity
from tests.api.hostile import refusal
from tests.api.rest import call, errors_of, listed
from tests.conftest import BY
from tests.databases import connection
from tests.factories import AuthTokenFactory, MembershipFactory, UserFactory

if TYPE_CHECKING:
    from tests.conftest import Caller

LIST = "authentication-tokens"
REVOKE = f"{LIST}/revoke"
ISSUE = f"{LIST}/issue"
DAY = timedelta(days=1)


def wire(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture
def tokens(entity: Entity) -> dict[str, AuthToken]:
    """One token for each thing that a filter asks."""

    def made(name: str, **facts: Any) -> AuthToken:
        facts = {"membership__entity": entity, "membership__user__id": f"u-{name}"} | facts
        return AuthTokenFactory(**facts)

    now = moments.now()
    old = now - timedelta(days=40)
    return {
        "plain": made("plain", issued_at=now - DAY),
        "flagged": made("flagged", flags=["a", "b"], issued_at=now - 2 * DAY),
        "other": made("other", flags=["b"], membership__user__name="Rocket"),
        "used": made("used", last_used_at=now - timedelta(hours=1), lifetime=2 * DAY),
        "expired": made("expired", issued_at=old, lifetime=30 * DAY),
        "revoked": made("revoked", revoked=True),
        "off": made("off", membership__off=True),
        "user_off": made("user-off", membership__user__off=True),
    }


@pytest.fixture
def old_epoch(entity: Entity) -> AuthToken:
    token = AuthTokenFactory(membership__entity=entity, membership__user__id="u-old-epoch")
    revoke_entity(entity=entity, by=BY)
    return token


class TestList:
    def test_a_row_has_all_but_the_text(self, admin: Caller, tokens: dict[str, AuthToken]) -> None:
        token = tokens["flagged"]
        (row,) = listed(admin, LIST, {"user": "u-flagged"})
        assert row == {
            "id": str(token.pk),
            "user": "u-flagged",
            "status": "live",
            "flags": ["a", "b"],
            "expiry": wire(token.expires_at),
            "createdAt": wire(token.created_at),
            "issuedAt": wire(token.issued_at),
            "lastUsedAt": None,
            "revokedAt": None,
        }
        everything = json.dumps(listed(admin, LIST))
        assert "eat_" not in everything
        assert not [one for one in tokens.values() if str(one.derive_text())[-20:] in everything]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({"status": "live"}, "plain flagged other used"),
            ({"status": "expired"}, "expired"),
            ({"status": "suspended"}, "off user_off"),
            ({"status": "revoked"}, "revoked"),
            ({"user": "u-plain"}, "plain"),
            ({"user": "u-pla"}, ""),
            ({"flagsAny": "a"}, "flagged"),
            ({"flagsAny": "b"}, "flagged other"),
            ({"flagsAny": "a,b"}, "flagged other"),
            ({"flagsAll": "a,b"}, "flagged"),
            ({"flagsAll": "b,a"}, "flagged"),
            ({"flagsAll": "b", "flagsAny": "a"}, "flagged"),
            ({"flagsNone": "a", "flagsAny": "b"}, "other"),
            ({"flagsNone": "b,a"}, "plain used expired revoked off user_off"),
            ({"flagsAny": "c"}, ""),
            ({"expiryBefore": 0}, "expired"),
            ({"expiryAfter": 0, "expiryBefore": 3}, "used"),
            ({"issuedBefore": -1.5}, "flagged expired"),
            ({"issuedAfter": -1.5, "issuedBefore": -0.5}, "plain"),
            ({"lastUsedBefore": 0}, "used"),
            ({"lastUsedAfter": 0}, ""),
            ({"neverUsed": "false"}, "used"),
            ({"neverUsed": "true", "flagsAny": "a"}, "flagged"),
            ({"search": "ROCK"}, "other"),
            ({"search": "u-off"}, "off"),
            ({"status": "live", "flagsAny": "b", "expiryAfter": 0}, "flagged other"),
        ],
    )
    def test_filters(
        self, query: dict[str, Any], names: str, admin: Caller, tokens: dict[str, AuthToken]
    ) -> None:
        """A number is a moment, so many days from now."""
        now = moments.now()
        sent = {
            name: wire(now + value * DAY) if isinstance(value, (int, float)) else value
            for name, value in query.items()
        }
        by_id = {str(token.pk): name for name, token in tokens.items()}
        found = [by_id[row["id"]] for row in listed(admin, LIST, sent | {"limit": 2})]
        assert set(found) == set(names.split())
        assert len(found) == len(set(found))

    @pytest.mark.parametrize("entity_off", [False, True])
    def test_the_status_of_a_row_is_the_filter_that_finds_it(
        self,
        entity_off: bool,
        superuser: Caller,
        tokens: dict[str, AuthToken],
        old_epoch: AuthToken,
    ) -> None:
        """The Python rule and its SQL twin."""
        for token in tokens.values():
            if token.revoked_at is None:
                AuthToken.objects.filter(pk=token.pk).update(epoch=1)
        there = MembershipFactory(entity__token_epoch=1).entity
        AuthToken.objects.update(listed_in=there)
        Membership.objects.filter(auth_tokens__isnull=False).update(entity=there)
        Entity.objects.filter(pk=there.pk).update(is_active=not entity_off)
        path = f"/entities/{there.pk}/{LIST}"
        rows = listed(superuser, path)
        assert len(rows) == 9
        for status in ("live", "expired", "suspended", "revoked"):
            found = {row["id"] for row in listed(superuser, path, {"status": status})}
            assert found == {row["id"] for row in rows if row["status"] == status}
        assert (str(old_epoch.pk), "revoked") in {(row["id"], row["status"]) for row in rows}


class TestRevoke:
    @pytest.mark.parametrize(
        ("wanted", "names"),
        [
            ({"flagsAny": ["a", "c"]}, "flagged"),
            ({"flagsNone": ["a", "b"]}, "plain used expired off user_off"),
            ({"status": "live", "neverUsed": True}, "plain flagged other"),
            ({"neverUsed": False}, "used"),
            ({"user": "u-plain"}, "plain"),
            ({"status": "revoked"}, ""),
            ({"status": "suspended"}, "off user_off"),
            ({"status": "expired"}, "expired"),
            ({"search": "rocket"}, "other"),
            ({"expiryBefore": "2999-01-01T00:00:00Z", "flagsAll": ["b"]}, "flagged other"),
        ],
    )
    def test_those_that_a_filter_finds(
        self, wanted: dict[str, Any], names: str, admin: Caller, tokens: dict[str, AuthToken]
    ) -> None:
        elsewhere = AuthTokenFactory(flags=["a", "b"])
        before = set(AuthToken.objects.unrevoked().values_list("pk", flat=True))
        answer = call(admin, "post", REVOKE, json={"filter": wanted})
        assert answer.json() == {"success": True, "revoked": len(names.split())}
        after = set(AuthToken.objects.unrevoked().values_list("pk", flat=True))
        assert before - after == {tokens[name].pk for name in names.split()}
        assert elsewhere.pk in after
        events = Event.objects.filter(action="token_revoked")
        assert {event.credential_id for event in events} == before - after
        assert {event.actor_id for event in events} <= {admin.membership.user_id}

    def test_it_is_one_statement_however_many(
        self, admin: Caller, tokens: dict[str, AuthToken]
    ) -> None:
        with CaptureQueriesContext(connection) as asked:
            call(admin, "post", REVOKE, json={"filter": {"flagsNone": ["x"]}})
        updates = [query for query in asked if query["sql"].startswith("UPDATE")]
        assert len(updates) == 1
        assert AuthToken.objects.unrevoked().count() == 0

    def test_all_of_the_entity_by_one_row(
        self, admin: Caller, tokens: dict[str, AuthToken], member: Caller
    ) -> None:
        text = member.post().json()["authenticationToken"]
        elsewhere = AuthTokenFactory()
        with CaptureQueriesContext(connection) as asked:
            answer = call(admin, "post", REVOKE, json={"all": True})
        assert answer.json() == {"success": True, "revoked": 8}
        updates = [query for query in asked if query["sql"].startswith("UPDATE")]
        assert [query for query in updates if "entities_authtoken" in query["sql"]] == []
        assert refusal(member.get(headers={"token": text}))[0] == 401
        assert AuthToken.objects.live(at=moments.now()).get() == elsewhere
        assert call(admin, "post", REVOKE, json={"all": True}).json()["revoked"] == 0
        assert Event.objects.filter(action="entity_revoked").count() == 2
        answer = call(admin, "post", REVOKE, json={"filter": {"neverUsed": True}})
        assert answer.json()["revoked"] == 0

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, "body"),
            ({"all": False}, "body"),
            ({"all": None}, "all"),
            ({"all": "true"}, "all"),
            ({"all": 1}, "all"),
            ({"all": True, "filter": {"status": "live"}}, "body"),
            ({"filter": {}}, "filter"),
            ({"filter": None}, "filter"),
            ({"filter": []}, "filter"),
            ({"filter": "all"}, "filter"),
            ({"filter": {"sttaus": "live"}}, "filter.sttaus"),
            ({"filter": {"status": "live", "limit": 1}}, "filter.limit"),
            ({"filter": {"status": ""}}, "filter.status"),
            ({"filter": {"status": ["live"]}}, "filter.status"),
            ({"filter": {"user": ""}}, "filter.user"),
            ({"filter": {"flagsAny": []}}, "filter.flagsAny"),
            ({"filter": {"flagsAny": "a"}}, "filter.flagsAny"),
            ({"filter": {"flagsAny": ["a,b"]}}, "filter.flagsAny"),
            ({"filter": {"neverUsed": "true"}}, "filter.neverUsed"),
            ({"filter": {"expiryBefore": "2030-01-01"}}, "filter.expiryBefore"),
            ({"filter": {"search": "ab"}}, "filter.search"),
            ({"flagsAny": ["a"]}, "flagsAny"),
            ({"status": "live", "all": True}, "status"),
        ],
    )
    def test_nothing_is_revoked_by_mistake(
        self,
        body: dict[str, Any],
        fields: str,
        admin: Caller,
        tokens: dict[str, AuthToken],
    ) -> None:
        before = list(AuthToken.objects.order_by("pk").values())
        assert set(errors_of(call(admin, "post", REVOKE, json=body))) == set(fields.split())
        assert list(AuthToken.objects.order_by("pk").values()) == before
        assert Entity.objects.get().token_epoch == 0


class TestBatch:
    def issue(self, caller: Caller, *tokens: dict[str, Any]) -> Any:
        return call(caller, "post", ISSUE, json={"tokens": tokens})

    def test_tokens_are_issued_in_the_order_of_the_batch(self, admin: Caller) -> None:
        entity = admin.membership.entity
        for id in ("b", "a", "c"):
            MembershipFactory(entity=entity, user__id=id)
        expiry = wire(moments.now() + DAY)
        answer = self.issue(
            admin,
            {"user": "b", "flags": ["x", "y", "x"]},
            {"user": "a", "expiry": expiry},
            {"user": "c"},
        )
        assert answer.status_code == 201
        results = answer.json()["results"]
        assert [row["user"] for row in results] == ["b", "a", "c"]
        for row in results:
            token = AuthToken.objects.get(membership__user=row["user"])
            assert row == {
                "user": row["user"],
                "authenticationToken": token.derive_text(),
                "expiry": wire(token.expires_at),
                "flags": token.flags,
            }
            assert token.listed_in_id == entity.pk
        assert results[0]["flags"] == ["x", "y"]
        assert results[1]["expiry"] == expiry
        events = Event.objects.filter(action="token_issued").order_by("id")
        assert [event.user_id for event in events] == ["b", "a", "c"]

    def test_a_dead_token_in_the_way_is_replaced(self, admin: Caller, entity: Entity) -> None:
        expired = AuthTokenFactory(membership__entity=entity, expired=True)
        older = AuthTokenFactory(membership__entity=entity)
        revoke_entity(entity=entity, by=BY)
        users = [{"user": token.membership.user_id} for token in (expired, older)]
        assert self.issue(admin, *users).status_code == 201
        revoked = AuthToken.objects.filter(revocation_reason="replaced")
        assert {token.pk for token in revoked} == {expired.pk, older.pk}
        assert Event.objects.filter(action="token_revoked").count() == 2

    def test_it_is_all_or_nothing_and_says_why_of_each(
        self, admin: Caller, member: Caller, tokens: dict[str, AuthToken]
    ) -> None:
        Entity.objects.update(restricted_flags=["root"])
        answer = self.issue(
            admin,
            {"user": member.membership.user_id},
            {"user": "u-nobody"},
            {"user": "u-plain"},
            {"user": "u-off"},
            {"user": "u-revoked", "expiry": "2999-01-01T00:00:00Z"},
            {"user": "u-expired", "flags": ["root"]},
        )
        errors = errors_of(answer)
        assert answer.json()["code"] == "batch_refused"
        assert set(errors) == {"tokens.1", "tokens.2", "tokens.3", "tokens.4.expiry"}
        assert errors["tokens.1"][0].startswith("This entity has no such user.")
        assert errors["tokens.2"][0].startswith("This user has a live authentication token.")
        assert AuthToken.objects.count() == len(tokens)
        assert tokens["expired"].revoked_at is None
        assert not Event.objects.filter(action="token_issued").exists()

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, "tokens"),
            ({"tokens": []}, "tokens"),
            ({"tokens": {}}, "tokens"),
            ({"tokens": ["a"]}, "tokens.0"),
            ({"tokens": [{"user": "a"}, {}]}, "tokens.1.user"),
            ({"tokens": [{"user": "a"}, {"user": "b"}, {"user": "a"}]}, "tokens.2.user"),
            ({"tokens": [{"user": "a", "flags": ["a b"]}]}, "tokens.0.flags"),
            ({"tokens": [{"user": "a", "flags": ["f"] * 33}]}, "tokens.0.flags"),
            ({"tokens": [{"user": "a", "expiry": "soon"}]}, "tokens.0.expiry"),
            ({"tokens": [{"user": "a", "flag": "x"}]}, "tokens.0.flag"),
            ({"tokens": [{"user": "a"}], "all": True}, "all"),
        ],
    )
    def test_a_bad_field_is_named_by_its_place(
        self, body: dict[str, Any], fields: str, admin: Caller
    ) -> None:
        assert set(errors_of(call(admin, "post", ISSUE, json=body))) == set(fields.split())
        assert not AuthToken.objects.exists()

    def test_a_thousand_cost_as_many_statements_as_one(self, admin: Caller, entity: Entity) -> None:
        users = UserFactory.build_batch(MAX_BATCH + 1)
        User.objects.bulk_create(users)
        Membership.objects.bulk_create(Membership(entity=entity, user=user) for user in users)

        def queries(some: list[User], *, status: int = 201) -> int:
            with CaptureQueriesContext(connection) as asked:
                answer = self.issue(admin, *({"user": user.pk} for user in some))
            assert answer.status_code == status, answer.content
            # SQLite takes an INSERT of so many rows in parts.
            return len({query["sql"][:30] for query in asked})

        assert queries(users, status=400) == 1
        assert queries(users[:1]) == queries(users[1:1000])
        assert AuthToken.objects.count() == 1000

    def test_its_body_may_be_larger_than_others_and_has_a_limit(self, admin: Caller) -> None:
        large = [{"user": f"u-{n}", "flags": ["f" * 64] * 10} for n in range(1000)]
        assert self.issue(admin, *large).json()["code"] == "batch_refused"
        larger = [{"user": f"u-{n}", "flags": ["f" * 64] * 32} for n in range(1000)]
        assert refusal(self.issue(admin, *larger)) == (413, "body_too_large")

    def test_restricted_flags_are_an_admins(self, admin: Caller, member: Caller) -> None:
        Entity.objects.update(restricted_flags=["root"])
        body = {"user": member.membership.user_id, "flags": ["root"]}
        assert self.issue(admin, body).status_code == 201
