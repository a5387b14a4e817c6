"""The end of a token, for the application to which its user has signed out.

Spec: RFC 7009.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entities.actors import Actor, Application
from entities.gateway.applications import application_view
from entities.services import revoke_text

if TYPE_CHECKING:
    from entities.gateway.applications import Call


def _revoke(call: Call) -> dict[str, Any]:
    """Revoke a token of the caller's entity. Whether there was one, the answer does not say.

    Spec: RFC 7009 section 2.2.
    """
    application = Application(call.api_key.id, call.api_key.name)
    by = Actor.api_key(application, origin=call.origin)
    revoke_text(text=call.token, entity=call.api_key.entity_id, by=by)
    return {"success": True}


revoke = application_view(_revoke, changes=True)
