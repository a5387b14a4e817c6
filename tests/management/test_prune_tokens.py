from __future__ import annotations

import sys
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from entities import moments
from entities.models import AuthToken
from tests.factories import AuthTokenFactory

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def run(*words: str) -> str:
    out = StringIO()
    call_command("prune_tokens", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def tokens() -> set[AuthToken]:
    """Make tokens that ended 40 and 20 days ago, by expiry and by revocation, and a live one."""
    now = moments.now()
    for days in (40, 20):
        AuthTokenFactory(issued_at=now - timedelta(days=30 + days))
        AuthTokenFactory(
            issued_at=now - timedelta(days=50),
            lifetime=timedelta(days=365),
            revoked=True,
            revoked_at=now - timedelta(days=days),
        )
    AuthTokenFactory()
    return set(AuthToken.objects.all())


@pytest.mark.parametrize(
    ("words", "printed", "left"),
    [
        ([], "2\n", 3),
        (["--batch-size", "1"], "2\n", 3),
        (["--older-than", "10"], "4\n", 1),
        (["--older-than", "0"], "4\n", 1),
        (["--older-than", "60"], "0\n", 5),
        (["--dry-run"], "2\n", 5),
        (["--dry-run", "--older-than", "10"], "4\n", 5),
    ],
)
def test_it_deletes_what_ended_long_ago_and_prints_how_many(
    tokens: set[AuthToken], words: list[str], printed: str, left: int
) -> None:
    assert run(*words) == printed
    assert AuthToken.objects.count() == left


def test_on_a_terminal_a_bar_shows_and_standard_output_stays_a_number(
    tokens: set[AuthToken], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert run("--older-than", "10", "--batch-size", "1") == "4\n"
    assert "4/4" in terminal.getvalue()


def test_it_works_on_a_terminal_without_tqdm(
    tokens: set[AuthToken], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert run() == "2\n"
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--older-than", "-1"], "is not a number of days"),
        (["--older-than", "1000000"], "is not a number of days"),
        (["--batch-size", "0"], "is not a number above zero"),
        (["--batch-size", "many"], "is not a number above zero"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(
    tokens: set[AuthToken], words: list[str], says: str
) -> None:
    with pytest.raises(CommandError) as caught:
        run(*words)
    assert says in str(caught.value)
    assert set(AuthToken.objects.all()) == tokens
