from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ImproperlyConfigured

from tokenservice.secret_key import ensure_secret_key, read_secret_key, secret_key_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "new" / "var"))
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.delenv("SECRET_KEY_FILE", raising=False)
    return tmp_path / "new" / "var"


def test_it_is_made_for_its_owner_only_whatever_the_umask(data_dir: Path) -> None:
    umask = os.umask(0)
    try:
        assert ensure_secret_key() is True
    finally:
        os.umask(umask)
    assert [path.name for path in data_dir.iterdir()] == ["secret-key"]
    assert stat.S_IMODE(secret_key_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert len(read_secret_key()) == 64


def test_one_that_is_there_stays() -> None:
    ensure_secret_key()
    key = read_secret_key()
    assert ensure_secret_key() is False
    assert read_secret_key() == key


def test_of_many_that_make_it_at_once_one_wins(data_dir: Path) -> None:
    barrier = Barrier(8)

    def make(_: int) -> tuple[bool, str]:
        barrier.wait()
        return ensure_secret_key(), read_secret_key()

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(make, range(8)))
    assert sum(won for won, _ in made) == 1
    assert {key for _, key in made} == {read_secret_key()}
    assert [path.name for path in data_dir.iterdir()] == ["secret-key"]


def test_the_variable_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "from the environment")
    assert ensure_secret_key() is False
    assert not secret_key_file().exists()
    assert read_secret_key() == "from the environment"


def test_the_file_can_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    assert ensure_secret_key() is True
    assert read_secret_key() == (tmp_path / "key").read_text().strip()


def test_an_empty_file_is_no_key(data_dir: Path) -> None:
    data_dir.mkdir(parents=True)
    secret_key_file().touch()
    with pytest.raises(ImproperlyConfigured, match=r"is empty\. Put a long random text into it"):
        read_secret_key()


def test_a_place_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "file" / "var"))
    with pytest.raises(ImproperlyConfigured, match=r"^No key file can be made at "):
        ensure_secret_key()
