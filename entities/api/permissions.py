"""What an authenticated caller may touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission

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
