"""Whether a token is good, and whose it is, for resource servers.

Spec: RFC 7662.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entities.exceptions import NotAuthenticatedError
from entities.gateway.applications import application_view
from entities.services.usage import note_uses
from entities.verification import verify_token

if TYPE_CHECKING:
    from entities.gateway.applications import Call


def _introspect(call: Call) -> dict[str, Any]:
    """Say what is known of a live token of the caller's entity, and nothing of any other.

    That its holder came with it to the caller is a use of the token.

    Spec: RFC 7662 sections 2.2 and 4.
    """
    try:
        verified = verify_token(call.token)
    except NotAuthenticatedError:
        return {"active": False}
    principal = verified.principal
    if principal.entity_id != call.api_key.entity_id:
        return {"active": False}
    note_uses(principal.used, at=principal.verified_at)
    answer = {
        "active": True,
        "sub": principal.user_id,
        "entity": principal.entity_id,
        "scope": " ".join(sorted(principal.flags or ())),
        "exp": int(verified.expires_at.timestamp()),
        "iat": int(verified.issued_at.timestamp()),
        "jti": str(principal.token_id),
        "token_type": "Bearer",
    }
    if verified.issued_through is not None:
        answer["client_id"] = str(verified.issued_through)
    return answer


introspect = application_view(_introspect, changes=False)
