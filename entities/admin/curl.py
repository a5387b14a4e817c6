"""The line of curl that uses a token, for whoever gets it from the page that shows it once."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.urls import NoReverseMatch, reverse
from django.views.decorators.debug import sensitive_variables

from entities.admin.once import ShownOnce

if TYPE_CHECKING:
    from django.http import HttpRequest

    from entities.models import Membership


@sensitive_variables()
def curl_line(request: HttpRequest, membership: Membership, text: ShownOnce) -> ShownOnce | None:
    """Write a line that reads the token by itself. The API key comes from the variable API_KEY.

    None where the host has not included the URLs of the API.
    """
    kwargs = {"entityId": membership.entity_id, "userId": membership.user_id}
    try:
        path = reverse("entities:auth-token", kwargs=kwargs)
    except NoReverseMatch:
        return None
    # Percent-encoded where a header would not carry it as it is.
    user_id = quote(membership.user_id, safe="!#$&'*+-.^_`|~@:=()<>[]{}?; ")
    words = ["curl", "-sS", request.build_absolute_uri(path)]
    headers = [f"userid: {user_id}", f"token: {text}"]
    line = shlex.join([*words, *(word for header in headers for word in ("-H", header))])
    return ShownOnce(f'{line} -H "apikey: $API_KEY"')
