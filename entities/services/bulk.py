"""Change many tokens at once, in one statement, or in batches of one statement each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connections, router
from django.db.models import F, Value

from entities import moments, signals
from entities.exceptions import LifetimeError
from entities.models import Action, AuthToken, Entity, Event, RevocationReason, UserToken
from entities.models.flags import (
    MAX_FLAGS,
    AddFlag,
    FlagCount,
    HasFlag,
    RemoveFlag,
    clean_flags,
)
from entities.services.record import (
    append_events,
    columns_of,
    event_of,
    forget_on_commit,
    record_and_tell,
)
from entities.services.transactions import atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta
    from uuid import UUID

    from entities.actors import Actor
    from entities.models import User
    from entities.models.tokens import AuthTokenQuerySet

BATCH_SIZE = 2000


@atomic()
def revoke_entity(*, entity: Entity, by: Actor) -> None:
    """Revoke every authentication token of `entity`, by one row: its epoch goes up by one.

    API keys and user tokens stay.
    """
    Entity.objects.filter(pk=entity.pk).update(token_epoch=F("token_epoch") + 1)
    entity.token_epoch = Entity.objects.values_list("token_epoch", flat=True).get(pk=entity.pk)
    details = {"epoch": entity.token_epoch}
    record_and_tell(Action.ENTITY_REVOKED, entity, by=by, at=moments.now(), details=details)


@atomic()
def revoke_entity_counted(*, entity: Entity, by: Actor) -> int:
    """Do what `revoke_entity` does; return how many tokens that were, expired ones among them."""
    revoke_entity(entity=entity, by=by)
    unrevoked = AuthToken.objects.unrevoked()
    return unrevoked.filter(listed_in=entity, epoch=entity.token_epoch - 1).count()


@atomic()
def revoke_tokens(*, tokens: AuthTokenQuerySet, reason: RevocationReason, by: Actor) -> int:
    """Revoke those of `tokens` that were not, in one statement. Returns how many that were.

    A second statement records an event for each.
    """
    now = moments.now()
    # By key, for the queryset may join, and an UPDATE may not.
    unrevoked = AuthToken.objects.unrevoked().filter(pk__in=tokens.order_by().values("pk"))
    count = unrevoked.update(revoked_at=now, revocation_reason=reason)
    if count:
        just_revoked = AuthToken.objects.filter(revoked_at=now, revocation_reason=reason)
        details = {"reason": reason.value}
        _record_each(just_revoked, Action.TOKEN_REVOKED, by=by, at=now, details=details)
        _tell_of_many(signals.tokens_revoked, count, by=by, reason=reason)
    return count


def revoke_tokens_in_batches(
    *, tokens: AuthTokenQuerySet, reason: RevocationReason, by: Actor
) -> Iterator[int]:
    """Revoke those of `tokens` that were not; yield each batch's count. See `_in_batches`."""

    def revoke(batch: AuthTokenQuerySet, now: datetime) -> int:
        return batch.update(revoked_at=now, revocation_reason=reason)

    return _in_batches(
        tokens.unrevoked(),
        revoke,
        action=Action.TOKEN_REVOKED,
        by=by,
        details={"reason": reason.value},
        reason=reason,
    )


def extend_tokens(*, tokens: AuthTokenQuerySet, lifetime: timedelta, by: Actor) -> Iterator[int]:
    """Let the live ones of `tokens` last until `lifetime` from now; yield each batch's count.

    Those that last longer already, or whose entity has a shorter longest lifetime, stay as they
    are. See `_in_batches`.

    Raises:
        LifetimeError: `lifetime` is not above zero.
    """
    now = moments.now()
    expires_at = now + lifetime
    if expires_at <= now:
        raise LifetimeError("not above zero")

    def extend(batch: AuthTokenQuerySet, now: datetime) -> int:
        return batch.update(expires_at=expires_at, lifetime=lifetime)

    return _in_batches(
        tokens.live(at=now).filter(
            expires_at__lt=expires_at, membership__entity__max_lifetime__gte=lifetime
        ),
        extend,
        action=Action.TOKEN_UPDATED,
        by=by,
        details={"changes": {"expires_at": [None, moments.written(expires_at)]}},
    )


def add_flag(*, tokens: AuthTokenQuerySet, flag: str, by: Actor) -> Iterator[int]:
    """Add `flag` to the live ones of `tokens`; yield each batch's count. See `_in_batches`.

    Those that have it, or have as many flags as fit, stay as they are. It is an act of an admin:
    restricted flags are added too.

    Raises:
        FlagsError: `flag` has the wrong form.
    """
    clean_flags([flag])

    def add(batch: AuthTokenQuerySet, now: datetime) -> int:
        return batch.update(flags=AddFlag("flags", flag))

    return _in_batches(
        tokens.live(at=moments.now())
        .alias(flag_count=FlagCount("flags"), has_flag=HasFlag("flags", flag))
        .filter(flag_count__lt=MAX_FLAGS, has_flag=False),
        add,
        action=Action.TOKEN_UPDATED,
        by=by,
        details={"added": [flag]},
    )


def remove_flag(*, tokens: AuthTokenQuerySet, flag: str, by: Actor) -> Iterator[int]:
    """Take `flag` from the unrevoked ones of `tokens`; yield each batch's count.

    An expired one is among them: it could be refreshed. See `_in_batches`.

    Raises:
        FlagsError: `flag` has the wrong form.
    """
    clean_flags([flag])

    def remove(batch: AuthTokenQuerySet, now: datetime) -> int:
        return batch.update(flags=RemoveFlag("flags", flag))

    return _in_batches(
        tokens.unrevoked().with_flag(flag),
        remove,
        action=Action.TOKEN_UPDATED,
        by=by,
        details={"removed": [flag]},
    )


@atomic()
def sign_out_user(*, user: User, by: Actor) -> tuple[int, int]:
    """Revoke every authentication token and every user token of `user`, in all entities.

    Returns how many of each that were. The memberships stay: with a new token the user gets in.
    """
    now = moments.now()
    tokens = list(
        AuthToken.objects.unrevoked()
        .filter(membership__user=user)
        .select_related("membership")
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    user_tokens = list(
        UserToken.objects.filter(user=user, revoked_at__isnull=True)
        .select_for_update()
        .order_by("pk")
    )
    reason = RevocationReason.STAFF
    AuthToken.objects.filter(pk__in=[token.pk for token in tokens]).update(
        revoked_at=now, revocation_reason=reason
    )
    UserToken.objects.filter(pk__in=[token.pk for token in user_tokens]).update(revoked_at=now)
    append_events(
        *(
            event_of(Action.TOKEN_REVOKED, token, by=by, at=now, details={"reason": reason.value})
            for token in tokens
        ),
        *(
            event_of(Action.USER_TOKEN_REVOKED, token, by=by, at=now, details={"name": token.name})
            for token in user_tokens
        ),
    )
    counts = (len(tokens), len(user_tokens))
    details = {"tokens": counts[0], "user_tokens": counts[1]}
    record_and_tell(Action.USER_SIGNED_OUT, user, by=by, at=now, details=details)
    return counts


def _in_batches(
    tokens: AuthTokenQuerySet,
    change: Callable[[AuthTokenQuerySet, datetime], int],
    *,
    action: Action,
    by: Actor,
    details: dict[str, Any],
    reason: RevocationReason | None = None,
) -> Iterator[int]:
    """Change `tokens` by one statement a batch, each in a transaction of its own with its events.

    Rows are locked as they are chosen, and walked in the order of their keys, so that what a change
    moves in or out of the filter is neither met twice nor forgotten. Whatever stops the iteration
    keeps what was done.
    """
    last: UUID | None = None
    tokens = tokens.order_by("pk").select_for_update(of=("self",))
    while True:
        with atomic():
            rest = tokens if last is None else tokens.filter(pk__gt=last)
            keys = list(rest.values_list("pk", flat=True)[:BATCH_SIZE])
            if not keys:
                return
            now = moments.now()
            batch = AuthToken.objects.filter(pk__in=keys)
            _record_each(batch, action, by=by, at=now, details=details)
            count = change(batch, now)
            signal = signals.tokens_updated if reason is None else signals.tokens_revoked
            facts: dict[str, object] = {} if reason is None else {"reason": reason}
            _tell_of_many(signal, count, by=by, **facts)
        last = keys[-1]
        yield count


def _record_each(
    tokens: AuthTokenQuerySet, action: Action, *, by: Actor, at: datetime, details: dict[str, Any]
) -> None:
    """Record an event for each of `tokens`, by one INSERT that selects them."""
    event = Event(at=at, action=action, details=details, **columns_of(by))
    selected: dict[str, Any] = {
        "entity_id": F("membership__entity_id"),
        "user_id": F("membership__user_id"),
        "credential_id": F("pk"),
    }
    fields = [field for field in Event._meta.concrete_fields if not field.primary_key]
    for field in fields:
        value = Value(getattr(event, field.attname), output_field=field)
        selected.setdefault(field.attname, value)
    names = [field.attname for field in fields]
    using = router.db_for_write(Event)
    rows = (
        tokens.order_by()
        .annotate(**{f"event_{name}": selected[name] for name in names})
        .values_list(*(f"event_{name}" for name in names))
    )
    select, params = rows.query.get_compiler(using).as_sql()
    connection = connections[using]
    quote = connection.ops.quote_name
    columns = ", ".join(map(quote, names))
    with connection.cursor() as cursor:
        # Names are the model's; what comes from outside is among the parameters.
        cursor.execute(f"INSERT INTO {quote(Event._meta.db_table)} ({columns}) {select}", params)


def _tell_of_many(signal: Any, count: int, *, by: Actor, **facts: object) -> None:
    forget_on_commit()
    signals.send_on_commit(signal, sender=AuthToken, count=count, actor=by, **facts)
