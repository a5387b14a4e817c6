"""What is done about a token by whoever presents its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entities import keys, moments
from entities.codec import Kind
from entities.exceptions import CredentialTextError
from entities.models import AuthToken, Death, RevocationReason, TextAge
from entities.models.texts import previous_text_ends_at
from entities.services.tokens import mark_revoked
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from datetime import datetime

    from entities.actors import Actor
    from entities.codec import Parsed
    from entities.models import Entity


def revoke_text(*, text: str, entity: Entity | str, by: Actor) -> AuthToken | None:
    """Revoke the authentication token of `entity` whose text this is; None: it is no such text.

    It has to be the current text, also of an expired or suspended token, for those can come back;
    or the one before a refresh in its grace. An older one does nothing, as with verifying: it is no
    sign of theft that a straggler ends the token which he has lost anyway. A forged or mistyped
    text costs no query.

    Args:
        entity: it, or its id.
    """
    try:
        presented = keys.parse(text)
    except CredentialTextError:
        return None
    if presented.kind is not Kind.AUTH_TOKEN:
        return None
    entity_id = entity if isinstance(entity, str) else entity.pk
    with atomic():
        token = _standing(presented, entity_id=entity_id, at=moments.now())
        if token is None or not mark_revoked(token, by=by, reason=RevocationReason.DELETED):
            return None
    return token


def _standing(presented: Parsed, *, entity_id: str, at: datetime) -> AuthToken | None:
    """Return the token that the text may end; None: it may end none."""
    tokens = AuthToken.objects.select_related("membership__entity", "membership__user")
    token = tokens.filter(pk=presented.id, membership__entity_id=entity_id).first()
    if token is None or token.dead_because(at=at) in (Death.REVOKED, Death.ENTITY_REVOKED):
        return None
    age = token.age_of(presented)
    if age is TextAge.PREVIOUS:
        ends_at = previous_text_ends_at(
            issued_at=token.issued_at,
            previous_expires_at=token.previous_expires_at,
        )
        return token if at < ends_at else None
    return token if age is TextAge.CURRENT else None
