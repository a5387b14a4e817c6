"""Settings that are read live, and what is made of them once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as live
from django.core.exceptions import ImproperlyConfigured

from entities.conf import app_settings, derived, secret_keys, setting

SECRET = "s" * 50


class Made:
    """What is made of settings."""


def is_made_anew(change: Any) -> bool:
    made = derived(Made)
    assert derived(Made) is made
    change()
    anew = derived(Made)
    assert derived(Made) is anew
    return anew is not made


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENTITIES", {"REFRESH_GRACE": timedelta(seconds=7)}),
        ("ENTITIES", {"SIGNING_KEYS": ["k" * 50]}),
        ("SECRET_KEY", SECRET),
        ("SECRET_KEY_FALLBACKS", [SECRET]),
    ],
)
def test_another_value_makes_it_anew(name: str, value: Any, settings: Any) -> None:
    assert is_made_anew(lambda: setattr(settings, name, value))


def test_so_does_a_change_in_place(settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = []
    settings.ENTITIES = {}
    assert is_made_anew(lambda: settings.SECRET_KEY_FALLBACKS.append(SECRET))
    assert is_made_anew(lambda: settings.ENTITIES.update(SIGNING_KEYS=["k" * 50]))
    assert is_made_anew(lambda: settings.ENTITIES["SIGNING_KEYS"].insert(0, "l" * 50))


def test_an_equal_value_does_not(settings: Any) -> None:
    settings.ENTITIES = {"REFRESH_GRACE": timedelta(seconds=7)}
    assert not is_made_anew(
        lambda: setattr(settings, "ENTITIES", {"REFRESH_GRACE": timedelta(seconds=7)})
    )


def test_a_host_needs_no_settings_of_ours(settings: Any) -> None:
    del settings.ENTITIES
    assert app_settings.REFRESH_GRACE == timedelta(seconds=30)
    assert not is_made_anew(lambda: None)


def test_a_host_with_signing_keys_needs_no_secret_key(settings: Any) -> None:
    settings.SECRET_KEY = ""
    settings.ENTITIES = {"SIGNING_KEYS": ["k" * 50]}
    assert not is_made_anew(lambda: None)
    settings.ENTITIES = {}
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY"):
        derived(Made)


def test_a_setting_is_as_django_has_it(settings: Any) -> None:
    for debug in (True, False):
        settings.DEBUG = debug
        assert setting("DEBUG") is live.DEBUG is debug
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = SECRET, ["another"]
    assert secret_keys() == (SECRET, "another")
    with pytest.raises(AttributeError):
        setting("NO_SUCH_SETTING")
