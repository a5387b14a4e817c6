"""What can go wrong: one class a cause, each with a stable code and a public sentence.

Nothing here knows of HTTP; `entities.http.problems` maps each class to its status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_stubs_ext import StrOrPromise


class EntitiesError(Exception):
    """Base of all errors of this app.

    `code` is a machine word that never changes, `message` a sentence that says what to do, safe to
    show to anybody. `field` names what was wrong in the words of the services, where one thing was.
    The exception's own text is for the log: it may say more than the sentence, never a secret.
    """

    code: ClassVar[str]
    message: StrOrPromise
    field: ClassVar[str | None] = None

    def __init__(self, reason: str = "", *, message: StrOrPromise | None = None) -> None:
        if message is not None:
            self.message = message
        super().__init__(reason or self.code)


class CredentialTextError(EntitiesError):
    """A text is no credential of ours: wrong form, check characters, kind, key or MAC."""

    code = "credential_invalid"
    message = _("This is not a credential of this service.")


class NotAuthenticatedError(EntitiesError):
    """The credentials prove nobody. One sentence for every cause, so that it teaches nothing."""

    code = "not_authenticated"
    message = _(
        "The credentials are missing or wrong. Send the headers apikey, userid and token, each "
        "once: a live API key of this entity, and a user of it with a live token."
    )


class PermissionDeniedError(EntitiesError):
    """The caller is known, and may not do this."""

    code = "permission_denied"
    message = _("You manage your own token only. Ask an admin of this entity to do this.")


class KeyReadOnlyError(EntitiesError):
    """A change is wanted with an API key that only reads."""

    code = "key_read_only"
    message = _("This API key only reads. Use one with standard access to change anything.")


class SuperuserKeyError(EntitiesError):
    """A superuser API key is wanted by somebody who is neither staff, command, nor superuser."""

    code = "superuser_key"
    message = _("Superuser API keys are issued by staff. Ask them for it.")


class FlagNotGrantedError(EntitiesError):
    """A restricted flag, and the actor is no admin of the entity."""

    code = "flag_restricted"
    field = "flags"
    message = _(
        "Only an admin of this entity sets its restricted flags. Leave them out, or ask one."
    )


class FlagCeilingError(EntitiesError):
    """The actor's own authentication token lacks flags that the touched token has, or would."""

    code = "flag_ceiling"
    message = _(
        "The authentication token in the header token lacks flags of this one. Use a user token, "
        "or an authentication token that has them all."
    )


class FlagsError(EntitiesError):
    """A flag of the wrong form, or too many of them."""

    code = "flags_invalid"
    field = "flags"
    message = _(
        "Flags are at most 32 labels of 1 to 64 letters, digits, dots, underscores, colons or "
        "hyphens."
    )


class LifetimeError(EntitiesError):
    """An expiry that is past, or beyond the entity's longest lifetime."""

    code = "expiry_invalid"
    field = "expires_at"
    message = _("Choose an expiry in the future.")


class NothingToChangeError(EntitiesError):
    """An update that names nothing to update."""

    code = "nothing_to_change"
    message = _("Send expiry, flags, or both.")


class EntityNotFoundError(EntitiesError):
    """No such entity. Only superusers are told: to others every entity is the same 401."""

    code = "entity_not_found"
    message = _("There is no such entity. Check the id in the path, or create the entity first.")


class MembershipNotFoundError(EntitiesError):
    """No such user in the entity."""

    code = "user_not_found"
    message = _("This entity has no such user. Check the id in the path, or add the user first.")


class EntityExistsError(EntitiesError):
    """A new entity is wanted under an id that is taken."""

    code = "entity_exists"
    field = "id"
    message = _("There is an entity with this id. Choose another id, or change that entity.")


class LifetimesError(EntitiesError):
    """An entity's default lifetime beyond its longest."""

    code = "lifetimes_invalid"
    field = "default_lifetime"
    message = _("The default lifetime is above zero and at most the longest. Change either.")


class MembershipExistsError(EntitiesError):
    """A user is added to an entity that has him."""

    code = "user_exists"
    field = "id"
    message = _("This user is in this entity already. Change the role instead.")


class LastAdminError(EntitiesError):
    """An admin would leave the entity without one."""

    code = "last_admin"
    message = _("This is the last active admin of the entity. Make another user admin first.")


class UserSharedError(EntitiesError):
    """User tokens prove a user everywhere, and this one is a member elsewhere too."""

    code = "user_shared"
    message = _(
        "This user belongs to more than this entity, and user tokens are good in all of them. Ask "
        "the staff of this service."
    )


class CredentialNotFoundError(EntitiesError):
    """No API key or user token with this id, where it was looked for."""

    code = "credential_not_found"
    message = _("There is no such credential here. Check the id in the path against the list.")


class BatchRefusedError(EntitiesError):
    """Nothing of a batch was done, for some of it could not be. `causes` has why, by place."""

    code = "batch_refused"
    message = _("Nothing was issued. Mend what errors names, or leave it out, and send all again.")

    def __init__(self, causes: Mapping[int, EntitiesError]) -> None:
        self.causes = causes
        super().__init__(f"{len(causes)} refused")


class MembershipInactiveError(EntitiesError):
    """A token is wanted for a user, membership or entity that is switched off."""

    code = "user_inactive"
    message = _("This user is deactivated in this entity. Activate it first.")


class TokenNotFoundError(EntitiesError):
    """The membership never had a token, or none is on record."""

    code = "token_not_found"
    message = _("This user has no authentication token. Create one with POST.")


class TokenExpiredError(EntitiesError):
    """The token is past its expiry. It can still be refreshed."""

    code = "token_expired"
    message = _("The authentication token of this user has expired. Refresh it, or create another.")


class TokenRevokedError(EntitiesError):
    """The token was revoked, by itself or with all of its entity."""

    code = "token_revoked"
    message = _("The authentication token of this user was revoked. Create a new one with POST.")


class TokenSuspendedError(EntitiesError):
    """The token is sound, its user, membership or entity is switched off."""

    code = "token_suspended"
    message = _("This user is deactivated in this entity, and the token with it.")


class TokenKeyRetiredError(EntitiesError):
    """The key that signed the token is no longer configured, so its text is good no more."""

    code = "token_key_retired"
    message = _("This authentication token was signed by a key that is retired. Refresh it.")


class TokenExistsError(EntitiesError):
    """A live token stands in the way of a new one."""

    code = "token_exists"
    message = _("This user has a live authentication token. Refresh it, or delete it first.")


class TokenChangedError(EntitiesError):
    """The token is no longer as the actor saw it: somebody else's act came between."""

    code = "token_changed"
    message = _("The token has changed since, and nothing was done. Look at it again.")


class PreconditionFailedError(EntitiesError):
    """What is to be changed has another version than those that the actor named."""

    code = "precondition_failed"
    message = _(
        "This has changed since, and nothing was done. Get it again, and send its new ETag in "
        "If-Match."
    )


class TokenMismatchError(EntitiesError):
    """The text to refresh is forged, somebody else's, or of another token of this user."""

    code = "token_mismatch"
    field = "text"
    message = _("This is not the current authentication token of this user.")


class TokenReusedError(EntitiesError):
    """An older text came to a refresh after its grace: someone else may hold it.

    Spec: RFC 9700 section 4.14.2.
    """

    code = "token_reused"
    field = "text"
    message = _(
        "This authentication token was refreshed before and is now revoked. Create a new one, and "
        "find out who still holds the old text."
    )


class RequestInProgressError(EntitiesError):
    """The same request, by its key, came before and is under way."""

    code = "request_in_progress"
    message = _("A request with this Idempotency-Key is under way. Send it again in a moment.")


class IdempotencyKeyReusedError(EntitiesError):
    """Another request came with the key of this one."""

    code = "idempotency_key_reused"
    message = _(
        "Another request was sent with this Idempotency-Key: a key belongs to one method, path and "
        "body. Send a new key."
    )


class ReplayExpiredError(EntitiesError):
    """The first answer to a request held a text that is good no more."""

    code = "replay_expired"
    message = _(
        "This request was carried out before, and the text in its answer is good no more. Look at "
        "what stands now, or send a new Idempotency-Key."
    )


class CredentialRevokedError(EntitiesError):
    """An API key or user token to rotate is revoked, has expired, or was rotated just now."""

    code = "credential_revoked"
    message = _("This has ended already, or was changed just now. Look at it again.")
