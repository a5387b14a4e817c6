"""What is asked for, as a server hands it to Django."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Ask:
    """One GET."""

    path: str
    headers: Mapping[str, str]

    def environ(self) -> dict[str, Any]:
        """Write it as PEP 3333 has it, with what each client sends."""
        sent = {"host": "testserver", "accept": "*/*", "user-agent": "bench"} | dict(self.headers)
        return {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": "",
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        } | {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sent.items()}


def bearer(path: str, text: str) -> Ask:
    """Ask with the header of RFC 6750 section 2.1."""
    return Ask(path, {"authorization": f"Bearer {text}"})
