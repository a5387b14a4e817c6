"""Their screen, which can be searched."""

from __future__ import annotations

from django.contrib import admin

from tests.hosts.accounts.models import Account


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin):
    search_fields = ["email"]
    ordering = ["email"]
