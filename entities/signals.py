"""What host projects can listen to. Each is sent after the change is committed, never before.

Each has the name of the event that stands in the record (`entities.models.Action`). Receivers get
`actor`, and what it is about: `token` (the `AuthToken` as it now is), `entity`, `user`,
`membership`, `credential` (an API key or a user token) or `account`. A failing receiver is logged,
and undoes nothing. A change of many tokens at once sends one `tokens_…` with their `count`; in the
record each has an event of its own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import router, transaction
from django.dispatch import Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model

token_issued = Signal()
token_refreshed = Signal()
token_updated = Signal()
token_revoked = Signal()  # also: reason
token_reused = Signal()  # an older text came to a refresh; `token_revoked` follows
token_text_read = Signal()  # the text was shown to somebody other than its user
tokens_revoked = Signal()  # many at once; also: count, reason
tokens_updated = Signal()  # many at once; also: count
entity_created = Signal()
entity_updated = Signal()
entity_deleted = Signal()
entity_revoked = Signal()  # every token of `entity` died at once
user_created = Signal()
user_updated = Signal()
user_deleted = Signal()
user_signed_out = Signal()  # every token and user token of `user` was revoked
member_added = Signal()
member_updated = Signal()
member_removed = Signal()
api_key_issued = Signal()
api_key_rotated = Signal()  # also: replaces
api_key_revoked = Signal()
user_token_issued = Signal()
user_token_rotated = Signal()  # also: replaces
user_token_revoked = Signal()
staff_limited = Signal()  # a staff account now sees some entities only
staff_unlimited = Signal()


def send_on_commit(signal: Signal, *, sender: type, **facts: object) -> None:
    """Send `signal` when the transaction of `sender`, a model, commits; at once without one."""
    send = partial(signal.send_robust, sender=sender, **facts)
    on_commit(send, of=sender)


def on_commit(act: Callable[[], object], *, of: type[Model]) -> None:
    """Do something when the transaction commits that changes a row of a model; else at once."""
    transaction.on_commit(act, using=router.db_for_write(of))  # noqa: TID251  the one place
