"""The client's address is believed as far as the proxies are ours, and no further."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from entities.origins import client_address, origin_of


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "6.6.6.6", "192.0.2.1"),
        (1, "6.6.6.6, 198.51.100.4", "198.51.100.4"),
        (1, "198.51.100.4", "198.51.100.4"),
        (2, "6.6.6.6, 198.51.100.4, 10.0.0.1", "198.51.100.4"),
        (2, "198.51.100.4", "192.0.2.1"),
        (1, "2001:DB8::1", "2001:db8::1"),
        (1, "", "192.0.2.1"),
        (1, "nonsense", None),
    ],
)
def test_the_address_is_the_one_that_our_proxies_saw(
    proxies: int, forwarded: str, address: str | None, settings: Any
) -> None:
    settings.ENTITIES = {"TRUSTED_PROXIES": proxies}
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == address


def test_a_connection_without_an_address_has_none() -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) is None


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "a\nb", "ü"])
def test_a_request_without_a_decent_id_gets_one(sent: str) -> None:
    request = RequestFactory().get("/", headers={"X-Request-ID": sent})
    origin = origin_of(request)
    assert len(origin.request_id) == 32
    assert origin_of(request) is origin


def test_a_decent_id_is_kept() -> None:
    request = RequestFactory().get("/", headers={"X-Request-ID": "req-1/2"})
    assert origin_of(request).request_id == "req-1/2"
