from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.admin import Measured, line, main
from tests.benchmarks.service import Visit
from tests.benchmarks.urls import PAGES, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Page("authtoken", "/admin/entities/authtoken/")


def visits(*seconds: float, status: int = 200, queries: int = 3, rows: int = 100) -> list[Visit]:
    return [Visit(status, each, queries, rows) for each in seconds]


FLAT = visits(0.02, 0.02, 0.02)


@pytest.mark.parametrize(
    ("large", "faults"),
    [
        (visits(0.02, 0.03, 0.9), []),
        (visits(0.02, 0.0301, 0.9), ["over 1.5"]),
        (visits(0.9, rows=90), ["over 1.5"]),
        (visits(0.9, rows=89), []),
        (visits(0.01, queries=4), ["more queries"]),
        (visits(0.9, queries=2), ["over 1.5"]),
        (visits(0.01, status=404), ["answers 200 and 404"]),
        (visits(0.01, status=500), ["answers 200 and 500"]),
    ],
)
def test_a_page_is_flat_or_it_is_said_why_not(large: Sequence[Visit], faults: list[str]) -> None:
    assert Measured(PAGE, FLAT, large).faults() == faults


def test_a_row_has_both_medians_their_ratio_and_what_was_counted() -> None:
    row = line(Measured(PAGE, FLAT, visits(0.01, 0.05, 0.06, queries=4)))
    assert " ".join(row.split()) == (
        "authtoken 20.0 50.0 2.50 3/4 100/100 ! more queries ! over 1.5"
    )


def test_a_page_that_does_not_answer_has_no_times() -> None:
    row = line(Measured(PAGE, visits(0.02, status=404), visits(0.02, status=404)))
    assert " ".join(row.split()) == "authtoken ! answers 404 and 404"


def test_pages_can_be_told_apart() -> None:
    names = [page.name for page in PAGES]
    assert len(set(names)) == len(names) > 100


def test_it_runs_on_postgresql_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///anything")
    assert main([]) == 2
    assert capsys.readouterr() == ("", "DATABASE_URL names no PostgreSQL server.\n")
