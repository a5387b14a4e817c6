"""The shapes on the wire. The rules are the services'."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from entities.conf import app_settings
from entities.models import AuthToken
from entities.models.flags import FLAG_PATTERN, MAX_FLAGS

_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


def written(at: datetime) -> str:
    """Write a moment in UTC. Spec: RFC 3339 section 5.6."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Rfc3339Field(serializers.DateTimeField):
    """A moment with an offset; written in UTC. Spec: RFC 3339 section 5.6."""

    default_error_messages = {
        "invalid": _("Send a date and time with an offset (RFC 3339), like 2030-01-31T12:00:00Z.")
    }

    def to_internal_value(self, value: object) -> datetime:
        if not isinstance(value, str) or _RFC_3339.fullmatch(value) is None:
            self.fail("invalid")
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("invalid")

    def to_representation(self, value: datetime) -> str:
        return written(value)


class StringField(serializers.CharField):
    """A string, and nothing that could be made one: 1 and true are not."""

    default_error_messages = {"invalid": _("Send a string.")}

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class TrueField(serializers.BooleanField):
    """True or false, and nothing that could be made one."""

    default_error_messages = {"invalid": _("Send true or false.")}

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class SecondsField(serializers.IntegerField):
    """A duration in whole seconds."""

    default_error_messages = {"invalid": _("Send a whole number of seconds.")}

    def __init__(self, *, most: timedelta, least: int = 1, **kwargs: Any) -> None:
        super().__init__(min_value=least, max_value=int(most.total_seconds()), **kwargs)

    def to_internal_value(self, data: object) -> timedelta:  # type: ignore[override]
        if isinstance(data, float) and data.is_integer():
            data = int(data)  # to JSON, 60.0 is the integer 60
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        super().run_validators(data)  # first: a number without end is no duration
        return timedelta(seconds=data)

    def run_validators(self, value: Any) -> None:
        """Nothing is left to check."""

    def to_representation(self, value: timedelta) -> int:  # type: ignore[override]
        return int(value.total_seconds())


class FlagField(StringField):
    """One flag."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            trim_whitespace=False,
            validators=[
                RegexValidator(
                    rf"^{FLAG_PATTERN.pattern}\Z",
                    _("A flag has 1 to 64 letters, digits, dots, underscores, colons or hyphens."),
                )
            ],
            **kwargs,
        )


class FlagsField(serializers.ListField):
    """Flags, as they come; the services make a set of them."""

    default_error_messages = {
        "not_a_list": _("Send a list of strings."),
        "max_length": _("Send at most {max_length} flags."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=FlagField(), max_length=MAX_FLAGS, **kwargs)


class StrictSerializer(serializers.Serializer[Any]):
    """A body in: unknown names are errors, so that a mistyped one does not pass for none."""

    wants_something: ClassVar[bool] = False
    """Whether the document says that an empty object is an error."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        known = ", ".join(self.fields)
        names = data if isinstance(data, Mapping) else ()
        unknown = [name for name in names if name not in self.fields]
        if unknown:
            sentence = _("There is no such field. Known are: {known}.")
            raise serializers.ValidationError(
                {name[:64]: [sentence.format(known=known)] for name in unknown[:10]}
            )
        terms: dict[str, Any] = super().to_internal_value(data)
        return terms


class TokenTermsSerializer(StrictSerializer):
    """Terms of a new token. The entity has defaults for those left out."""

    expiry = Rfc3339Field(
        source="expires_at",
        required=False,
        help_text="The moment the token ends: in the future, within the entity's longest lifetime.",
    )
    flags = FlagsField(required=False, help_text="All of the token's flags; a set.")


class TokenChangesSerializer(TokenTermsSerializer):
    """What to change of a token: expiry, flags, or both."""

    wants_something = True


class RefreshSerializer(StrictSerializer):
    """What to refresh, and until when."""

    authenticationToken = StringField(  # noqa: N815  the wire's name
        source="text",
        required=False,
        min_length=1,
        trim_whitespace=False,
        help_text="The current authentication token: with it, only the one who holds it refreshes.",
    )
    expiry = Rfc3339Field(
        source="expires_at",
        required=False,
        help_text="The moment the new text ends. Left out, it is as far off as the last one was.",
    )


class AuthTokenSerializer(serializers.Serializer[AuthToken]):
    """The authentication token of one user in one entity."""

    success = serializers.SerializerMethodField(help_text="Always true.")
    authenticationToken = serializers.SerializerMethodField(  # noqa: N815
        help_text=(
            "The text, to be sent as a credential. Null where the service does not show it again, "
            "and to a read-only API key."
        )
    )
    expiry = Rfc3339Field(source="expires_at", help_text="The moment it ends, in UTC.")
    flags = serializers.ListField(
        child=serializers.CharField(),
        help_text="A set, in its first order.",
    )
    createdAt = Rfc3339Field(  # noqa: N815
        source="created_at", help_text="The moment of its creation. A refresh leaves it."
    )
    lastUsedAt = Rfc3339Field(  # noqa: N815
        source="last_used_at",
        allow_null=True,
        help_text="The moment it was last used, to the minute. Null: not yet.",
    )

    def to_representation(self, token: AuthToken) -> dict[str, Any]:
        """Write what the fields above would: to copy them for each token takes far longer."""
        used_at = token.last_used_at
        return {
            "success": self.get_success(token),
            "authenticationToken": self.get_authenticationToken(token),
            "expiry": written(token.expires_at),
            "flags": list(token.flags),
            "createdAt": written(token.created_at),
            "lastUsedAt": None if used_at is None else written(used_at),
        }

    @extend_schema_field({"type": "boolean", "const": True})
    def get_success(self, token: AuthToken) -> bool:
        return True

    def get_authenticationToken(self, token: AuthToken) -> str | None:  # noqa: N802
        shown = self.context["just_made"] or app_settings.TOKEN_READBACK
        return token.derive_text() if shown and not self.context["reads_only"] else None
