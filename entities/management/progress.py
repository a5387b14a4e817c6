"""A progress bar for work in batches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def shown(batches: Iterator[int], *, total: Callable[[], int], unit: str) -> Iterator[int]:
    """Draw a bar on a terminal, where tqdm is installed: hosts need not have it."""
    if not sys.stderr.isatty():
        yield from batches
        return
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        yield from batches
        return
    with tqdm(total=total(), unit=f" {unit}", file=sys.stderr) as bar:
        for count in batches:
            bar.update(count)
            yield count
