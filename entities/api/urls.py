"""The paths of the reference and of the entity's things, without a trailing slash."""

from __future__ import annotations

from django.urls import path, re_path, register_converter

from entities.api.resources.entities import EntityCollectionViewSet, EntityViewSet
from entities.api.resources.events import EventViewSet
from entities.api.resources.keys import ApiKeyViewSet
from entities.api.resources.me import MeViewSet
from entities.api.resources.tokens import TokenBatchViewSet, TokenViewSet
from entities.api.resources.user_tokens import UserTokenViewSet
from entities.api.resources.users import UserViewSet
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

_ENTITY = "entities/<entities_id:entityId>"
_USER = f"{_ENTITY}/users/<entities_id:userId>"
_AUTH_TOKEN = f"{_USER}/authentication-token"
_TOKENS = f"{_ENTITY}/authentication-tokens"
_KEYS = f"{_ENTITY}/api-keys"
_ONE = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
_MANY = {"get": "list", "post": "create"}

urlpatterns = [
    path(_AUTH_TOKEN, AuthTokenViewSet.as_view(_ONE | {"post": "create"}), name="auth-token"),
    path(
        f"{_AUTH_TOKEN}/refresh",
        AuthTokenRefreshViewSet.as_view({"post": "create"}),
        name="auth-token-refresh",
    ),
    path("entities", EntityCollectionViewSet.as_view(_MANY), name="entities"),
    path(_ENTITY, EntityViewSet.as_view(_ONE), name="entity"),
    path(f"{_ENTITY}/users", UserViewSet.as_view(_MANY), name="users"),
    path(_USER, UserViewSet.as_view(_ONE), name="user"),
    path(f"{_USER}/user-tokens", UserTokenViewSet.as_view(_MANY), name="user-tokens"),
    path(
        f"{_USER}/user-tokens/<uuid:tokenId>",
        UserTokenViewSet.as_view({"delete": "destroy"}),
        name="user-token",
    ),
    path(_KEYS, ApiKeyViewSet.as_view(_MANY), name="api-keys"),
    path(f"{_KEYS}/<uuid:keyId>", ApiKeyViewSet.as_view({"delete": "destroy"}), name="api-key"),
    path(
        f"{_KEYS}/<uuid:keyId>/rotate",
        ApiKeyViewSet.as_view({"post": "rotate"}),
        name="api-key-rotation",
    ),
    path(_TOKENS, TokenViewSet.as_view({"get": "list"}), name="auth-tokens"),
    path(f"{_TOKENS}/revoke", TokenViewSet.as_view({"post": "revoke"}), name="auth-tokens-revoke"),
    path(
        f"{_TOKENS}/issue", TokenBatchViewSet.as_view({"post": "create"}), name="auth-tokens-issue"
    ),
    path(f"{_ENTITY}/events", EventViewSet.as_view({"get": "list"}), name="events"),
    path("me", MeViewSet.as_view({"get": "retrieve"}), name="me"),
    path(f"{_ENTITY}/<path:rest>", nothing_here),  # whose browser apps may read that, too
    re_path(r"^(?:entities|me)(?:/|\Z)", nothing_here),
]
