"""The few pages of the service itself, and its errors where no view of the API answers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer2
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.negotiation import BaseContentNegotiation

from entities.api.errors import exception_handler
from entities.http.problems import PROBLEM_MEDIA_TYPE, problem, problem_response
from tokenservice.paths import is_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rest_framework.parsers import BaseParser
    from rest_framework.renderers import BaseRenderer
    from rest_framework.request import Request

logger = logging.getLogger("tokenservice.health")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "index.html")


@csrf_exempt
def health(request: HttpRequest) -> JsonResponse:
    """Tell load balancers whether this process reaches its database. Nothing is said of why not."""
    if request.method not in {"GET", "HEAD"}:
        response = problem_response(405)
        response.headers["Allow"] = "GET, HEAD"
        return response
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        logger.exception("The database does not answer.")
        error = "The database does not answer. Try again later."
        response = JsonResponse(
            problem(503, code="database_unavailable", error=error),
            status=503,
            content_type=PROBLEM_MEDIA_TYPE,
        )
    else:
        response = JsonResponse({"success": True, "status": "ok"})
    response.headers["Cache-Control"] = "no-store"
    return response


class JsonUnlessYaml(BaseContentNegotiation):
    """Answers in JSON where neither `?format=yaml` nor `Accept` asks for YAML: never a 406."""

    def select_parser(self, request: Request, parsers: Sequence[BaseParser]) -> None:  # type: ignore[override]
        return None

    def select_renderer(  # type: ignore[override]
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        wishes = (request.query_params.get("format", ""), request.headers.get("Accept", ""))
        as_json, as_yaml = renderers
        chosen = as_yaml if any("yaml" in wish for wish in wishes) else as_json
        return chosen, chosen.media_type or ""


class SchemaView(SpectacularAPIView):
    """The OpenAPI document."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiYamlRenderer2]
    content_negotiation_class = JsonUnlessYaml
    http_method_names = ["get", "head"]

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """Answer in the error form of the API, which is JSON for those too who want YAML."""
        answer = exception_handler(exc, {"request": self.request})
        return JsonResponse(answer.data, status=answer.status_code, content_type=PROBLEM_MEDIA_TYPE)


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI, from the service's own static files, its script apart from the page."""


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_page(request.path_info):
        return defaults.bad_request(request, exception)
    return problem_response(400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_page(request.path_info):
        return defaults.permission_denied(request, exception)
    return problem_response(403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_page(request.path_info):
        return defaults.page_not_found(request, exception)
    return problem_response(404)


def server_error(request: HttpRequest) -> HttpResponse:
    if is_page(request.path_info):
        return defaults.server_error(request)
    return problem_response(500)
