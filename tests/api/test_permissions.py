"""What a host's views ask of a caller: flags of his token, and to be an admin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import path
from django.utils import translation
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from entities.api.authentication import BearerAuthentication, HeaderAuthentication
from entities.api.permissions import HasFlags, IsEntityAdmin
from entities.exceptions import NotAuthenticatedError
from entities.services import issue_token
from tests.conftest import with_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse
    from rest_framework.request import Request

    from tests.conftest import Caller

pytestmark = pytest.mark.urls(__name__)

PERMISSIONS: dict[str, Any] = {
    "one": HasFlags("reports.read"),
    "two": HasFlags("reports.read", "reports.write"),
    "admin": IsEntityAdmin,
    "both": HasFlags("reports.read") & IsEntityAdmin,
    "either": HasFlags("reports.read") | IsEntityAdmin,
    "nested": (HasFlags("none") | IsEntityAdmin) | HasFlags("reports.read"),
    "not": IsAuthenticated & ~HasFlags("reports.read"),
}


class Report(APIView):
    authentication_classes = [BearerAuthentication, HeaderAuthentication]

    def get(self, request: Request) -> Response:
        self.check_object_permissions(request, object())
        return Response({})


class Codes(Report):
    """A host's own error form."""

    permission_classes = [PERMISSIONS["two"]]

    def get_exception_handler(self) -> Callable[..., Response]:
        return lambda error, context: Response({"code": error.get_codes()}, status=403)


urlpatterns = [
    *(
        path(name, Report.as_view(permission_classes=[permission]))
        for name, permission in PERMISSIONS.items()
    ),
    path("codes", Codes.as_view()),
]


def get(url: str, text: str) -> HttpResponse:
    answer: HttpResponse = Client().get(f"/{url}", headers={"authorization": f"Bearer {text}"})
    return answer


def issued(caller: Caller, *flags: str) -> str:
    text = issue_token(membership=caller.membership, by=caller.actor, flags=flags).derive_text()
    assert text is not None
    return text


def open_to(text: str) -> set[str]:
    """Return the permissions that let the holder in; the others answer 403."""
    statuses = {name: get(name, text).status_code for name in PERMISSIONS}
    assert set(statuses.values()) <= {200, 403}
    return {name for name, status in statuses.items() if status == 200}


def test_a_token_opens_what_it_carries_every_flag_of(member: Caller, other_member: Caller) -> None:
    assert open_to(issued(member, "reports.read", "x")) == {"one", "either", "nested"}
    both = issued(other_member, "reports.write", "reports.read")
    assert open_to(both) == {"one", "two", "either", "nested"}


@pytest.mark.parametrize("flag", ["reports", "reports.read.all", "Reports.read", "reports_read"])
def test_a_flag_is_compared_whole(flag: str, member: Caller) -> None:
    assert open_to(issued(member, flag)) == {"not"}


def test_an_admin_is_one_whatever_his_token_carries(admin: Caller) -> None:
    assert open_to(issued(admin)) == {"admin", "either", "nested", "not"}


def test_an_admin_with_the_flag_has_both(admin: Caller) -> None:
    text = issued(admin, "reports.read")
    assert open_to(text) == {"one", "admin", "both", "either", "nested"}


def test_who_proves_himself_by_a_user_token_carries_no_flag(member: Caller, admin: Caller) -> None:
    """A member would otherwise pass by it what only admins grant."""

    def open_by_headers(caller: Caller) -> set[str]:
        client = Client()
        return {
            name
            for name in PERMISSIONS
            if client.get(f"/{name}", headers=caller.headers).status_code == 200
        }

    assert open_by_headers(member) == {"not"}
    assert open_by_headers(admin) == {"admin", "either", "nested", "not"}
    with_token = replace(member, token=issued(member, "reports.read"))
    assert open_by_headers(with_token) == {"one", "either", "nested"}


class Provider:
    """An identity provider that names flags: a ceiling."""

    def prove(self, presented: Any) -> Any:
        from entities.verification import UserProof

        return UserProof(presented.user_id, frozenset({"reports.read"}))


def test_flags_of_an_identity_provider_grant_nothing(member: Caller, settings: Any) -> None:
    settings.ENTITIES = {**settings.ENTITIES, "USER_AUTHENTICATORS": [f"{__name__}.Provider"]}
    assert Client().get("/not", headers=member.headers).status_code == 200
    assert Client().get("/one", headers=member.headers).status_code == 403


def test_a_superuser_is_an_admin(superuser: Caller) -> None:
    assert Client().get("/admin", headers=superuser.headers).status_code == 200
    reader = with_key(superuser, "read_only")
    assert Client().get("/admin", headers=reader.headers).status_code == 200


@pytest.mark.parametrize("name", sorted(PERMISSIONS))
def test_who_brings_nothing_is_asked_for_a_token(name: str, db: None) -> None:
    answer = Client().get(f"/{name}")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="entities"'


def test_a_refusal_says_what_would_do(member: Caller) -> None:
    text = issued(member)
    assert get("two", text).json() == {
        "detail": "This takes an authentication token with reports.read reports.write."
    }
    assert get("codes", text).json() == {"code": "insufficient_scope"}
    assert get("admin", text).json() == {"detail": "This takes an admin of the entity."}
    with translation.override("de"):
        assert get("admin", text).status_code == 403


@pytest.mark.parametrize("flags", [(), ("",), ("reports read",), ("a", "b,c"), (["a"],), (1,)])
def test_flags_that_no_token_can_carry_are_an_error_at_start(flags: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="is no list of flags"):
        HasFlags(*flags)


def test_a_permission_says_what_it_asks_for() -> None:
    assert PERMISSIONS["two"].__name__ == "HasFlags('reports.read', 'reports.write')"


def test_a_refusal_speaks_the_language_of_the_request(member: Caller) -> None:
    wrong = member.headers | {"token": "wrong"}
    said = {}
    for language in ("en", "de", "es", "de", "en"):
        with translation.override(language):
            answer = Client().get("/admin", headers=wrong)
            said[language] = answer.json()["detail"]
            assert said[language] == str(NotAuthenticatedError.message)
    assert len(set(said.values())) == 3
