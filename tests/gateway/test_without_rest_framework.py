"""The three views serve a host that has no REST framework at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# As in an environment into which it was never installed.
HOST = """
import sys

for name in ("rest_framework", "drf_spectacular", "django_filters"):
    sys.modules[name] = None

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="k" * 50,
    ROOT_URLCONF="entities.gateway.urls",
    ALLOWED_HOSTS=["testserver"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "entities"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()

from django.core.management import call_command
from django.test import Client

call_command("migrate", verbosity=0)

from entities.actors import Actor
from entities.models import Entity, Membership, User
from entities.services import issue_api_key, issue_token

by = Actor.command("host")
entity, user = Entity.objects.create(id="e-1"), User.objects.create(id="u-1")
token = issue_token(membership=Membership.objects.create(entity=entity, user=user), by=by)
text, (_, key) = token.derive_text(), issue_api_key(entity=entity, name="host", by=by)
client, headers = Client(), {"apikey": key}
bearer = {"Authorization": f"Bearer {text}"}
print(client.get("/verify", headers=bearer).headers["X-User-Id"])
print(client.post("/introspect", {"token": text}, headers=headers).status_code)
form = {"data": f"token={text}", "content_type": "application/x-www-form-urlencoded"}
print(client.post("/introspect", **form, headers=headers).json()["active"])
print(client.post("/revoke", **form, headers=headers).json())
print(client.get("/verify", headers=bearer).status_code)
"""


def test_a_host_without_rest_framework_has_all_three(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", HOST],
        env={"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (run.returncode, run.stdout.split("\n")[:-1]) == (
        0,
        ["u-1", "415", "True", "{'success': True}", "401"],
    ), run.stderr
