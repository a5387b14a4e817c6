"""Screens of rows that have an account of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import router

from entities.admin.base import ServiceAdmin

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


class AccountMixin(ServiceAdmin):
    """Joins the accounts to a list; where they are in another database, fetches them there."""

    list_select_related = ()

    def get_list_select_related(self, request: HttpRequest) -> tuple[str, ...]:
        return ("account",) if self._accounts_are_here() else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows if self._accounts_are_here() else rows.prefetch_related("account")

    def can_search_accounts(self) -> bool:
        """Whether the host's admin can; their keys are typed otherwise."""
        accounts = get_user_model()
        site = self.admin_site
        return bool(site.is_registered(accounts) and site.get_model_admin(accounts).search_fields)

    def _accounts_are_here(self) -> bool:
        return router.db_for_read(get_user_model()) == router.db_for_write(self.model)
