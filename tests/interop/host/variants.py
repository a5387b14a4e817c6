"""What hosts choose: settings to be appended to those that `startproject` makes."""

from __future__ import annotations

VARIANTS = {
    "as the README says": "",
    "without USE_TZ": """
USE_TZ = False
TIME_ZONE = "America/New_York"
""",
    "below a prefix": """
ROOT_URLCONF = "project.prefixed"
TOKENS_PREFIX = "/tokens/"
""",
    "accounts without a username": """
INSTALLED_APPS = ["accounts", *INSTALLED_APPS]
AUTH_USER_MODEL = "accounts.Account"
""",
    "without the admin and its templates": """
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "entities",
]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": []}]
ROOT_URLCONF = "project.bare"
""",
    "the dashboard on the admin's index": """
INSTALLED_APPS = ["entities", *(name for name in INSTALLED_APPS if name != "entities")]
""",
}

ELSEWHERE = """
DATABASES["default"]["NAME"] = BASE_DIR / "host.sqlite3"
DATABASES["tokens"] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": BASE_DIR / "tokens.sqlite3",
}
"""

DEPLOYED = """
DEBUG = False
SECRET_KEY = "k" * 20 + "0123456789abcdef" * 3
ALLOWED_HOSTS = ["127.0.0.1"]
SECURE_HSTS_SECONDS = 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_SSL_REDIRECT = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
ENTITIES = {"SIGNING_KEYS": ["0123456789abcdef" * 3]}
"""

PREFIXED = """
from django.contrib import admin
from django.urls import include, path

from project.reports import reports

urlpatterns = [path("admin/", admin.site.urls), path("tokens/", include("entities.urls")), reports]
"""

BARE = """
from django.urls import include, path

from project.reports import reports

urlpatterns = [path("", include("entities.urls")), reports]
"""
