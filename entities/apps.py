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
        from django.contrib.auth import get_user_model
        from django.db.models.signals import post_delete

        from entities import checks  # noqa: F401  registers them

        if apps.is_installed("drf_spectacular"):
            # A host's schema knows the authentication classes without our URLs, too.
            from entities.api import schema  # noqa: F401  registers them
        if apps.is_installed("corsheaders"):
            from entities import cors

            cors.connect()

        from entities.models.staff import lift_limit_of_deleted

        # Whatever an account is deleted as: proxies send signals of their own.
        accounts = get_user_model()._meta.concrete_model
        for model in apps.get_models():
            if model._meta.concrete_model is accounts:
                post_delete.connect(lift_limit_of_deleted, sender=model)
