"""What hosts build on is documented, typed, and told of in docs/python.md as it is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.dispatch import Signal
from django.utils.module_loading import import_string

import entities
from entities import exceptions, guards, services, signals, verification
from entities.api import authentication, permissions, throttling

if TYPE_CHECKING:
    from collections.abc import Callable

GUIDE = (Path(__file__).parent.parent / "docs" / "python.md").read_text()
FUNCTIONS = [name for name in services.__all__ if inspect.isfunction(getattr(services, name))]
SIGNALS = [name for name, value in vars(signals).items() if isinstance(value, Signal)]
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module, names in (
        (services, [*FUNCTIONS, "Wanted"]),
        (authentication, ["BearerAuthentication", "HeaderAuthentication"]),
        (permissions, ["HasFlags", "IsEntityAdmin"]),
        (throttling, ["CallThrottle"]),
        (guards, ["TokenMiddleware", "TokenRequest", "token_required"]),
        (verification, verification.__all__),
    )
    for name in names
    if callable(getattr(module, name))
}


def rows() -> dict[str, str]:
    """Return the rows of the guide's tables, by each name in their first column."""
    found: dict[str, str] = {}
    for line in GUIDE.splitlines():
        if line.startswith("| `"):
            for name in re.findall(r"`([\w.]+)`", line.split("|")[1]):
                assert name not in found
                found[name] = line
    return found


ROWS = rows()


def functions_of(public: Any) -> list[Callable[..., Any]]:
    """Return the function, or the public methods of the class."""
    if inspect.isfunction(public):
        return [public]
    return [
        member
        for name, member in vars(public).items()
        if inspect.isfunction(member) and not name.startswith("_")
    ]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_a_docstring_of_its_own(name: str) -> None:
    own = PUBLIC[name].__dict__.get("__doc__") if inspect.isclass(PUBLIC[name]) else None
    text = own or inspect.getdoc(PUBLIC[name])
    assert text is not None
    assert text.split("\n\n")[0].rstrip().endswith((".", "`."))
    assert not text.startswith(f"{name.rpartition('.')[2]}(")  # what a dataclass writes itself


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_annotated_in_full(name: str) -> None:
    for function in functions_of(PUBLIC[name]):
        signature = inspect.signature(function)
        wanted = {one for one in signature.parameters if one not in ("self", "cls")} | {"return"}
        assert wanted <= set(function.__annotations__), function


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_guide_lists_each_service_with_its_errors(name: str) -> None:
    doc = inspect.getdoc(getattr(services, name)) or ""
    _, _, raises = doc.partition("Raises:\n")
    raises = raises.partition("\n\n")[0]
    heads = re.findall(r"^    (\w[\w, ]*):", raises, re.MULTILINE)
    documented = [error for head in heads for error in head.split(", ")]
    assert re.findall(r"`(\w+)`", ROWS[name].split("|")[3]) == documented


def test_the_guide_lists_no_service_signal_or_error_that_is_not_there() -> None:
    dotted = {name for name in ROWS if "." in name}
    assert set(ROWS) - dotted == {*FUNCTIONS, *SIGNALS}
    for name in dotted:
        assert import_string(name)
    named = set(re.findall(r"`(\w+Error)`", GUIDE))
    others = {"RuntimeError", "ValidationError", "ProtectedError"}
    assert named - others <= set(vars(exceptions))
    assert {"Wanted", "MAX_BATCH"} <= set(re.findall(r"`(\w+)`", ROWS["issue_tokens"]))


def test_everything_that_services_exports_is_there() -> None:
    assert sorted(services.__all__) == services.__all__
    assert all(hasattr(services, name) for name in services.__all__)


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(entities.__file__).parent / "py.typed").is_file()
