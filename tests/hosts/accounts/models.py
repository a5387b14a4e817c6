"""Accounts as a host may have them: no username, and no number."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class AccountManager(BaseUserManager["Account"]):
    def create_user(self, email: str, password: str | None = None, **facts: Any) -> Account:
        account = Account(email=email, **facts)
        account.set_password(password)
        account.save()
        return account

    def create_superuser(self, email: str, password: str | None = None, **facts: Any) -> Account:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **facts)


class Account(AbstractBaseUser, PermissionsMixin):
    key = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    email = models.CharField(max_length=200, unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    objects = AccountManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    def __str__(self) -> str:
        return self.email
