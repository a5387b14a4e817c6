"""What a host includes: `path("", include("entities.urls"))`."""

from __future__ import annotations

from django.urls import include, path

app_name = "entities"
urlpatterns = [path("", include("entities.gateway.urls")), path("", include("entities.api.urls"))]
