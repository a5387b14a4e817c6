"""Origins of browser apps: scheme, host and port, nothing more (RFC 6454 section 4)."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MAX_ORIGINS = 100
# Serialized as browsers send them: lower case, no slash at the end, no default port.
_HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
_ORIGIN = re.compile(rf"(?:http|https)://(?:{_HOST}|\[[0-9a-f:.]+\])(?::[0-9]{{1,5}})?")
_DEFAULT_PORT = re.compile(r"http://.*:80|https://.*:443")


def validate_origins(value: object) -> None:
    """Refuse anything but a list of origins, each as browsers write it.

    Raises:
        ValidationError: not a list of strings, over 100, or one that no browser would send.
    """
    if not isinstance(value, list) or len(value) > MAX_ORIGINS:
        raise ValidationError(
            _("Allowed origins are a list of at most %(most)d."),
            code="origins_invalid",
            params={"most": MAX_ORIGINS},
        )
    for origin in value:
        if not is_origin(origin):
            raise ValidationError(
                _(
                    "“%(origin)s” is no origin as browsers send it: https://app.example.com, in "
                    "lower case, with a port where it is not the usual one, and without a path."
                ),
                code="origins_invalid",
                params={"origin": str(origin)[:100]},
            )


def is_origin(value: object) -> bool:
    """Tell whether `value` is an origin in the form that browsers send (RFC 6454 section 6.2)."""
    return (
        isinstance(value, str)
        and _ORIGIN.fullmatch(value) is not None
        and _DEFAULT_PORT.fullmatch(value) is None
    )
