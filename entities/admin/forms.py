"""Forms of the staff's screens. They know shape; the services know the rules."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.translation import gettext_lazy as _

from entities.admin.fields import (
    Autocomplete,
    DaysField,
    ExpiryField,
    FlagsField,
    FlagsWidget,
    OriginsField,
)
from entities.admin.lifetimes import LifetimeMixin
from entities.exceptions import EntitiesError
from entities.models import ApiKey, AuthToken, Entity, KeyAccess, Membership, UserToken
from entities.models.ids import MAX_ID_CHARS, validate_id

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.db.models import Model, QuerySet


SPENT = "spent"


def refuse(form: forms.BaseForm, error: EntitiesError | ValidationError) -> None:
    """Show in `form` why a service refused it: at the field, where it is one of the form's."""
    if isinstance(error, EntitiesError):
        field = error.field if error.field in form.fields else None
        form.add_error(field, ValidationError(error.message, code=error.code))
    elif hasattr(error, "error_dict"):  # of a model's fields, which need not be this form's
        form.add_error(None, ValidationError(error.messages))
    else:
        form.add_error(None, error)


class OnceForm(forms.Form):
    """A form that does its work once; sent again, it does nothing, and says so."""

    @property
    def is_spent(self) -> bool:
        """Whether it was refused because it has to be opened anew."""
        return self.has_error(NON_FIELD_ERRORS, SPENT)


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]  # no class at run time takes one
    """A change form whose values go to a service, which may refuse them."""

    refusal: ClassVar[EntitiesError | ValidationError | None] = None

    def clean(self) -> Any:
        cleaned = super().clean()
        if self.refusal is not None:
            refuse(self, self.refusal)
        return cleaned


class EntityForm(ServiceForm):
    default_lifetime = DaysField(
        label=_("Default lifetime"),
        help_text=_("Of a token issued without an expiry, in days; 0.5 is twelve hours."),
    )
    max_lifetime = DaysField(
        label=_("Longest lifetime"),
        help_text=_("No token's expiry is set further off than this many days."),
    )
    restricted_flags = FlagsField(
        label=_("Restricted flags"),
        most=None,
        required=False,
        help_text=_("Flags that only an admin of the entity sets, one a line."),
    )

    allowed_origins = OriginsField(
        label=_("Allowed origins"),
        required=False,
        help_text=_(
            "Origins whose browser apps may call for this entity, one a line, like "
            "https://app.example.com."
        ),
    )

    class Meta:
        model = Entity
        fields = ["default_lifetime", "max_lifetime", "restricted_flags", "allowed_origins"]


class NewMemberForm(ServiceForm):
    """Puts a user into an entity: one that can be found, or whoever has a certain id."""

    new_user_id = forms.CharField(
        label=_("Or the id of a user"),
        max_length=MAX_ID_CHARS,
        required=False,
        validators=[validate_id],
        widget=AdminTextInputWidget,
        help_text=_("Of one that is new here: an email, a UUID, auth0|abc."),
    )
    new_user_name = forms.CharField(
        label=_("Name of a new user"), max_length=200, required=False, widget=AdminTextInputWidget
    )

    class Meta:
        model = Membership
        fields = ["entity", "user", "role", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "user" in self.fields:  # not in a popup that was told which
            self.fields["user"].required = False

    def clean(self) -> Any:
        cleaned = super().clean()
        if bool(cleaned.get("user")) == bool(cleaned.get("new_user_id")) and not self.errors:
            raise ValidationError(
                _("Choose a user, or give the id of one: either, not both."), code="user_unclear"
            )
        return cleaned


class TokenForm(ServiceForm):
    """What can be edited of an authentication token."""

    expires_at = ExpiryField(label=_("Expires at"))
    flags = FlagsField(label=_("Flags"), required=False, help_text=_("One a line, at most 32."))

    class Meta:
        model = AuthToken
        fields = ["expires_at", "flags"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "flags" in self.fields and self.instance.pk:
            widget = self.fields["flags"].widget
            assert isinstance(widget, FlagsWidget)  # noqa: S101  the field's own
            widget.offered = self.instance.membership.entity.known_flags()


class IssueForm(OnceForm):
    """Issues one credential to the `owner` that is chosen; sent again, it issues none.

    `form_id` is how a reload, or a way back through the browser's history, is known.
    """

    owner: ClassVar[str]
    model: ClassVar[type[Model]]

    form_id = forms.CharField(max_length=32, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, admin_site: AdminSite, owners: QuerySet[Any], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.initial["form_id"] = secrets.token_urlsafe(12)
        field = self.fields[self.owner]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  each subclass has one
        field.queryset = owners
        field.widget = Autocomplete(self.model._meta.get_field(self.owner), admin_site)
        field.widget.choices = field.choices


class IssueTokenForm(LifetimeMixin, IssueForm):
    owner = "membership"
    model = AuthToken

    membership: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        queryset=None,
        label=_("User in entity"),
        help_text=_("Search by the id or name of the user, the entity, or both."),
    )
    flags = FlagsField(
        required=False,
        label=_("Flags"),
        help_text=_("One a line, at most 32: letters, digits, dots, underscores, colons, hyphens."),
    )
    field_order = ["membership", "lifetime", "expires_at", "flags"]

    def longest(self, cleaned: dict[str, Any]) -> timedelta | None:
        membership: Membership | None = cleaned.get("membership")
        return None if membership is None else membership.entity.max_lifetime


class _IssueCredentialForm(IssueForm):
    name = forms.CharField(
        max_length=100,
        label=_("Name"),
        widget=AdminTextInputWidget,
        help_text=_("What it is for, so that others can tell."),
    )
    expires_at = ExpiryField(
        required=False, label=_("Expires at"), help_text=_("Empty: it does not expire.")
    )


class IssueApiKeyForm(_IssueCredentialForm):
    owner = "entity"
    model = ApiKey

    entity: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        queryset=None,
        label=_("Entity"),
        help_text=_("Whose the calling application is. Search by id or name."),
    )
    access = forms.TypedChoiceField(
        choices=KeyAccess.choices,
        required=False,
        initial=KeyAccess.STANDARD,
        empty_value=KeyAccess.STANDARD,
        label=_("Access"),
        help_text=ApiKey._meta.get_field("access").help_text,
    )
    field_order = ["entity", "name", "access", "expires_at"]

    def offer_no_superuser(self) -> None:
        """Leave out the access to every entity, which is then refused as well."""
        field = self.fields["access"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [each for each in KeyAccess.choices if each[0] != KeyAccess.SUPERUSER]


class IssueUserTokenForm(_IssueCredentialForm):
    owner = "user"
    model = UserToken

    user: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        queryset=None,
        label=_("User"),
        help_text=_("Whom it proves, in every entity that he is in. Search by id or name."),
    )
    field_order = ["user", "name", "expires_at"]


class ActForm(OnceForm):
    """Confirms an act on one object, as it was when the page was drawn.

    `seen` is what `Act.version` said then: an act on something that moved on since is refused, so
    that a page sent twice acts once.
    """

    seen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, obj: Model, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.obj = obj

    @property
    def terms(self) -> dict[str, Any]:
        """What of the form goes to the service."""
        return {}


class TypedIdForm(ActForm):
    """Confirms an act that is worth to be typed for."""

    confirmation = forms.CharField(
        label=_("Id of the entity"),
        widget=AdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Type it as it stands above, to confirm."),
    )

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if typed != self.obj.pk:
            raise ValidationError(_("This is not the id of this entity."), code="other_id")
        return typed


class RotateForm(ActForm):
    """Chooses how long the old text stays good beside the new one."""

    overlap = forms.TypedChoiceField(
        label=_("The old one stays good for"),
        coerce=lambda hours: timedelta(hours=int(hours)),
        choices=[
            ("0", _("no time: it ends at once")),
            ("1", _("1 hour")),
            ("24", _("1 day")),
            ("168", _("7 days")),
            ("720", _("30 days")),
        ],
        initial="24",
        help_text=_("Time to put the new one in its place, wherever the old one is used."),
    )

    @property
    def terms(self) -> dict[str, Any]:
        return {"overlap": self.cleaned_data["overlap"]}
