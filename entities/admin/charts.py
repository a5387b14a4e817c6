"""Bars for days, as inline SVG: places and sizes only, the colours are the stylesheet's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.formats import date_format, number_format

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

WIDTH = 310
HEIGHT = 60
_LEAST = 2  # of a bar that stands for something


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: its bar, in units of the view box, and what it says."""

    x: int
    y: int
    width: int
    height: int
    label: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart; `rows` is the same as a table, for whoever does not see it."""

    title: str
    bars: Sequence[Bar]
    rows: Sequence[tuple[str, str]]
    first: str
    last: str
    total: str
    width: int = WIDTH
    height: int = HEIGHT


def bars(title: str, days: Sequence[date], counts: Mapping[date, int]) -> Bars:
    """Draw `counts` of `days`, the largest as high as the chart."""
    values = [counts.get(day, 0) for day in days]
    most = max(values, default=0) or 1
    step = WIDTH // len(days)
    drawn, rows = [], []
    for place, (day, value) in enumerate(zip(days, values, strict=True)):
        height = max(round(value * HEIGHT / most), _LEAST) if value else 0
        name, written = date_format(day, "SHORT_DATE_FORMAT"), number_format(value)
        drawn.append(Bar(place * step, HEIGHT - height, step - 2, height, f"{name}: {written}"))
        if value:
            rows.append((name, written))
    return Bars(
        title=title,
        bars=drawn,
        rows=rows,
        first=date_format(days[0], "SHORT_DATE_FORMAT"),
        last=date_format(days[-1], "SHORT_DATE_FORMAT"),
        total=number_format(sum(values), force_grouping=True),
    )
