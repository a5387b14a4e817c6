"""What is not set up is found by `manage.py check`, and lets nobody in."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import Error, run_checks
from django.core.exceptions import ImproperlyConfigured

from entities import identity
from entities.exceptions import NotAuthenticatedError
from entities.identity import JwtAuthenticator
from entities.services import issue_api_key
from entities.verification import Presented, verify_request
from tests.conftest import BY

PATH = "entities.identity.JwtAuthenticator"
GOOD = {
    "SIGNING_KEYS": ["k" * 40],
    "USER_AUTHENTICATORS": [PATH],
    "JWT_ISSUER": "https://idp.example/",
    "JWT_AUDIENCE": ["https://tokens.example"],
    "JWT_JWKS_URL": "https://idp.example/jwks",
}

pytestmark = pytest.mark.django_db


def found(*, deploy: bool = False) -> list[tuple[str | None, str]]:
    messages = run_checks(include_deployment_checks=deploy)
    return [(one.id, one.msg) for one in messages if str(one.id).startswith("entities.")]


def test_issuer_audience_and_keys_are_all_it_wants(settings: Any) -> None:
    settings.ENTITIES = GOOD
    assert found(deploy=True) == []


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"JWT_ISSUER": ""}, "ENTITIES['JWT_ISSUER'] is not set."),
        ({"JWT_AUDIENCE": []}, "ENTITIES['JWT_AUDIENCE'] is not a list of names, one at least."),
        ({"JWT_AUDIENCE": "tokens"}, "ENTITIES['JWT_AUDIENCE'] is not a list of"),
        ({"JWT_AUDIENCE": [""]}, "ENTITIES['JWT_AUDIENCE'] is not a list of"),
        ({"JWT_AUDIENCE": None}, "ENTITIES['JWT_AUDIENCE'] is not a list of"),
        ({"JWT_JWKS_URL": ""}, "ENTITIES['JWT_JWKS_URL'] is no http or https URL."),
        ({"JWT_JWKS_URL": "file:///etc/jwks"}, "ENTITIES['JWT_JWKS_URL'] is no http"),
        ({"JWT_JWKS_URL": "https://[x"}, "ENTITIES['JWT_JWKS_URL'] is no http"),
        ({"JWT_JWKS_URL": 1}, "ENTITIES['JWT_JWKS_URL'] is no http"),
        ({"JWT_ALGORITHMS": []}, "ENTITIES['JWT_ALGORITHMS'] is not a list of some of ES256, "),
        ({"JWT_ALGORITHMS": ["none"]}, "ENTITIES['JWT_ALGORITHMS'] is not"),
        ({"JWT_ALGORITHMS": ["RS256", "HS256"]}, "ENTITIES['JWT_ALGORITHMS'] is not"),
        ({"JWT_ALGORITHMS": "RS256"}, "ENTITIES['JWT_ALGORITHMS'] is not"),
        ({"JWT_USER_CLAIM": ""}, "ENTITIES['JWT_USER_CLAIM'] names no claim."),
        ({"JWT_ENTITY_CLAIM": ""}, "ENTITIES['JWT_ENTITY_CLAIM'] names no claim."),
    ],
)
def test_what_is_missing_or_unsound_is_named(
    given: dict[str, Any], fault: str, settings: Any
) -> None:
    settings.ENTITIES = GOOD | given
    [(id, message)] = found()
    assert id == "entities.E010"
    assert message.startswith(
        f"ENTITIES['USER_AUTHENTICATORS'] names {PATH!r}, which is not set up: {fault}"
    )
    with pytest.raises(ImproperlyConfigured):
        JwtAuthenticator()


@pytest.mark.parametrize(
    "given", [{"JWT_LEEWAY": 30}, {"JWT_LEEWAY": timedelta(-1)}, {"JWT_CREATE_USERS": "off"}]
)
def test_the_types_are_judged(given: dict[str, Any], settings: Any) -> None:
    settings.ENTITIES = GOOD | given
    assert "entities.E002" in [id for id, _ in found()]


def test_what_became_unsound_lets_nobody_in(settings: Any, entity: Any) -> None:
    settings.ENTITIES = GOOD
    what = Presented(issue_api_key(entity=entity, name="x", by=BY)[1], "alice", "a.b.c", entity.pk)
    with pytest.raises(NotAuthenticatedError):
        verify_request(what)
    settings.ENTITIES = GOOD | {"JWT_ALGORITHMS": ["HS256"]}
    with pytest.raises(ImproperlyConfigured):
        verify_request(what)


def test_keys_without_tls_are_warned_of_in_production(settings: Any) -> None:
    settings.ENTITIES = GOOD | {"JWT_JWKS_URL": "http://idp.example/jwks"}
    assert found() == []
    assert [id for id, _ in found(deploy=True)] == ["entities.W010"]


@pytest.mark.parametrize("missing", ["jwt", "cryptography"])
def test_a_missing_extra_is_said(
    missing: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENTITIES = GOOD
    for name in ("entities.identity.tokens", "entities.identity.keyset"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.delattr(identity, name.rpartition(".")[2], raising=False)
    if missing == "jwt":
        monkeypatch.setitem(sys.modules, "jwt", None)
    else:
        monkeypatch.setattr("jwt.algorithms.has_crypto", False)
    [message] = [one for one in run_checks() if one.id == "entities.E010"]
    assert isinstance(message, Error)
    assert "pip install 'django-entities-tokenservice[jwt]'" in message.msg


def test_the_app_works_without_the_extra() -> None:
    code = """
import sys
sys.modules["jwt"] = None
import django
django.setup()
from django.core.management import call_command
call_command("check", databases=[])
import entities.urls, entities.api.urls, entities.identity
print("works")
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stdout.splitlines()[-1:]) == (0, ["works"]), run.stderr
