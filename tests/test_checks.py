from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from entities import checks, keys
from entities.conf import SETTING_NAMES, app_settings
from tests.factories import AuthTokenFactory

pytestmark = pytest.mark.django_db  # which Django's own checks ask, from 6.0 on

GOOD_KEY = "g" * 32


def ids(*, deploy: bool = False) -> set[str | None]:
    messages = run_checks(include_deployment_checks=deploy)
    return {message.id for message in messages if str(message.id).startswith("entities.")}


def test_stock_settings_are_fine_to_begin_with() -> None:
    assert ids() == set()


@pytest.mark.parametrize(
    ("given", "id"),
    [
        ("not a dict", "entities.E001"),
        ({"REFRESH_GRACE": 30}, "entities.E002"),
        ({"REFRESH_GRACE": timedelta(seconds=-1)}, "entities.E002"),
        ({"LAST_USED_FLUSH": 5}, "entities.E002"),
        ({"MAX_BODY_BYTES": 0}, "entities.E002"),
        ({"MAX_BODY_BYTES": "64"}, "entities.E002"),
        ({"TOKEN_READBACK": "off"}, "entities.E002"),
        ({"RATE_LIMITS": "off"}, "entities.E002"),
        ({"RATE_LIMIT_CALLER": "0/minute"}, "entities.E007"),
        ({"RATE_LIMIT_CALLER": "6/min"}, "entities.E007"),
        ({"RATE_LIMIT_API_KEY": "6/minute\n"}, "entities.E007"),
        ({"RATE_LIMIT_FAILURES": 600}, "entities.E007"),
        ({"RATE_LIMIT_FAILURES": ["600/minute"]}, "entities.E007"),
        ({"API_KEY_PREFIX": ""}, "entities.E003"),
        ({"API_KEY_PREFIX": "e-k"}, "entities.E003"),
        ({"USER_TOKEN_PREFIX": "1x"}, "entities.E003"),
        ({"AUTH_TOKEN_PREFIX": "x" * 17}, "entities.E003"),
        ({"AUTH_TOKEN_PREFIX": "ek"}, "entities.E003"),
        ({"SIGNING_KEYS": GOOD_KEY}, "entities.E004"),
        ({"SIGNING_KEYS": [1]}, "entities.E004"),
        ({"SIGNING_KEYS": [GOOD_KEY, "short"]}, "entities.E004"),
        ({"USER_AUTHENTICATORS": ["entities.nowhere.Nothing"]}, "entities.E005"),
        ({"USER_AUTHENTICATORS": ["entities.codec.compose"]}, "entities.E005"),
        ({"USER_AUTHENTICATORS": ["builtins.object"]}, "entities.E005"),
        ({"VERIFICATION_CACHE": "nowhere"}, "entities.E008"),
        ({"VERIFICATION_CACHE_TTL": 5}, "entities.E002"),
        ({"TOKEN_READBAK": True}, "entities.W001"),
    ],
)
def test_a_bad_setting_is_found(given: Any, id: str, settings: Any) -> None:
    settings.ENTITIES = given
    if isinstance(given, dict):
        assert ids() == {id}
    else:
        assert [message.id for message in checks.check_settings()] == [id]


def test_an_unknown_setting_is_named_with_the_known_ones(settings: Any) -> None:
    settings.ENTITIES = {"TOKEN_READBAK": True}
    (message,) = checks.check_settings()
    assert "TOKEN_READBAK" in message.msg
    assert all(name in str(message.hint) for name in SETTING_NAMES)


@pytest.mark.parametrize(
    "given",
    [
        {"LAST_USED_FLUSH": None, "REFRESH_GRACE": timedelta(0)},
        {"VERIFICATION_CACHE": "process", "VERIFICATION_CACHE_TTL": timedelta(0)},
        {"VERIFICATION_CACHE": "default"},
        {"SIGNING_KEYS": [GOOD_KEY, "h" * 64]},
        {"API_KEY_PREFIX": "acme_ek", "USER_TOKEN_PREFIX": "acme_ut"},
        {"RATE_LIMIT_API_KEY": None, "RATE_LIMIT_CALLER": "1/second", "RATE_LIMITS": False},
    ],
)
def test_good_settings_are_left_alone(given: dict[str, Any], settings: Any) -> None:
    settings.ENTITIES = given
    assert ids() == set()


def test_production_wants_signing_keys_of_their_own(settings: Any) -> None:
    assert ids(deploy=True) == {"entities.E006"}
    settings.ENTITIES = {"SIGNING_KEYS": [GOOD_KEY]}
    assert ids(deploy=True) == set()


def test_a_proxy_that_is_not_counted_is_found(settings: Any) -> None:
    settings.ENTITIES = {"SIGNING_KEYS": [GOOD_KEY]}
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert ids(deploy=True) == {"entities.W002"}
    settings.ENTITIES = {"SIGNING_KEYS": [GOOD_KEY], "TRUSTED_PROXIES": 1}
    assert ids(deploy=True) == set()


def test_two_keys_of_one_id_are_refused(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr("entities.codec.KEY_ID_BYTES", 0)
    settings.ENTITIES = {"SIGNING_KEYS": ["x" * 40, "y" * 40]}
    with pytest.raises(ImproperlyConfigured):
        keys.keyring()
    assert [message.id for message in checks.check_settings()] == ["entities.E004"]


def test_a_key_given_twice_counts_once(settings: Any) -> None:
    settings.ENTITIES = {"SIGNING_KEYS": ["z" * 40, "z" * 40]}
    assert len(keys.keyring()) == 1


def test_settings_are_read_live(settings: Any) -> None:
    assert app_settings.TOKEN_READBACK is True
    settings.ENTITIES = {"TOKEN_READBACK": False}
    assert app_settings.TOKEN_READBACK is False


def test_prefixes_can_be_changed(settings: Any, db: None) -> None:
    settings.ENTITIES = {"AUTH_TOKEN_PREFIX": "acme_eat"}
    text = AuthTokenFactory().derive_text()
    assert text is not None
    assert text.startswith("acme_eat_0")
    assert keys.parse(text).generation == 0
