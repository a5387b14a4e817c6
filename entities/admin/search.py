"""Search of the lists: by a part of an id or name, in time that the tables' sizes do not decide.

A word is looked up in the small set of owners first, by an index over parts of words (PostgreSQL,
pg_trgm). Few owners: the rows are found by their ids. Many: rows that match are everywhere, and the
first page is full soon whatever the table holds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from entities.models import Entity, User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

MAX_OWNERS = 300
MAX_FOUND = 200
MAX_WORDS = 6
_SHORTEST_PART = 3  # an index of three-letter parts knows no shorter ones
_CREDENTIAL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,15}_[0-9A-Za-z]{20,}", re.ASCII)


def looks_like_a_credential(term: str) -> bool:
    """Tell whether a term has, or holds, the form of a text: it must not get into an address."""
    return _CREDENTIAL.search(term) is not None


def words_of(term: str) -> list[str]:
    """Split what was typed. NUL is dropped: PostgreSQL takes none."""
    return term.replace("\x00", "").split()[:MAX_WORDS]


def search_fields(rows: QuerySet[Any], term: str, fields: Iterable[str]) -> QuerySet[Any]:
    """Find rows where each word is a part of one of their own `fields`: up to `MAX_FOUND` of them.

    To sort all that match would take as long as they are many; who types on finds the others.
    """
    found = rows
    for word in words_of(term):
        found = found.filter(_part(word, fields))
    if found is rows:
        return rows
    return rows.filter(pk__in=found.order_by().values("pk")[:MAX_FOUND])


def search_owners(
    rows: QuerySet[Any],
    term: str,
    *,
    user: str | None = None,
    entity: str | None = None,
    fields: Iterable[str] = (),
) -> QuerySet[Any]:
    """Find rows where each word is a part of an id or name of their user or entity.

    `user` and `entity` are the paths to those, None where the rows have none; `fields` are of the
    rows themselves. Costs a query a word and path.
    """
    for word in words_of(term):
        found = _part(word, fields)
        if user is not None:
            found |= _owned(word, user, User.objects.all())
        if entity is not None:
            found |= _owned(word, entity, Entity.objects.all())
        rows = rows.filter(found)
    return rows


def _owned(word: str, path: str, owners: QuerySet[Any]) -> Q:
    ids = owners.filter(_part(word, ("id", "name"))).order_by().values_list("pk", flat=True)
    few = list(ids[: MAX_OWNERS + 1])
    if len(few) <= MAX_OWNERS:
        return Q((f"{path}_id__in", few))
    return _part(word, (f"{path}__id", f"{path}__name"))


def _part(word: str, fields: Iterable[str]) -> Q:
    """Match a part of any field; of a short word, the beginning of a word in it."""
    found = Q()
    for field in fields:
        if len(word) >= _SHORTEST_PART:
            found |= Q((f"{field}__icontains", word))
        else:
            found |= Q((f"{field}__istartswith", word)) | Q((f"{field}__icontains", f" {word}"))
    return found
