"""The README's examples, as a host pastes them."""

from __future__ import annotations

import ast
import re

from tests.interop.packages import ROOT

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def section(title: str) -> str:
    """Text of the section of this title, without its subsections."""
    text = (ROOT / "README.md").read_text()
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ )", text, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found[1]


def blocks(title: str, language: str) -> list[str]:
    """The blocks of code in that section."""
    return [code for kind, code in _BLOCK.findall(section(title)) if kind == language]


def pasted(code: str) -> dict[str, str]:
    """Tell where the statements of a block go: `settings`, `urls`, or a module of `views`.

    `...` stands for what a list has already. Views that stand beside their URLs stay there.
    """
    files = {"settings": "", "urls": "", "views": ""}
    tree = ast.parse(code)
    assigned = [
        target.id
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]
    if "urlpatterns" in assigned and any(hasattr(one, "decorator_list") for one in tree.body):
        return files | {"urls": code.replace("...,", "*urlpatterns,")}
    for statement in tree.body:
        lines = ast.get_source_segment(code, statement)
        assert lines is not None
        name = ""
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
        if name == "urlpatterns":
            files["urls"] += f"{lines.replace('...,', '*urlpatterns,')}\n"
        elif name.isupper():
            files["settings"] += f"{lines.replace('...,', f'*{name},')}\n"
        elif "urlpatterns" in assigned and isinstance(statement, ast.ImportFrom):
            files["urls"] += f"{lines}\n"
        else:
            decorators = getattr(statement, "decorator_list", [])
            start = min([statement.lineno, *(each.lineno for each in decorators)])
            source = code.splitlines()[start - 1 : statement.end_lineno]
            files["views"] += "\n".join(source) + "\n"
    return files
