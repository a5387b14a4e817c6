from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Caller


@pytest.fixture
def text(member: Caller) -> str:
    """Text of the member's token, with the flag `kept`."""
    made: str = member.post(json={"flags": ["kept"]}).json()["authenticationToken"]
    return made
