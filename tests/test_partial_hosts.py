"""A host that installs or mounts less than all still gets what it uses. Each is a process."""

from __future__ import annotations

import subprocess
import sys

WITHOUT_REST_FRAMEWORK = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("rest_framework", "drf_spectacular", "django_filters"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="k" * 40,
    ALLOWED_HOSTS=["testserver"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "entities"],
    MIDDLEWARE=["entities.guards.TokenMiddleware"],
    ROOT_URLCONF=__name__,
    CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
)
django.setup()

from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from entities.guards import token_required

guarded = token_required(lambda request: HttpResponse("in"))
urlpatterns = [path("guarded", guarded), path("open", lambda request: HttpResponse("in"))]
call_command("check")
headers = {"authorization": "Bearer eat_forged"}
answer = Client().get("/guarded", headers=headers)
print(answer.status_code, answer.headers["WWW-Authenticate"], answer.json()["code"])
print(Client().get("/open", headers=headers).status_code)
"""

WITHOUT_OUR_URLS = """
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="k" * 40,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "entities",
        "rest_framework",
        "drf_spectacular",
    ],
    ROOT_URLCONF=__name__,
    REST_FRAMEWORK={"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"},
)
django.setup()

from django.core.management import call_command
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from entities.api.authentication import BearerAuthentication

class Report(APIView):
    authentication_classes = [BearerAuthentication]

    def get(self, request) -> dict:
        return Response({})

urlpatterns = [path("report", Report.as_view())]
call_command("spectacular")
"""


def run(program: str) -> str:
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_plain_views_are_guarded_where_rest_framework_is_not_installed() -> None:
    guarded, open_ = run(WITHOUT_REST_FRAMEWORK).splitlines()[-2:]
    assert guarded == '401 Bearer realm="entities", error="invalid_token" not_authenticated'
    assert open_ == "200"


def test_a_schema_without_our_urls_knows_the_token() -> None:
    schema = run(WITHOUT_OUR_URLS)
    assert "security:\n      - entitiesBearer: []\n" in schema
    assert "    entitiesBearer:\n      type: http\n      scheme: bearer\n" in schema
