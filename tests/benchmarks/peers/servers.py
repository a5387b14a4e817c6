"""Servers on loopback, started as the README says, and what wrk says of them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STARTS_WITHIN = 60  # seconds
_ROOT = Path(__file__).resolve().parents[3]
_RATE = re.compile(r"^Requests/sec: +([0-9.]+)$", re.MULTILINE)
_REFUSALS = re.compile(r"Non-2xx or 3xx responses: .+|Socket errors: .+")


class LoadError(Exception):
    """A server does not start, or does not answer as it should."""


def find_wrk() -> str:
    """Return the path of wrk.

    Raises:
        LoadError: it is not installed.
    """
    found = shutil.which("wrk")
    if found is None:
        raise LoadError("There is no wrk. On Debian: apt-get install wrk")
    return found


@contextmanager
def served(application: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Serve `application` by two workers; yield its URL. Ends with it.

    Raises:
        LoadError: it does not answer within a minute.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--blocking-threads", "4"),
        *("--workers-kill-timeout", "10", "--log-level", "error", application),
    ]
    server = subprocess.Popen(command, cwd=_ROOT, env=dict(environment), start_new_session=True)
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(server)


def stop(server: subprocess.Popen[bytes], *, within: float = 20) -> None:
    """End a server and its workers, by force where they have not ended `within` so many seconds."""
    server.terminate()
    try:
        server.wait(within)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + _STARTS_WITHIN
    while monotonic() < deadline and server.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/floor")
            connection.getresponse()
        except (OSError, HTTPException):
            sleep(0.1)
        else:
            return
        finally:
            connection.close()
    raise LoadError("The server does not answer.")


def requests_per_second(
    wrk: str, url: str, headers: Mapping[str, str], *, seconds: int, connections: int = 8
) -> float:
    """Load `url` by one thread of wrk, and return how many requests a second were answered.

    Raises:
        LoadError: one was refused, or not answered.
    """
    sent = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    # Late is not refused: on a busy machine an answer takes its time.
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=20s", *sent, url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return parse(done.stdout)


def parse(said: str) -> float:
    """Read what wrk printed.

    Raises:
        LoadError: it counted refusals or errors, or no requests.
    """
    if refusal := _REFUSALS.search(said):
        raise LoadError(refusal[0])
    rate = _RATE.search(said)
    if rate is None or float(rate[1]) == 0:
        raise LoadError("wrk counted no requests.")
    return float(rate[1])
