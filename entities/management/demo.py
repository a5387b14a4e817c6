"""How the demo's credentials are shown, by `seed_demo` and by whatever else makes them."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.urls import NoReverseMatch, reverse

if TYPE_CHECKING:
    from entities.services.demo import DemoEntity, DemoUser


def as_object(demo: DemoEntity, foreign: DemoEntity) -> dict[str, Any]:
    """Give what a program needs to call, and to try what must be refused."""
    member, other_member = demo.members
    return {
        "entity": demo.id,
        "apikey": demo.api_key,
        "admin": _user(demo.admin),
        "member": _user(member),
        "other_member": _user(other_member),
        "foreign": {
            "entity": foreign.id,
            "apikey": foreign.api_key,
            "user": _user(foreign.admin),
        },
    }


def curl_lines(demo: DemoEntity, *, url: str) -> list[str]:
    """Write the five calls of a member about the own token, in an order in which all succeed."""
    caller = demo.members[0]
    path = _path(demo.id, caller.id)
    return [
        _curl("POST", url + path, demo, caller, {"flags": ["reports.read"]}),
        _curl("GET", url + path, demo, caller),
        _curl("PATCH", url + path, demo, caller, {"flags": ["reports.read", "reports.write"]}),
        _curl("POST", f"{url}{path}/refresh", demo, caller),
        _curl("DELETE", url + path, demo, caller),
    ]


def _user(user: DemoUser) -> dict[str, str]:
    return {"id": user.id, "token": user.token}


def _path(entity_id: str, user_id: str) -> str:
    try:
        return reverse("entities:auth-token", kwargs={"entityId": entity_id, "userId": user_id})
    except NoReverseMatch:  # a host that has not included the URLs
        return f"/entities/{quote(entity_id)}/users/{quote(user_id)}/authentication-token"


def _curl(
    method: str, url: str, demo: DemoEntity, caller: DemoUser, body: dict[str, Any] | None = None
) -> str:
    """Write one line that a shell runs as it is, and that ends its answer with a line break."""
    headers = [f"apikey: {demo.api_key}", f"userid: {caller.id}", f"token: {caller.token}"]
    words = ["curl", "-sS", "-w", r"\n", "-X", method, url]
    if body is not None:
        headers.append("Content-Type: application/json")
        words += ["-d", json.dumps(body)]
    return shlex.join([*words, *(word for header in headers for word in ("-H", header))])
