"""The host's own tests: run by Django's runner, where nothing of ours but the wheel is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections, router
from django.test import TestCase
from django.urls import reverse

from entities import signals
from entities.actors import Actor
from entities.models import AuthToken, Entity, Role, StaffLimit, User
from entities.services import (
    add_member,
    issue_api_key,
    issue_token,
    issue_user_token,
    read_token,
    save_entity,
    update_token,
)

BY = Actor.command("host")


class HostTestCase(TestCase):
    databases = set(settings.DATABASES)

    @classmethod
    def setUpTestData(cls):
        cls.entity = save_entity(entity=Entity(id="acme"), by=BY)
        _, cls.key = issue_api_key(entity=cls.entity, name="app", by=BY)
        cls.ada = add_member(entity=cls.entity, user_id="ada@example.com", role=Role.ADMIN, by=BY)
        _, text = issue_user_token(user=cls.ada.user, name="laptop", by=BY)
        cls.headers = {"apikey": cls.key, "userid": cls.ada.user_id, "token": text}
        kwargs = {"entityId": "acme", "userId": cls.ada.user_id}
        cls.path = reverse("entities:auth-token", kwargs=kwargs)

    def call(self, method, path, body=None, **headers):
        send = getattr(self.client, method)
        options = {} if body is None else {"data": body, "content_type": "application/json"}
        return send(path, headers=self.headers | headers, **options)


class FiveCalls(HostTestCase):
    def test_a_token_lives_and_dies(self):
        ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=200)
        created = self.call("post", self.path, {"flags": ["a"], "expiry": ends.isoformat()})
        assert created.status_code == 201, created.content
        assert created.json()["expiry"] == ends.isoformat().replace("+00:00", "Z")
        assert AuthToken.objects.get().expires_at == ends
        assert self.call("get", self.path).json() == created.json()
        updated = self.call("patch", self.path, {"flags": ["a", "b"]})
        assert updated.json() == created.json() | {"flags": ["a", "b"]}
        refreshed = self.call("post", f"{self.path}/refresh", {}).json()
        assert refreshed["authenticationToken"] != created.json()["authenticationToken"]
        by_token = self.call("get", self.path, token=refreshed["authenticationToken"])
        assert by_token.status_code == 200, by_token.content
        assert self.call("delete", self.path).json() == {"success": True}
        assert self.call("get", self.path).json()["code"] == "token_revoked"

    def test_who_has_no_credentials_gets_nowhere(self):
        refused = self.client.get(self.path)
        assert refused.status_code == 401
        assert refused.json()["code"] == "not_authenticated"

    def test_the_paths_are_below_the_prefix(self):
        prefix = getattr(settings, "TOKENS_PREFIX", "/")
        path = "entities/acme/users/ada@example.com/authentication-token"
        assert self.path == f"{prefix}{path}"
        first = self.call("get", f"{prefix}entities/acme/events?limit=1").json()
        assert f"{prefix}entities/acme/events?" in first["next"]
        unknown = self.call("get", f"{prefix}entities/acme/nothing")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
        assert self.call("get", "/nothing").status_code == 404


class OwnView(HostTestCase):
    def test_it_is_open_to_who_proves_himself(self):
        answer = self.call("get", "/reports")
        assert answer.json() == {"entity": "acme", "user": "ada@example.com", "admin": True}

    def test_and_to_nobody_else(self):
        assert self.client.get("/reports").status_code == 401
        assert self.call("get", "/reports", token="ut_x").status_code == 401


class BearerViews(HostTestCase):
    def get(self, path, text):
        return self.client.get(path, headers={"Authorization": f"Bearer {text}"})

    def test_they_are_open_to_a_token_that_carries_the_flags(self):
        if settings.ROOT_URLCONF != "project.urls":
            return  # a variant with URLs of its own
        bob = add_member(entity=self.entity, user_id="bob", by=BY)
        flags = ["invoices.read", "reports.read"]
        text = issue_token(membership=bob, by=BY, flags=flags).derive_text()
        assert self.get("/invoices", text).json() == {"entity": "acme", "flags": flags}
        assert self.get("/profile", text).json() == {"user": "bob"}
        assert self.get("/tenants/acme/report", text).json() == {"entity": "acme"}
        assert self.get("/tenants/other/report", text).status_code == 401
        update_token(membership=bob, by=BY, flags=[])
        statuses = [
            self.get(path, text).status_code
            for path in ("/invoices", "/profile", "/tenants/acme/report")
        ]
        assert statuses == [403, 200, 403]
        for path in ("/invoices", "/profile", "/tenants/acme/report"):
            refused = self.client.get(path)
            challenge = refused.headers["WWW-Authenticate"]
            assert (refused.status_code, challenge) == (401, 'Bearer realm="entities"')


class PythonApi(HostTestCase):
    def test_services_tell_of_what_they_did(self):
        heard = []

        def receive(token, actor, **facts):
            heard.append((token, actor))

        signals.token_issued.connect(receive)
        alias = router.db_for_write(AuthToken)
        with self.captureOnCommitCallbacks(using=alias, execute=True):
            token = issue_token(membership=self.ada, by=BY, flags=["reports.read"])
        assert heard == [(token, BY)]
        assert read_token(membership=self.ada, by=BY) == token
        assert "entities_authtoken" in connections[alias].introspection.table_names()


class Accounts(HostTestCase):
    def test_a_user_may_be_one_of_the_hosts(self):
        account = get_user_model()(**{get_user_model().USERNAME_FIELD: "ada"})
        account.save()
        User.objects.filter(pk=self.ada.user_id).update(account=account.pk)
        assert User.objects.get().account == account
        account.delete()
        assert User.objects.get().account is None


class Admin(HostTestCase):
    def setUp(self):
        if not apps.is_installed("django.contrib.admin"):
            assert not settings.TEMPLATES[0]["DIRS"]
            return
        boss = get_user_model()(
            **{get_user_model().USERNAME_FIELD: "boss"}, is_staff=True, is_superuser=True
        )
        boss.save()
        StaffLimit.objects.create(account=boss)
        User.objects.filter(pk=self.ada.user_id).update(account=boss)
        issue_token(membership=self.ada, by=BY)
        self.client.force_login(boss)

    def test_each_page_draws(self):
        if not apps.is_installed("django.contrib.admin"):
            return
        for model in apps.get_app_config("entities").get_models():
            name = f"admin:entities_{model._meta.model_name}"
            if model._meta.model_name in {"authtokenflag", "idempotencykey"}:
                continue
            with self.subTest(model=model):
                page = self.client.get(reverse(f"{name}_changelist"))
                assert page.status_code == 200
                if model.objects.exists():
                    first = model.objects.first()
                    page = self.client.get(reverse(f"{name}_change", args=[first.pk]))
                    assert page.status_code == 200
        self.assertContains(self.client.get(reverse("admin:app_list", args=["entities"])), "Live")
