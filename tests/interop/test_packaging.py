"""What hosts get: judged by the tools of others, and compared with what git tracks."""

from __future__ import annotations

import sys
import tarfile
from email import message_from_string
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.interop.packages import run, sdist, wheel

if TYPE_CHECKING:
    from email.message import Message

pytestmark = pytest.mark.interop

SCRIPTS = Path(sys.executable).parent
HOSTS_NEED = {"django", "django-filter", "djangorestframework", "drf-spectacular"}


def tracked(*folders: str) -> set[str]:
    """Names of the files that git tracks in these folders."""
    return set(run(["git", "ls-files", "-z", *folders]).split("\0")) - {""}


def packed(path: Path) -> set[str]:
    """Names of the files in a wheel, or in a source distribution without its top folder."""
    if path.suffix == ".whl":
        with ZipFile(path) as archive:
            return set(archive.namelist())
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def contents(path: Path) -> dict[str, int]:
    """Checksums of the files in a wheel."""
    with ZipFile(path) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def metadata() -> Message:
    with ZipFile(wheel()) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_string(archive.read(name).decode())


def test_the_wheel_is_the_app_and_nothing_else() -> None:
    files = packed(wheel())
    app = {name for name in files if ".dist-info/" not in name}
    assert app == tracked("entities")
    assert {name.partition(".dist-info/")[2] for name in files - app} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "licenses/LICENSE",
    }


def test_it_has_what_is_not_python() -> None:
    app = packed(wheel())
    for kind in ("templates/*.html", "static/*.css", "static/*.js", "locale/*.mo", "locale/*.po"):
        folder, _, ending = kind.partition("/*")
        assert any(n.startswith(f"entities/{folder}/") and n.endswith(ending) for n in app), kind
    assert {"entities/py.typed", "entities/migrations/0001_initial.py"} <= app


def test_the_source_distribution_has_all_that_the_service_and_the_tests_need() -> None:
    wanted = tracked("entities", "tokenservice", "templates", "tests")
    top = {"LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "manage.py", "pyproject.toml"}
    assert wanted | top <= packed(sdist())


def test_the_source_distribution_makes_the_same_wheel(tmp_path: Path) -> None:
    with tarfile.open(sdist()) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    out = tmp_path / "dist"
    run([sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(source)])
    (made,) = out.iterdir()
    assert contents(made) == contents(wheel())


def test_the_tools_find_nothing_to_say() -> None:
    both = [str(sdist()), str(wheel())]
    assert "WARNING" not in run([str(SCRIPTS / "twine"), "check", "--strict", *both])
    run([str(SCRIPTS / "check-wheel-contents"), both[1]])


def test_the_metadata_say_what_hosts_need() -> None:
    facts = metadata()
    assert (facts["License-Expression"], facts["License-File"]) == ("MIT", "LICENSE")
    assert facts["Requires-Python"] == ">=3.11"
    assert {"service", "postgres", "redis"} <= set(facts.get_all("Provides-Extra", []))
    requirements = [Requirement(text) for text in facts.get_all("Requires-Dist", [])]
    assert {each.name for each in requirements if each.marker is None} == HOSTS_NEED
    assert all(each.specifier != SpecifierSet() for each in requirements if each.marker is None)


def test_the_description_renders() -> None:
    from readme_renderer import markdown  # which `make test` does not install

    facts = metadata()
    assert facts["Description-Content-Type"] == "text/markdown"
    page = markdown.render(str(facts.get_payload()))
    assert page is not None
    assert page.startswith("<h1")
    assert "<table>" in page
