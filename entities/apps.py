"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class EntitiesConfig(AppConfig):
    """Add `"entities"` to INSTALLED_APPS."""

    name = "entities"
    verbose_name = _("Entities and tokens")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from entities import checks  # noqa: F401  registers them

        if apps.is_installed("drf_spectacular"):
            # A host's schema knows the authentication classes without our URLs, too.
            from entities.api import schema  # noqa: F401  registers them
        if apps.is_installed("corsheaders"):
            from entities import cors

            cors.connect()
