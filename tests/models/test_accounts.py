"""Accounts of the host are deleted there; what points to them is seen to here."""

from __future__ import annotations

from typing import Any

import pytest

from entities.models import StaffLimit, User
from tests.factories import EntityFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("many", [False, True], ids=["one", "many at once"])
def test_a_deleted_account_is_forgotten_and_its_limit_goes_along(
    django_user_model: Any, many: bool
) -> None:
    gone, kept = (django_user_model.objects.create_user(name) for name in ("gone", "kept"))
    of_gone, of_kept = (UserFactory(account=account) for account in (gone, kept))
    for account in (gone, kept):
        StaffLimit.objects.create(account=account).entities.set([EntityFactory()])
    if many:
        django_user_model.objects.filter(pk=gone.pk).delete()
    else:
        gone.delete()
    assert User.objects.get(pk=of_kept.pk).account == kept
    assert User.objects.get(pk=of_gone.pk).account is None
    assert StaffLimit.objects.get().account == kept


def test_what_would_be_deleted_can_be_asked_without_deleting_it(django_user_model: Any) -> None:
    from django.contrib.admin.utils import NestedObjects

    account = django_user_model.objects.create_user("asked about")
    user = UserFactory(account=account)
    StaffLimit.objects.create(account=account)
    NestedObjects(using=account._state.db).collect([account])
    assert User.objects.get(pk=user.pk).account == account
    assert StaffLimit.objects.get().account == account
