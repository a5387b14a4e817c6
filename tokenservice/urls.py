"""The paths of the service: the API of `entities` at the root, and pages for people beside it."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from tokenservice import views

urlpatterns = [
    path("", views.index, name="index"),
    path("admin/", admin.site.urls),
    path("docs", views.DocsView.as_view(url_name="schema"), name="docs"),
    path("health", views.health, name="health"),
    path("schema", views.SchemaView.as_view(), name="schema"),
    path("", include("entities.urls")),
]

handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.page_not_found
handler500 = views.server_error
