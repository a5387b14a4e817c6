"""What an authenticated caller may touch: in our views, and in those of hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission

from entities.exceptions import FlagCeilingError, PermissionDeniedError
from entities.http.callers import NOT_ADMIN, carries, checked_flags, lacking
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
            caller.is_admin or view.kwargs["userId"] == caller.user_id
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


class _HostPermission(BasePermission):
    """Says the same of a view and of an object: under `~`, REST framework asks for both."""

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        return self.has_permission(request, view)


class IsEntityAdmin(_HostPermission):
    """An admin of the entity that the caller acts in: that of the URL, where it names one.

    It asks for the role, whatever flags his token carries: `HasFlags("…") & IsEntityAdmin` asks
    for both.
    """

    message = NOT_ADMIN

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Principal) and request.auth.is_admin


def HasFlags(*flags: str) -> type[BasePermission]:  # noqa: N802  read as a permission class
    """Make the permission of callers whose authentication token carries all of `flags`.

    `permission_classes = [HasFlags("reports.read")]`; it composes with `&`, `|` and `~`.

    A caller who proved himself by a user token, or by an identity provider, carries none. Flags are
    granted where a token is issued, the restricted ones by admins only: let in without them, a
    member would pass by his user token what no admin granted him.

    Raises:
        ValueError: no flag, or one of the wrong form.
    """
    wanted = checked_flags(flags)

    class CarriesFlags(_HostPermission):
        message = lacking(wanted)
        code = "insufficient_scope"  # RFC 6750 section 3.1

        def has_permission(self, request: Request, view: APIView) -> bool:
            return isinstance(request.auth, Principal) and carries(request.auth, wanted)

    CarriesFlags.__name__ = CarriesFlags.__qualname__ = f"HasFlags({', '.join(map(repr, wanted))})"
    return CarriesFlags
