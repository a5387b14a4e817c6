"""What host projects can listen to. Each is sent after the change is committed, never before.

Receivers get `token` (the `AuthToken` as it now is) or `entity`, and `actor`; a failing receiver
is logged, and undoes nothing.
"""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.dispatch import Signal

token_issued = Signal()
token_refreshed = Signal()
token_updated = Signal()
token_revoked = Signal()  # also: reason
token_reused = Signal()  # an older text came to a refresh; `token_revoked` follows
token_text_read = Signal()  # the text was shown to somebody other than its user
entity_revoked = Signal()  # every token of `entity` died at once


def send_on_commit(signal: Signal, *, sender: type, **facts: object) -> None:
    """Send `signal` when the transaction commits; at once where there is none."""
    transaction.on_commit(partial(signal.send_robust, sender=sender, **facts))
