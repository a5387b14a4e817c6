"""`manage.py quickstart`, as a process: what it prints works, and what it serves is the service."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
from contextlib import closing
from http.cookiejar import CookieJar
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from tests.tokenservice.conftest import manage, start_quickstart
from tokenservice.management.commands import quickstart

if TYPE_CHECKING:
    from tests.tokenservice.conftest import Served


def paste(line: str) -> dict[str, Any]:
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def tables_of(path: Path) -> list[str]:
    """List the tables of a SQLite database. Django's checks may open, and so make, an empty one."""
    with closing(sqlite3.connect(path)) as database:
        return [name for (name,) in database.execute("SELECT name FROM sqlite_master")]


def test_the_printed_lines_work_when_pasted_twice_over(served: Served) -> None:
    assert len(served.curl_lines) == 5
    for _ in range(2):
        created, read, updated, refreshed, deleted = map(paste, served.curl_lines)
        assert created["flags"] == ["reports.read"]
        assert read["authenticationToken"] == created["authenticationToken"]
        assert updated == read | {"flags": ["reports.read", "reports.write"]}
        assert refreshed["authenticationToken"] != updated["authenticationToken"]
        assert deleted == {"success": True}


def test_seed_demo_prints_the_same_texts_in_the_same_place(served: Served) -> None:
    runs = [manage("seed_demo", "--json", env=served.env) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout
    assert [(run.returncode, run.stderr) for run in runs] == [(0, "")] * 2
    demo = json.loads(runs[0].stdout)
    assert f"apikey: {demo['apikey']}" in served.curl_lines[0]
    assert f"token: {demo['member']['token']}" in served.curl_lines[0]


def test_the_key_file_is_for_its_owner_only(served: Served) -> None:
    path = Path(served.env["DATA_DIR"]) / "secret-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().strip()) == 64


def test_the_printed_password_lets_the_staff_account_in(served: Served) -> None:
    found = re.search(r"^Staff account +admin\nPassword +(\S+)$", served.printed, re.MULTILINE)
    assert found is not None
    jar = CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar))
    with opener.open(f"{served.url}/admin/login/") as page:
        form = page.read().decode()
    hidden = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', form)
    assert hidden is not None
    fields = {
        "username": "admin",
        "password": found[1],
        "csrfmiddlewaretoken": hidden[1],
        "next": "/admin/",
    }
    with opener.open(f"{served.url}/admin/login/", urlencode(fields).encode()) as page:
        assert page.url == f"{served.url}/admin/"
    assert {cookie.name for cookie in jar} == {"csrftoken", "sessionid"}


def test_a_taken_port_is_said_before_anything_is_done(served: Served, tmp_path: Path) -> None:
    env = served.env | {"DATA_DIR": str(tmp_path), "SECRET_KEY": "k" * 50}
    done = manage("quickstart", "--port", f"{served.port}", env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"CommandError: Port {served.port} of 127.0.0.1 cannot be used")
    assert done.stderr.count("\n") == 1
    assert [name for path in tmp_path.glob("*.sqlite3") for name in tables_of(path)] == []


def test_a_second_start_keeps_the_password_and_ctrl_c_stops_it(
    served: Served, tmp_path: Path
) -> None:
    log = tmp_path / "stderr"
    second = start_quickstart(served.env, log)
    try:
        os.killpg(second.process.pid, signal.SIGINT)
        second.process.communicate(timeout=20)
    finally:
        if second.process.poll() is None:
            os.killpg(second.process.pid, signal.SIGKILL)
            second.process.communicate()
    assert second.process.returncode == 0
    assert "The staff account admin exists already, and keeps its password." in second.printed
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("port", ["0", "65536", "http", "²", "080000"])
def test_a_port_that_is_none_is_an_error_of_usage(port: str) -> None:
    with pytest.raises(CommandError, match=f"{port} is not a port, 1 to 65535$"):
        call_command(quickstart.Command(), "--port", port)


@pytest.mark.django_db
def test_the_staff_account_is_made_once() -> None:
    first = quickstart._staff_account()
    account = get_user_model()._default_manager.get()
    assert account.is_superuser
    assert account.check_password(first.split()[-1])
    second = quickstart._staff_account()
    assert second.splitlines()[0] == (
        "The staff account admin exists already, and keeps its password."
    )
    assert second.endswith(" changepassword admin")
    assert get_user_model()._default_manager.get().password == account.password
