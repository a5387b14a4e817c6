"""The service as an operator runs it: its own settings, data directory and database."""

from __future__ import annotations

import os
import runpy
import secrets
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from select import select
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import urlopen

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ROOT = Path(__file__).resolve().parent.parent.parent
MANAGE = [sys.executable, "-W", "error", str(_ROOT / "manage.py")]
PRODUCTION = {
    "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "ALLOWED_HOSTS": "tokens.example",
    "ENTITIES_SIGNING_KEYS": "first-" + "s" * 40,
}
_PASSED_ON = ("PATH", "HOME", "LANG", "CACHE_URL")


def clean_environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """Make an environment in which no variable of the machine's reaches the service."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed, "DATA_DIR": str(data_dir), **variables}


def manage(
    *words: str, env: Mapping[str, str], timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run `manage.py`, with warnings as errors, from a directory that is not the checkout."""
    return subprocess.run(
        [*MANAGE, *words],
        env=env,
        cwd=env["DATA_DIR"],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Load the settings afresh, in an environment of nothing but the variables given."""

    def load(**variables: str) -> dict[str, Any]:
        for name in set(os.environ).difference(_PASSED_ON[:3]):
            monkeypatch.delenv(name)
        for name, value in clean_environment(tmp_path, **variables).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("CACHE_URL", raising=False)
        if "CACHE_URL" in variables:
            monkeypatch.setenv("CACHE_URL", variables["CACHE_URL"])
        return runpy.run_module("tokenservice.settings")

    return load


@pytest.fixture
def service(settings: Any, settings_of: Callable[..., dict[str, Any]]) -> Callable[..., None]:
    """Let this process be the service in production, on the database of the tests."""
    ours = {"DATABASES", "CACHES", "LOGGING", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "ENTITIES"}

    def become(**variables: str) -> None:
        for name, value in settings_of(**PRODUCTION | variables).items():
            if name.isupper() and name not in ours:
                setattr(settings, name, value)

    return become


@pytest.fixture(scope="session")
def scratch_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield an environment with a database of its own: on PostgreSQL, one made for it."""
    env = clean_environment(tmp_path_factory.mktemp("service"))
    url = urlsplit(os.environ.get("DATABASE_URL", ""))
    if not url.scheme.startswith("postgres"):
        yield env
        return
    psycopg = pytest.importorskip("psycopg")
    name = f"tokenservice_tests_{secrets.token_hex(6)}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield env | {"DATABASE_URL": urlunsplit(url._replace(path=f"/{name}"))}
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass
class Served:
    """A running `quickstart`, and what it printed before it served."""

    process: subprocess.Popen[str]
    port: int
    printed: str
    env: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def curl_lines(self) -> list[str]:
        return [line for line in self.printed.splitlines() if line.startswith("curl ")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_quickstart(env: dict[str, str], log: Path) -> Served:
    """Start it in a process group of its own, and wait until it answers."""
    port = free_port()
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*MANAGE, "quickstart", "--port", f"{port}"],
            env=env,
            cwd=env["DATA_DIR"],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
    printed = ""
    while "Ctrl-C stops" not in printed:
        line = process.stdout.readline()  # type: ignore[union-attr]
        assert line, log.read_text()
        printed += line
    deadline = monotonic() + 30
    while not _answers(port):
        assert process.poll() is None, log.read_text()
        assert monotonic() < deadline, log.read_text()
    return Served(process, port, printed, env)


def _answers(port: int) -> bool:
    """Tell whether a worker answers: the port is open before there is one."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=30) as answer:
            return answer.status == 200
    except URLError:
        select([], [], [], 0.05)
        return False


@pytest.fixture(scope="session")
def served(
    scratch_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    served = start_quickstart(scratch_environment, tmp_path_factory.mktemp("log") / "stderr")
    try:
        yield served
    finally:
        os.killpg(served.process.pid, signal.SIGKILL)
        served.process.wait()
        served.process.stdout.close()  # type: ignore[union-attr]
