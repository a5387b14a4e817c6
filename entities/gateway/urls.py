"""The paths for other services. They can be included alone, without REST framework."""

from __future__ import annotations

from django.urls import path, re_path

from entities.gateway.forward_auth import verify
from entities.gateway.introspection import introspect
from entities.gateway.revocation import revoke

urlpatterns = [
    path("introspect", introspect, name="introspect"),
    path("revoke", revoke, name="revoke"),
    path("verify", verify, name="verify"),
    # Whatever a gateway appends, a line feed too.
    re_path(r"^verify/(?P<rest>(?s:.*))\Z", verify),
]
