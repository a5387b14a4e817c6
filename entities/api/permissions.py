"""What an authenticated caller may touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission

from entities.exceptions import FlagCeilingError, PermissionDeniedError
from entities.verification import Principal

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class ManagesUser(BasePermission):
    """A member manages the own token, an admin every user's of the entity.

    A member is refused before anything is looked up: whether the other user exists stays unknown.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = request.auth
        return isinstance(caller, Principal) and (
            caller.is_admin or view.kwargs["userId"] == caller.user.id
        )


class IsCaller(BasePermission):
    """Anybody whose credentials are good."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Principal)


class ManagesEntity(BasePermission):
    """An admin of the entity in the path; to change anything, one who proves himself in full.

    An authentication token manages authentication tokens only: a weak one could otherwise get its
    holder a user token, and with that every flag.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = request.auth
        if not isinstance(caller, Principal) or not caller.is_admin:
            return False
        if caller.flags is not None and request.method not in SAFE_METHODS:
            raise FlagCeilingError(
                message=_(
                    "An authentication token does not manage an entity. Use a user token for this."
                )
            )
        return True


class ManagesEntities(BasePermission):
    """A superuser."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = request.auth
        if isinstance(caller, Principal) and not caller.is_superuser:
            raise PermissionDeniedError(
                message=_("This takes a superuser API key, and a user token of its entity's admin.")
            )
        return isinstance(caller, Principal)
