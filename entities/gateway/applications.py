"""What an application sends for itself: an API key alone, and one token in a form.

Spec: RFC 6749 sections 2.3.1 and 3.1, RFC 7617 (Basic).
"""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_plus

from django.db import router, transaction
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from entities.conf import app_settings
from entities.exceptions import KeyReadOnlyError, NotAuthenticatedError
from entities.http.counting import (
    count_call,
    count_failure,
    limit_headers,
    wait_after,
    wait_after_failures,
)
from entities.http.problems import (
    BodyError,
    FieldsError,
    MediaTypeError,
    MethodError,
    RequestError,
    TooManyCallsError,
    json_answer,
    of_domain,
    problem_response,
    report,
)
from entities.http.requests import check_length, method_as_sent, read_body
from entities.models import AuthToken, KeyAccess
from entities.origins import REQUEST_ID_HEADER, origin_of
from entities.services.usage import note_uses
from entities.verification import verify_api_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, JsonResponse

    from entities.actors import Origin
    from entities.verification import VerifiedApiKey

    View = Callable[[HttpRequest], JsonResponse]

CHALLENGE = 'Basic realm="entities", charset="UTF-8", ApiKey realm="entities"'
_MAX_NAME_CHARS = 100
FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Call:
    """What an application asks about a token. Of the token, nothing is proved."""

    api_key: VerifiedApiKey
    token: str = field(repr=False)
    origin: Origin


def application_view(answer: Callable[[Call], dict[str, Any]], *, changes: bool) -> View:
    """Make the view of what `answer` says to a call.

    Args:
        changes: whether it changes anything, so that an API key that only reads is refused.
    """

    # A commit must outlive an error, so that ATOMIC_REQUESTS is not for it.
    @csrf_exempt
    @transaction.non_atomic_requests(using=router.db_for_write(AuthToken))
    def view(request: HttpRequest) -> JsonResponse:
        try:
            response = json_answer(answer(_call_of(request, changes=changes)))
        except RequestError as error:
            response = json_answer(error.body(), status=error.status, headers=error.headers)
        except NotAuthenticatedError as error:
            challenge = {"WWW-Authenticate": CHALLENGE}
            response = json_answer(of_domain(error), status=401, headers=challenge)
        except KeyReadOnlyError as error:
            response = json_answer(of_domain(error), status=403)
        except Exception as error:  # noqa: BLE001  one that nobody foresaw
            report(error, request)
            response = problem_response(500)
        response.headers[REQUEST_ID_HEADER] = origin_of(request).request_id
        for name, value in limit_headers(request).items():
            response.headers[name] = value
        return response

    return view


def _call_of(request: HttpRequest, *, changes: bool) -> Call:
    """Look at method, length, credentials and form, in this order.

    Raises:
        RequestError: HTTP or a limit refuses it.
        NotAuthenticatedError: it comes without a good API key.
        KeyReadOnlyError: the API key only reads, and something is to be changed.
    """
    if method_as_sent(request) != "POST":
        raise MethodError(headers={"Allow": "POST"})
    limit = app_settings.MAX_BODY_BYTES
    check_length(request, limit=limit)
    api_key = _authenticate(request)
    if exceeded := count_call(request, api_key_id=api_key.id):
        raise TooManyCallsError(headers={"Retry-After": str(wait_after(exceeded))})
    if changes and api_key.access == KeyAccess.READ_ONLY:
        raise KeyReadOnlyError
    form = _read_form(request, limit=limit)
    if "token" not in form:
        raise FieldsError({"token": [_("Send the text of a token, in a form.")]})
    return Call(api_key, form["token"], origin_of(request))


def _authenticate(request: HttpRequest) -> VerifiedApiKey:
    """Prove the application by its API key: in the header `apikey`, or by HTTP Basic with its id.

    Raises:
        NotAuthenticatedError: it is missing, wrong or dead, or came in both ways. One sentence.
        TooManyCallsError: the client's address has brought too many wrong ones.
    """
    sentence = _(
        "The API key is missing or wrong. Send a live one, once: in the header apikey, or by HTTP "
        "Basic with its id as the user and its text as the password."
    )
    header = request.META.get("HTTP_APIKEY")
    basic = _basic_of(request)
    if header is None and basic is None:
        raise NotAuthenticatedError(message=sentence)
    if (wait := wait_after_failures(request)) is not None:
        raise TooManyCallsError(headers={"Retry-After": str(wait)})
    try:
        api_key = _verify(header, basic)
    except NotAuthenticatedError as error:
        count_failure(request)
        raise NotAuthenticatedError(str(error), message=sentence) from None
    note_uses(api_key.used, at=api_key.verified_at)
    return api_key


def _verify(header: str | None, basic: str | None) -> VerifiedApiKey:
    if header is not None and basic is not None:
        raise NotAuthenticatedError("API key: two ways at once")  # RFC 6749 section 2.3
    if basic is None:
        return verify_api_key(header or "")
    try:
        user, colon, password = b64decode(basic, validate=True).decode().partition(":")
    except ValueError:
        raise NotAuthenticatedError("Basic: malformed") from None
    # Some clients encode both as a form would, as they must; neither has anything to encode.
    api_key = verify_api_key(unquote_plus(password))
    if not colon or unquote_plus(user).lower() != str(api_key.id):
        raise NotAuthenticatedError("Basic: another key's id")
    return api_key


def _basic_of(request: HttpRequest) -> str | None:
    scheme, _space, value = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return value.strip(" ") if scheme.lower() == "basic" else None


def _read_form(request: HttpRequest, *, limit: int) -> dict[str, str]:
    """Read the parameters of the body. Unknown ones are ignored; one without a value is left out.

    Raises:
        MediaTypeError: it is no form in UTF-8.
        BodyError: it is not UTF-8.
        FieldsError: a parameter is given twice (RFC 6749 section 3.1).
        Besides, what `read_body` raises.
    """
    body = read_body(request, limit=limit)
    if not body:
        return {}
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    is_form = (request.content_type or "").lower() == FORM_MEDIA_TYPE
    if not is_form or charset not in {"utf-8", "utf8"}:
        raise MediaTypeError(_("Send the body as application/x-www-form-urlencoded, in UTF-8."))
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise BodyError(_("The body is not UTF-8.")) from None
    for name, times in Counter(name for name, _value in pairs).items():
        if times > 1:
            raise FieldsError({name[:_MAX_NAME_CHARS]: [_("Send this once.")]})
    return {name: value for name, value in pairs if value}
