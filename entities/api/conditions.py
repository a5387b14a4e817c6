"""Entity tags and the conditions that name them.

A tag is `"<version>.<seen>"`. The version is the row's; `seen` is a digest of what the answer shows
besides, less its secrets. Both together are a strong validator: they change whenever the answer
does, and an answer to `If-None-Match` is never stale. `If-Match` asks for the version alone: that a
token was used since, which `lastUsedAt` shows, is nobody's update, and must not stop one.

Spec: RFC 9110 sections 8.8.1, 8.8.3, 13.1.1 and 13.1.2.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

if TYPE_CHECKING:
    from django.http import HttpRequest

ANY = "*"
_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_SEEN_CHARS = 24


def etag_of(version: str, shown: bytes) -> str:
    """Return the tag of an answer that shows `shown`, in which no secret is, of a row."""
    return f'"{version}.{sha256(shown).hexdigest()[:_SEEN_CHARS]}"'


def if_match(request: HttpRequest) -> frozenset[str] | None:
    """Return the versions one of which `If-Match` wants, `*` for any; None: it wants none.

    A weak tag matches nothing.

    Raises:
        ValidationError: it is neither `*` nor a list of tags. To take it for none would be to do
            what the caller did not want done.
    """
    value = request.headers.get("If-Match")
    if value is None:
        return None
    if value.strip() == ANY:
        return frozenset({ANY})
    if not _TAG.search(value) or _TAG.sub("", value).strip(" \t,"):
        sentence = _('Send "*", or entity tags in double quotes, as the header ETag has them.')
        raise ValidationError({"If-Match": [sentence]})
    tags = (tag.strip('"') for weak, tag in _TAG.findall(value) if not weak)
    return frozenset(version for version, dot, _seen in (tag.partition(".") for tag in tags) if dot)


def is_known(request: HttpRequest, etag: str) -> bool:
    """Tell whether `If-None-Match` names the tag of the answer, which then is a 304."""
    value = request.headers.get("If-None-Match", "")
    return value.strip() == ANY or etag in (tag for _weak, tag in _TAG.findall(value))
