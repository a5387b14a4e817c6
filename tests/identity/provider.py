"""An identity provider on loopback: signs tokens, and serves its keys."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from time import time
from typing import TYPE_CHECKING, Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

if TYPE_CHECKING:
    from types import TracebackType

AUDIENCE = "https://tokens.example"

TYPE_OF = {"RS256": "rsa", "RS512": "rsa", "PS256": "rsa", "ES256": "ec"}


@lru_cache(maxsize=32)
def private_key(kid: str, kind: str = "rsa", *, bits: int = 2048) -> Any:
    """Make a key, the same for the same words: to make one takes a while."""
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public_jwk(kid: str | None, key: Any, **members: Any) -> dict[str, Any]:
    algorithm = "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"
    jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    named = {} if kid is None else {"kid": kid}
    return jwk | named | {"use": "sig"} | members


@dataclass
class IdentityProvider:
    """Its keys are those of `kids`; what it answers can be spoilt."""

    kids: list[str] = field(default_factory=lambda: ["first"])
    kind: str = "rsa"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """None: the keys."""
    asked: int = 0
    answers: Event = field(default_factory=Event)
    """Until it is set, it keeps whoever asks waiting."""
    is_asked: Event = field(default_factory=Event)

    def __enter__(self) -> Self:
        provider = self
        self.answers.set()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                provider.is_asked.set()
                provider.answers.wait(timeout=30)
                body = provider.body if provider.body is not None else provider.jwks
                self.send_response(provider.status)
                for name, value in ({"Content-Length": str(len(body))} | provider.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.answers.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    @property
    def url(self) -> str:
        return f"{self.issuer}jwks?key=secret"

    @property
    def jwks(self) -> bytes:
        keys = [public_jwk(kid, private_key(kid, self.kind)) for kid in self.kids]
        return json.dumps({"keys": keys}).encode()

    def claims(self, user: str, **claims: Any) -> dict[str, Any]:
        """What a good token claims; with None, a claim is left out."""
        now = int(time())
        usual = {"iss": self.issuer, "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + 600}
        return {name: value for name, value in (usual | claims).items() if value is not None}

    def token(
        self,
        user: str = "alice",
        *,
        kid: str | None = "first",
        algorithm: str = "RS256",
        key: Any = None,
        headers: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Sign a token."""
        named = {} if kid is None else {"kid": kid}
        return jwt.encode(
            self.claims(user, **claims),
            key or private_key(kid or "first", TYPE_OF[algorithm]),
            algorithm=algorithm,
            headers=named | (headers or {}),
        )

    def settings(self, **others: Any) -> dict[str, Any]:
        """ENTITIES, so that its tokens are taken beside ours."""
        return {
            "LAST_USED_FLUSH": None,
            "USER_AUTHENTICATORS": [
                "entities.verification.UserTokenAuthenticator",
                "entities.verification.AuthTokenAuthenticator",
                "entities.identity.JwtAuthenticator",
            ],
            "JWT_ISSUER": self.issuer,
            "JWT_AUDIENCE": [AUDIENCE],
            "JWT_JWKS_URL": self.url,
        } | others
