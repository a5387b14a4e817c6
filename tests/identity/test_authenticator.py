"""A provider's token proves its user in one query; whatever is wrong with one costs none."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from entities.actors import Application
from entities.exceptions import NotAuthenticatedError
from entities.identity import JwtAuthenticator, Provider
from entities.models import ApiKey, KeyAccess, Membership, Role
from entities.services import issue_api_key, issue_token
from entities.verification import Presented, UserProof, verify_request
from tests.conftest import BY
from tests.factories import EntityFactory, MembershipFactory
from tests.identity.provider import AUDIENCE, IdentityProvider, private_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from entities.models import Entity

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
NOW = int(NOON.timestamp())


@pytest.fixture(autouse=True)
def configured(provider: IdentityProvider, settings: Any) -> None:
    settings.ENTITIES = provider.settings()


@pytest.fixture
def alice(entity: Entity) -> Membership:
    return MembershipFactory(entity=entity, user__id="alice")


@pytest.fixture
def what(alice: Membership, api_key: str, provider: IdentityProvider) -> Presented:
    return Presented(api_key, "alice", provider.token(), alice.entity_id)


def prove(token: str, user_id: str = "alice") -> UserProof | None:
    return JwtAuthenticator().prove(Presented("", user_id, token))


def is_refused(what: Presented) -> bool:
    try:
        verify_request(what)
    except NotAuthenticatedError:
        return True
    return False


def test_a_token_proves_its_user_in_one_query_and_one_fetch_serves_all(
    what: Presented, alice: Membership, provider: IdentityProvider, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        with django_assert_num_queries(1):
            principal = verify_request(what)
    key = ApiKey.objects.get()
    assert (principal.user, principal.entity_id) == (alice.user, alice.entity_id)
    assert (principal.role, principal.token_id, principal.flags) == (Role.MEMBER, None, None)
    assert principal.actor.application == Application(key.pk, key.name)
    assert provider.asked == 1


def test_own_tokens_are_good_beside_those_of_the_provider(
    what: Presented, alice: Membership, provider: IdentityProvider
) -> None:
    text = issue_token(membership=alice, by=BY).derive_text()
    assert text is not None
    assert verify_request(replace(what, token=text)).flags == frozenset()
    assert provider.asked == 0


def test_it_proves_nobody_elsewhere(what: Presented, provider: IdentityProvider) -> None:
    elsewhere = EntityFactory()
    key = issue_api_key(entity=elsewhere, name="x", by=BY)[1]
    assert is_refused(replace(what, entity_id=elsewhere.pk))
    assert is_refused(replace(what, entity_id=elsewhere.pk, api_key=key))
    assert is_refused(replace(what, api_key=key))
    assert is_refused(replace(what, user_id="bob"))
    assert is_refused(replace(what, user_id="bob", token=provider.token("bob")))


def test_another_user_than_the_header_says_costs_no_query(
    what: Presented, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert is_refused(replace(what, user_id="bob"))


def segment(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def signed_with_the_public_key(idp: IdentityProvider) -> str:
    """Sign by HMAC, the secret being what everybody can fetch (RFC 8725 section 2.1)."""
    public = private_key("first").public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = segment({"alg": "HS256", "kid": "first", "typ": "JWT"})
    body = f"{head}.{segment(idp.claims('alice'))}"
    return f"{body}.{segment(hmac.digest(pem, body.encode(), 'sha256'))}"


def tampered(idp: IdentityProvider) -> str:
    head, _, signature = idp.token("bob").split(".")
    return f"{head}.{segment(idp.claims('alice'))}.{signature}"


def with_its_own_key(idp: IdentityProvider) -> str:
    """Bring the key in the header, and where to fetch it (RFC 8725 section 3.10)."""
    mine = private_key("mine")
    jwk = jwt.get_algorithm_by_name("RS256").to_jwk(mine.public_key(), as_dict=True)
    return idp.token(key=mine, headers={"jwk": jwk, "jku": idp.url})


FORGED: dict[str, Callable[[IdentityProvider], str]] = {
    "expired": lambda idp: idp.token(exp=NOW - 3600),
    "without an expiry": lambda idp: idp.token(exp=None),
    "expiry that is none": lambda idp: idp.token(exp="tomorrow"),
    "not yet valid": lambda idp: idp.token(nbf=NOW + 3600),
    "issued in the future": lambda idp: idp.token(iat=NOW + 3600),
    "for another audience": lambda idp: idp.token(aud="https://other.example"),
    "for other audiences": lambda idp: idp.token(aud=["a", "b"]),
    "without an audience": lambda idp: idp.token(aud=None),
    "odd audience": lambda idp: idp.token(aud=[1]),
    "unsigned": lambda idp: jwt.encode(idp.claims("alice"), None, algorithm="none") + "e30",
    "HS256 by the public key": signed_with_the_public_key,
    "algorithm not pinned": lambda idp: idp.token(algorithm="RS512"),
    "tampered": tampered,
    "signed by another key": lambda idp: idp.token(key=private_key("mine")),
    "by a key that it brings": with_its_own_key,
    "unknown key": lambda idp: idp.token(kid="second"),
    "algorithm of another kind of key": lambda idp: idp.token(
        algorithm="ES256", key=private_key("mine", "ec")
    ),
    "logout token": lambda idp: idp.token(headers={"typ": "logout+jwt"}),
    "odd type": lambda idp: idp.token(headers={"typ": 1}),
    "critical extension": lambda idp: idp.token(headers={"crit": ["exp"]}),
    "without a user": lambda idp: idp.token(sub=None),
    "user that is a number": lambda idp: idp.token(sub=7),
    "user that is a list": lambda idp: idp.token(sub=["alice"]),
    "user that cannot be": lambda idp: idp.token(sub="a/b"),
    "empty user": lambda idp: idp.token(sub=""),
    "user with NUL": lambda idp: idp.token(sub="a\0"),
    "long user": lambda idp: idp.token(sub="a" * 129),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_wrong_token_is_refused_without_a_query(
    forge: Callable[[IdentityProvider], str],
    what: Presented,
    provider: IdentityProvider,
    django_assert_num_queries: Any,
) -> None:
    with time_machine.travel(NOON, tick=False):
        assert not is_refused(replace(what, token=provider.token()))
        token = forge(provider)
        with django_assert_num_queries(0):
            assert is_refused(replace(what, token=token))


@pytest.mark.parametrize(
    "forge",
    [
        FORGED["unsigned"],
        FORGED["HS256 by the public key"],
        FORGED["algorithm not pinned"],
        FORGED["logout token"],
        lambda idp: idp.token(iss="https://other.example"),
    ],
)
def test_what_can_be_refused_without_the_keys_fetches_none(
    forge: Callable[[IdentityProvider], str], what: Presented, provider: IdentityProvider
) -> None:
    assert is_refused(replace(what, token=forge(provider)))
    assert provider.asked == 0


OTHERS: dict[str, Callable[[IdentityProvider], str]] = {
    "nothing": lambda idp: "",
    "two parts": lambda idp: idp.token().rpartition(".")[0],
    "four parts": lambda idp: idp.token() + ".x",
    "white space": lambda idp: idp.token() + "\n",
    "padding": lambda idp: idp.token() + "==",
    "no base64url": lambda idp: "ü.ü.ü",
    "no JSON": lambda idp: "aaaa.bbbb.cccc",
    "payload that is a list": lambda idp: f"{segment({'alg': 'RS256'})}.{segment([])}.x",
    "another issuer": lambda idp: idp.token(iss="https://other.example"),
    "issuer with more": lambda idp: idp.token(iss=idp.issuer + "x"),
    "without an issuer": lambda idp: idp.token(iss=None),
    "issuers": lambda idp: (
        f"{segment({'alg': 'RS256'})}.{segment(idp.claims('a') | {'iss': [idp.issuer]})}.AAAA"
    ),
    "a user token": lambda idp: "ut_" + "a" * 83,
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_what_is_not_of_this_provider_is_left_to_others(
    text: Callable[[IdentityProvider], str], provider: IdentityProvider
) -> None:
    assert prove(text(provider)) is None
    assert provider.asked == 0


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+JWT", None])
def test_access_tokens_and_tokens_of_no_type_are_taken(
    typ: str | None, provider: IdentityProvider
) -> None:
    assert prove(provider.token(headers={"typ": typ})) == UserProof("alice")


def test_one_of_several_audiences_is_enough(provider: IdentityProvider, settings: Any) -> None:
    settings.ENTITIES = provider.settings(JWT_AUDIENCE=["tokens", AUDIENCE])
    assert prove(provider.token(aud=["other", "tokens"]))
    assert prove(provider.token(aud=AUDIENCE))


def test_a_part_of_an_audience_is_none(provider: IdentityProvider) -> None:
    with pytest.raises(NotAuthenticatedError):
        prove(provider.token(aud=AUDIENCE + "x"))
    with pytest.raises(NotAuthenticatedError):
        prove(provider.token(aud=AUDIENCE[:-1]))


def test_a_short_rsa_key_signs_nothing(provider: IdentityProvider) -> None:
    weak = private_key("weak", bits=1024)
    jwk = jwt.get_algorithm_by_name("RS256").to_jwk(weak.public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    provider.body = json.dumps({"keys": [jwk | {"kid": "weak"}]}).encode()
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = provider.token(kid="weak", key=weak)
    with pytest.raises(NotAuthenticatedError, match="InvalidKeyError"):
        prove(token)


def test_elliptic_curves_are_taken_too(provider: IdentityProvider) -> None:
    provider.kind = "ec"
    assert prove(provider.token(algorithm="ES256")) == UserProof("alice")


def test_without_a_key_id_the_only_key_is_meant(provider: IdentityProvider) -> None:
    assert prove(provider.token(kid=None)) == UserProof("alice")


def test_keys_rotate(
    provider: IdentityProvider, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from entities.identity.keyset import COOLDOWN, KeySet

    keys = KeySet(provider.url, clock=clock)
    monkeypatch.setattr("entities.identity.tokens.key_set", lambda url: keys)
    assert prove(provider.token())
    provider.kids = ["second"]
    clock.now += COOLDOWN
    assert prove(provider.token(kid="second"))
    with pytest.raises(NotAuthenticatedError):
        prove(provider.token())


@pytest.mark.parametrize(
    ("claims", "is_good"),
    [
        ({"exp": NOW - 29}, True),
        ({"exp": NOW - 30}, False),
        ({"nbf": NOW + 30}, True),
        ({"nbf": NOW + 31}, False),
        ({"iat": NOW + 30}, True),
        ({"iat": NOW + 31}, False),
    ],
)
def test_clocks_may_be_thirty_seconds_apart(
    claims: dict[str, int], is_good: bool, provider: IdentityProvider
) -> None:
    with time_machine.travel(NOON, tick=False):
        token = provider.token(**claims)
        if is_good:
            assert prove(token)
        else:
            with pytest.raises(NotAuthenticatedError):
                prove(token)


def test_the_leeway_can_be_none(provider: IdentityProvider, settings: Any) -> None:
    settings.ENTITIES = provider.settings(JWT_LEEWAY=timedelta(0))
    with time_machine.travel(NOON, tick=False):
        assert prove(provider.token(exp=NOW + 1))
        with pytest.raises(NotAuthenticatedError):
            prove(provider.token(exp=NOW))


@pytest.mark.parametrize("user_id", ["", "a/b", "a\0", " a", ".", "a" * 129])
def test_a_user_who_cannot_be_is_nobody(user_id: str, provider: IdentityProvider) -> None:
    with pytest.raises(NotAuthenticatedError, match="no user id"):
        prove(provider.token(user_id), user_id)


def test_another_claim_can_hold_the_users_id(provider: IdentityProvider, settings: Any) -> None:
    settings.ENTITIES = provider.settings(JWT_USER_CLAIM="uid")
    assert prove(provider.token("mallory", uid="alice")) == UserProof("alice")
    with pytest.raises(NotAuthenticatedError):
        prove(provider.token("alice"))


@pytest.mark.parametrize("verified", [None, False, "true", 1])
def test_an_address_counts_once_it_is_verified(
    verified: Any, provider: IdentityProvider, settings: Any
) -> None:
    settings.ENTITIES = provider.settings(JWT_USER_CLAIM="email")
    mail = {"email": "alice@example.com"}
    good = provider.token("x", **mail, email_verified=True)
    assert prove(good, "alice@example.com") == UserProof("alice@example.com")
    with pytest.raises(NotAuthenticatedError):
        prove(provider.token("x", **mail, email_verified=verified), "alice@example.com")


class TestEntityClaim:
    """A token that says in which entities it is good."""

    @pytest.fixture(autouse=True)
    def claimed(self, configured: None, settings: Any) -> None:
        settings.ENTITIES |= {"JWT_ENTITY_CLAIM": "org"}

    @pytest.mark.parametrize("path", [True, False])
    def test_it_is_good_in_those_that_it_names(
        self, path: bool, what: Presented, alice: Membership, provider: IdentityProvider
    ) -> None:
        here = alice.entity_id
        what = replace(what, entity_id=here if path else None)
        for org in (here, [here], ["e-other", here]):
            assert not is_refused(replace(what, token=provider.token(org=org)))
        for other in ("e-other", [], ["e-other"], None, 7, {here: 1}, [here, 7], here + "x", ""):
            assert is_refused(replace(what, token=provider.token(org=other)))

    def test_a_superuser_is_one_where_his_key_is_from(
        self, what: Presented, alice: Membership, provider: IdentityProvider
    ) -> None:
        Membership.objects.update(role=Role.ADMIN)
        key = issue_api_key(entity=alice.entity, name="x", by=BY, access=KeyAccess.SUPERUSER)[1]
        elsewhere = replace(what, api_key=key, entity_id=EntityFactory().pk)
        own = provider.token(org=alice.entity_id)
        assert verify_request(replace(elsewhere, token=own)).is_superuser
        other = provider.token(org=elsewhere.entity_id)
        assert is_refused(replace(elsewhere, token=other))


class Second(JwtAuthenticator):
    """A host's other provider."""

    provider = Provider(
        issuer="https://second.example", audience=("tokens",), jwks_url="http://127.0.0.1:9/"
    )


def test_a_host_takes_tokens_of_two_providers(
    what: Presented, provider: IdentityProvider, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Second.provider is not None
    monkeypatch.setattr(Second, "provider", replace(Second.provider, jwks_url=provider.url))
    settings.ENTITIES["USER_AUTHENTICATORS"] += [f"{__name__}.Second"]
    by_second = provider.token(iss="https://second.example", aud="tokens")
    assert verify_request(what).user == verify_request(replace(what, token=by_second)).user
    assert is_refused(replace(what, token=provider.token(aud="tokens")))
