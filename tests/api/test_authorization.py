"""Who may do what: every path and method of the URLconf, by every kind of caller, in one table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.urls import reverse

from entities import moments
from entities.api import urls
from entities.models import ApiKey, AuthToken, KeyAccess, User, UserToken
from entities.services import issue_token
from tests.api.hostile import refusal
from tests.conftest import BY, Caller, caller_of, with_key
from tests.factories import ApiKeyFactory, MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse

    from entities.models import Entity

# `member` is the user of the path. `token`: the admin, proved by an authentication token; `weak`:
# by one without the flag of the member's token.
CALLERS = (
    *("nobody", "wrong", "foreign", "deactivated", "expired", "member", "other"),
    *("admin", "superuser", "read_only", "token", "weak"),
)
#                                     nob wro for dea exp mem oth adm sup rea tok wea
TABLE = {
    ("auth-token", "get"):           "401 401 401 401 401 200 403 200 200 200 200 403",
    ("auth-token", "post"):          "401 401 401 401 401 201 403 201 201 403 201 403",
    ("auth-token", "patch"):         "401 401 401 401 401 200 403 200 200 403 200 403",
    ("auth-token", "delete"):        "401 401 401 401 401 200 403 200 200 403 200 200",
    ("auth-token-refresh", "post"):  "401 401 401 401 401 200 403 200 200 403 200 403",
    ("entities", "get"):             "401 401 403 401 401 403 403 403 200 403 403 403",
    ("entities", "post"):            "401 401 403 401 401 403 403 403 201 403 403 403",
    ("entity", "get"):               "401 401 401 401 401 403 403 200 200 200 200 200",
    ("entity", "patch"):             "401 401 401 401 401 403 403 200 200 403 403 403",
    ("entity", "delete"):            "401 401 401 401 401 403 403 403 200 403 403 403",
    ("users", "get"):                "401 401 401 401 401 403 403 200 200 200 200 200",
    ("users", "post"):               "401 401 401 401 401 403 403 201 201 403 403 403",
    ("user", "get"):                 "401 401 401 401 401 403 403 200 200 200 200 200",
    ("user", "patch"):               "401 401 401 401 401 403 403 200 200 403 403 403",
    ("user", "delete"):              "401 401 401 401 401 403 403 200 200 403 403 403",
    ("user-tokens", "get"):          "401 401 401 401 401 403 403 200 200 200 200 200",
    ("user-tokens", "post"):         "401 401 401 401 401 403 403 201 201 403 403 403",
    ("user-token", "delete"):        "401 401 401 401 401 403 403 200 200 403 403 403",
    ("api-keys", "get"):             "401 401 401 401 401 403 403 200 200 200 200 200",
    ("api-keys", "post"):            "401 401 401 401 401 403 403 201 201 403 403 403",
    ("api-key", "delete"):           "401 401 401 401 401 403 403 200 200 403 403 403",
    ("api-key-rotation", "post"):    "401 401 401 401 401 403 403 201 201 403 403 403",
    ("auth-tokens", "get"):          "401 401 401 401 401 403 403 200 200 200 200 200",
    ("auth-tokens-revoke", "post"):  "401 401 401 401 401 403 403 200 200 403 403 403",
    ("auth-tokens-issue", "post"):   "401 401 401 401 401 403 403 201 201 403 403 403",
    ("events", "get"):               "401 401 401 401 401 403 403 200 200 200 200 200",
    ("me", "get"):                   "401 401 200 401 401 200 200 200 200 200 200 200",
}  # fmt: skip
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("auth-token", "post"): {"flags": ["a"]},
    ("auth-token", "patch"): {"flags": ["a"]},
    ("entities", "post"): {"name": "New"},
    ("entity", "patch"): {"name": "New"},
    ("users", "post"): {"id": "u-new", "role": "member"},
    ("user", "patch"): {"role": "admin"},
    ("user-tokens", "post"): {"name": "phone"},
    ("api-keys", "post"): {"name": "shop"},
    ("api-key-rotation", "post"): {"overlap": 60},
    ("auth-tokens-revoke", "post"): {"filter": {"status": "live"}},
}
PROVED = [name for name in CALLERS if name not in {"nobody", "wrong", "foreign"}]


@dataclass
class Scene:
    """One entity, a member of it with everything that can be named in a path, and who calls."""

    entity: Entity
    member: Caller
    callers: dict[str, Caller]

    def call(self, name: str, method: str, caller: str) -> HttpResponse:
        who = self.callers[caller]
        body = BODIES.get((name, method), {})
        if name == "auth-tokens-issue":
            body = {"tokens": [{"user": self.callers["other"].membership.user_id}]}
        if (name, method) == ("auth-token", "post"):
            AuthToken.objects.filter(membership=self.member.membership).delete()
        known = {
            "entityId": self.entity.pk,
            "userId": self.member.membership.user_id,
            "keyId": ApiKey.objects.get(name="other app").pk,
            "tokenId": UserToken.objects.filter(user=self.member.membership.user).first().pk,
        }
        wanted = parameters_of(name)
        url = reverse(f"entities:{name}", kwargs={key: known[key] for key in wanted})
        headers = {key: value for key, value in who.headers.items() if value is not None}
        kwargs = {"data": body, "content_type": "application/json"}
        if method in {"get", "head", "delete"}:
            kwargs = {}
        response: HttpResponse = getattr(who.client, method)(url, headers=headers, **kwargs)
        return response


@pytest.fixture
def scene(entity: Entity, api_key: str, admin: Caller, member: Caller, foreigner: Caller) -> Scene:
    def weak(flags: list[str], of: Caller) -> Caller:
        AuthToken.objects.filter(membership=of.membership).delete()
        token = issue_token(membership=of.membership, by=BY, flags=flags).derive_text()
        assert token is not None
        return replace(of, token=token)

    ApiKeyFactory(entity=entity, name="other app")
    second = caller_of(MembershipFactory(entity=entity, admin=True), api_key)
    issue_token(membership=member.membership, by=BY, flags=["a"])
    deactivated = caller_of(MembershipFactory(entity=entity, admin=True), api_key)
    User.objects.filter(pk=deactivated.membership.user_id).update(is_active=False)
    expired = caller_of(MembershipFactory(entity=entity, admin=True), api_key)
    past = moments.now() - timedelta(days=2)
    UserToken.objects.filter(user=expired.membership.user).update(
        created_at=past, expires_at=past + timedelta(days=1)
    )
    none: Any = None
    callers = {
        "nobody": replace(admin, api_key=none, token=none),
        "wrong": replace(admin, token="ut_" + "0" * 83),
        "foreign": foreigner,
        "deactivated": deactivated,
        "expired": expired,
        "member": member,
        "other": caller_of(MembershipFactory(entity=entity), api_key),
        "admin": admin,
        "superuser": with_key(admin, KeyAccess.SUPERUSER),
        "read_only": with_key(admin, KeyAccess.READ_ONLY),
        "token": weak(["a", "b"], admin),
        "weak": weak(["b"], second),
    }
    return Scene(entity, member, callers)


def routes() -> Iterator[tuple[str, str]]:
    for pattern in urls.urlpatterns:
        for method in set(getattr(pattern.callback, "actions", None) or {}) - {"head"}:
            yield str(pattern.name), method


def parameters_of(name: str) -> list[str]:
    (pattern,) = (one.pattern for one in urls.urlpatterns if one.name == name)
    return list(pattern.converters)


def test_the_table_has_every_path_and_method_and_no_other() -> None:
    assert set(routes()) == set(TABLE)
    assert all(len(row.split()) == len(CALLERS) for row in TABLE.values())


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("name", "method"), TABLE)
def test_a_caller_is_answered_as_the_table_has_it(
    name: str, method: str, caller: str, scene: Scene
) -> None:
    expected = int(TABLE[name, method].split()[CALLERS.index(caller)])
    answer = scene.call(name, method, caller)
    assert answer.status_code == expected, answer.content
    if expected >= 400:
        refusal(answer)


@pytest.mark.parametrize(("name", "method"), TABLE)
def test_a_head_is_answered_where_a_get_is(name: str, method: str, scene: Scene) -> None:
    if method == "get":
        answer = scene.call(name, "head", "superuser")
        assert (answer.status_code, answer.content) == (200, b"")


def every_row() -> list[Any]:
    return [
        list(model._default_manager.order_by("pk").values())
        for model in apps.get_app_config("entities").get_models()
    ]


@pytest.mark.parametrize("caller", [name for name in PROVED if name not in {"admin", "superuser"}])
@pytest.mark.parametrize(("name", "method"), [key for key in TABLE if key[0] != "auth-token"])
def test_whoever_is_refused_has_changed_nothing(
    name: str, method: str, caller: str, scene: Scene
) -> None:
    before = every_row()
    if scene.call(name, method, caller).status_code >= 400:
        assert every_row() == before


ENTITY_PATHS = sorted({name for name, _ in TABLE if "entityId" in parameters_of(name)})


@pytest.mark.parametrize("name", ENTITY_PATHS)
def test_an_entity_that_is_not_there_is_told_to_superusers_only(name: str, scene: Scene) -> None:
    scene.entity = type(scene.entity)(pk="e-nowhere")
    method = next(method for known, method in TABLE if known == name)

    answers = {caller: refusal(scene.call(name, method, caller)) for caller in CALLERS}
    assert answers.pop("superuser") == (404, "entity_not_found")
    assert set(answers.values()) == {(401, "not_authenticated")}
