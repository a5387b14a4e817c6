"""The paths of the reference, without a trailing slash."""

from __future__ import annotations

from django.urls import path, re_path, register_converter

from entities.api.views import AuthTokenRefreshViewSet, AuthTokenViewSet, nothing_here
from entities.models.ids import is_id


class IdConverter:
    """The id of an entity or a user, percent-decoded by the server."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        if not is_id(value):
            raise ValueError(value)
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(IdConverter, "entities_id")

_AUTH_TOKEN = "entities/<entities_id:entityId>/users/<entities_id:userId>/authentication-token"  # noqa: S105

urlpatterns = [
    path(
        _AUTH_TOKEN,
        AuthTokenViewSet.as_view(
            {
                "get": "retrieve",
                "post": "create",
                "patch": "partial_update",
                "delete": "destroy",
            }
        ),
        name="auth-token",
    ),
    path(
        f"{_AUTH_TOKEN}/refresh",
        AuthTokenRefreshViewSet.as_view({"post": "create"}),
        name="auth-token-refresh",
    ),
    re_path(r"^entities(?:/|\Z)", nothing_here),
]
