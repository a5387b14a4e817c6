from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from threading import Barrier
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from entities.actors import Actor
from entities.models import ApiKey, Entity, Membership, User, UserToken
from entities.services import revoke_api_key, revoke_user_token
from entities.services.demo import seed_demo
from tests.databases import connection

BY = Actor.command("tests")


def seed(**options: Any) -> str:
    out = StringIO()
    call_command("seed_demo", stdout=out, **options)
    return out.getvalue()


def seed_json() -> dict[str, Any]:
    demo: dict[str, Any] = json.loads(seed(json=True))
    return demo


def headers(apikey: str, user: dict[str, str]) -> dict[str, str]:
    return {"apikey": apikey, "userid": user["id"], "token": user["token"]}


def rows() -> list[int]:
    models = (Entity, User, Membership, ApiKey, UserToken)
    return [model._default_manager.count() for model in models]


@pytest.mark.django_db
def test_the_json_is_one_object_with_what_is_needed_to_call() -> None:
    demo = seed_json()
    assert {name: value for name, value in demo.items() if name != "foreign"} == {
        "entity": "e-demo",
        "apikey": demo["apikey"],
        "admin": {"id": "u-demo-admin", "token": demo["admin"]["token"]},
        "member": {"id": "u-demo-member", "token": demo["member"]["token"]},
        "other_member": {"id": "u-demo-other-member", "token": demo["other_member"]["token"]},
    }
    assert demo["foreign"] == {
        "entity": "e-demo-foreign",
        "apikey": demo["foreign"]["apikey"],
        "user": {"id": "u-foreign-admin", "token": demo["foreign"]["user"]["token"]},
    }
    assert rows() == [2, 6, 6, 2, 6]


@pytest.mark.django_db
def test_what_it_prints_gets_each_of_them_in_where_they_belong(client: Client) -> None:
    demo = seed_json()
    path = f"/entities/{demo['entity']}/users/{demo['member']['id']}/authentication-token"
    callers = {
        "member": headers(demo["apikey"], demo["member"]),
        "admin": headers(demo["apikey"], demo["admin"]),
        "other_member": headers(demo["apikey"], demo["other_member"]),
        "foreign": headers(demo["foreign"]["apikey"], demo["foreign"]["user"]),
    }
    made = client.post(path, headers=callers["member"], content_type="application/json")
    assert made.status_code == 201
    answers = {name: client.get(path, headers=sent).status_code for name, sent in callers.items()}
    assert answers == {"member": 200, "admin": 200, "other_member": 403, "foreign": 401}


@pytest.mark.django_db
def test_a_second_run_changes_nothing_and_prints_the_same() -> None:
    assert (seed(json=True), rows()) == (seed(json=True), rows())


@pytest.mark.django_db
def test_what_was_revoked_is_replaced_and_the_rest_stays() -> None:
    before = seed_json()
    revoke_api_key(api_key=ApiKey.objects.get(entity="e-demo"), by=BY)
    revoke_user_token(token=UserToken.objects.get(user="u-demo-admin"), by=BY)
    after = seed_json()
    assert after["apikey"] != before["apikey"]
    assert after["admin"]["token"] != before["admin"]["token"]
    assert after == before | {"apikey": after["apikey"], "admin": after["admin"]}
    assert seed_json() == after


@pytest.mark.django_db
def test_texts_of_a_retired_signing_key_are_replaced(settings: Any) -> None:
    before = seed_json()
    settings.ENTITIES = {**settings.ENTITIES, "SIGNING_KEYS": ["another-" + "k" * 40]}
    after = seed_json()
    assert after["apikey"] != before["apikey"]
    assert seed_json() == after


@pytest.mark.django_db
def test_what_staff_switched_off_stays_off() -> None:
    seed()
    User.objects.filter(pk="u-demo-member").update(is_active=False)
    seed()
    assert User.objects.get(pk="u-demo-member").is_active is False


@pytest.mark.django_db
def test_without_json_it_prints_the_texts_and_lines_for_a_shell() -> None:
    demo, printed = seed_json(), seed(url="https://tokens.example/")
    lines = printed.splitlines()
    assert f"  apikey {demo['apikey']}" in lines
    assert f"    token {demo['foreign']['user']['token']}" in lines
    calls = [line.split(" -H ")[0] for line in lines if line.startswith("curl ")]
    url = "https://tokens.example/entities/e-demo/users/u-demo-member/authentication-token"
    start = r"curl -sS -w '\n' -X"
    assert calls == [
        f'{start} POST {url} -d \'{{"flags": ["reports.read"]}}\'',
        f"{start} GET {url}",
        f'{start} PATCH {url} -d \'{{"flags": ["reports.read", "reports.write"]}}\'',
        f"{start} POST {url}/refresh",
        f"{start} DELETE {url}",
    ]


@pytest.mark.django_db
@pytest.mark.urls("tests.management.no_urls")
def test_a_host_without_the_urls_can_seed_too() -> None:
    assert "http://127.0.0.1:8000/entities/e-demo/users/u-demo-member/" in seed()


@pytest.mark.django_db(transaction=True)
def test_runs_at_once_make_one_demo() -> None:
    barrier = Barrier(4)

    def run(_: int) -> object:
        barrier.wait()
        try:
            return seed_demo()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        demos = list(pool.map(run, range(4)))
    assert demos == [seed_demo()] * 4
    assert rows() == [2, 6, 6, 2, 6]
