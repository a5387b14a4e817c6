"""Transactions in the database that a host's router keeps the app's tables in."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import router, transaction

from entities.models import AuthToken

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def atomic(*, durable: bool = False) -> Iterator[None]:
    """Do what Django's does, there. Asked at each use: a router may be set after the import."""
    here = router.db_for_write(AuthToken)
    with transaction.atomic(using=here, durable=durable):  # noqa: TID251  the one place
        yield
