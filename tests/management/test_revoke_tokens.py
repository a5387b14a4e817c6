from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from entities import moments, signals
from entities.models import AuthToken, Entity, Membership
from tests.factories import AuthTokenFactory, EntityFactory, MembershipFactory

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def run(*words: str) -> tuple[str, str]:
    """Return what went to standard output, and what to standard error."""
    out, err = StringIO(), StringIO()
    call_command("revoke_tokens", *words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def live() -> set[AuthToken]:
    return set(AuthToken.objects.live(at=moments.now()))


@pytest.fixture
def entity() -> Entity:
    """Make an entity of two live tokens, an expired one and one that is revoked."""
    entity = EntityFactory()
    for traits in ({}, {}, {"expired": True}, {"revoked": True}):
        AuthTokenFactory(membership=MembershipFactory(entity=entity), **traits)
    return entity


@pytest.fixture
def stranger() -> AuthToken:
    return AuthTokenFactory()


def test_an_entity_is_revoked_by_its_epoch(entity: Entity, stranger: AuthToken) -> None:
    assert run("--entity", entity.pk, "--yes") == ("", "Revoked: 2.\n")
    assert live() == {stranger}
    assert set(Entity.objects.values_list("pk", "token_epoch")) == {
        (entity.pk, 1),
        (stranger.membership.entity_id, 0),
    }
    assert AuthToken.objects.unrevoked().filter(membership__entity=entity).count() == 3


def test_one_user_is_revoked_by_the_row(entity: Entity, stranger: AuthToken) -> None:
    first, second = sorted(live() - {stranger}, key=str)
    assert run("--entity", entity.pk, "--user", first.membership.user_id, "--yes") == (
        "",
        "Revoked: 1.\n",
    )
    assert live() == {second, stranger}
    first.refresh_from_db()
    assert first.revocation_reason == "command"


def test_a_user_without_a_live_token_counts_none(entity: Entity) -> None:
    user = MembershipFactory(entity=entity).user_id
    assert run("--entity", entity.pk, "--user", user, "--yes") == ("", "Revoked: 0.\n")
    revoked = Membership.objects.get(auth_tokens__revoked_at__isnull=False).user_id
    assert run("--entity", entity.pk, "--user", revoked, "--yes") == ("", "Revoked: 0.\n")


def test_all_raises_the_epoch_of_every_entity(entity: Entity, stranger: AuthToken) -> None:
    without_tokens = EntityFactory(off=True)
    assert run("--all", "--yes") == ("", "Revoked: 3.\n")
    assert live() == set()
    assert set(Entity.objects.values_list("pk", "token_epoch")) == {
        (entity.pk, 1),
        (stranger.membership.entity_id, 1),
        (without_tokens.pk, 1),
    }


def test_listeners_hear_of_it_from_the_command(
    entity: Entity, django_capture_on_commit_callbacks: object
) -> None:
    heard = []

    def listen(sender: type, **facts: object) -> None:
        heard.append((facts["entity"], str(facts["actor"].id)))  # type: ignore[attr-defined]

    signals.entity_revoked.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            run("--all", "--yes")
    finally:
        signals.entity_revoked.disconnect(listen)
    assert heard == [(entity, "revoke_tokens")]


@pytest.mark.parametrize("answer", ["yes\n", " YES \n"])
def test_on_a_terminal_it_asks(
    entity: Entity, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert run("--entity", entity.pk) == (
        "",
        "Live tokens to revoke: 2. Type yes to go on: Revoked: 2.\n",
    )


@pytest.mark.parametrize("answer", ["", "\n", "y\n", "no\n"])
def test_anything_but_yes_revokes_nothing(
    entity: Entity, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with pytest.raises(CommandError, match=r"^Nothing was revoked\.$"):
        run("--all")
    assert len(live()) == 2


def test_where_nobody_can_answer_it_wants_yes(
    entity: Entity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("yes\n"))
    with pytest.raises(CommandError, match=r"^Nobody is here to ask: say --yes"):
        run("--all")
    assert len(live()) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "one of the arguments --entity --all is required"),
        (["--all", "--entity", "e-1"], "not allowed with argument"),
        (["--all", "--user", "u-1"], "--user goes with --entity."),
        (["--user", "u-1"], "one of the arguments --entity --all is required"),
        (["--entity", "e-none"], "There is no such entity. Check its id."),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(
    entity: Entity, words: list[str], says: str
) -> None:
    with pytest.raises(CommandError) as caught:
        run(*words, "--yes")
    assert says in str(caught.value)
    assert len(live()) == 2


def test_a_user_who_is_not_in_the_entity_is_said_so(entity: Entity) -> None:
    with pytest.raises(CommandError, match=r"^This entity has no such user\."):
        run("--entity", entity.pk, "--user", "u-none", "--yes")
