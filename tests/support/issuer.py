"""An issuer of tokens on this machine: its keys, its documents, and whatever else it may answer."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from chalicelib import settings

AUDIENCE = "shop-api"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()


def base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def jwk(private: Any, kid: str | None, **members: Any) -> dict[str, Any]:
    """The public part of a key, as an issuer publishes it."""
    algorithm: Any
    if isinstance(private, rsa.RSAPrivateKey):
        algorithm = RSAAlgorithm
    else:
        algorithm = OKPAlgorithm if isinstance(private, ed25519.Ed25519PrivateKey) else ECAlgorithm
    document: dict[str, Any] = algorithm.to_jwk(private.public_key(), as_dict=True)
    document.pop("key_ops", None)
    return {**document, **({} if kid is None else {"kid": kid}), "use": "sig", **members}


def forged(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None) -> str:
    """A token made by hand: signed with HMAC, or not at all."""
    text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{base64url(hmac.digest(secret, text.encode(), 'sha256')) if secret is not None else ''}"


class LocalIssuer:
    """A server whose answers are the paths of ``answers``: a status, headers, and a body as bytes or JSON."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], Any]] = {}
        self.asked: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                status, headers, body = issuer.answers.get(self.path, (404, {}, b""))
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.publish(jwk(RSA, "rsa"), jwk(P256, "p256"), jwk(P384, "p384"), jwk(ED25519, "ed"))

    def publish(self, *keys: dict[str, Any]) -> None:
        """Answer with these keys from now on."""
        document = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.answers["/.well-known/openid-configuration"] = (200, {}, document)
        self.answers["/keys"] = (200, {}, {"keys": list(keys)})

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token; one that is changed to None is left out."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 300, **changes}
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self, key: Any = RSA, algorithm: str = "RS256", kid: str | None = "rsa", header: Any = None, **changes: Any
    ) -> str:
        """A token that is signed with a key."""
        headers = {**({} if kid is None else {"kid": kid}), **(header or {})}
        return jwt.encode(self.claims(**changes), key, algorithm, headers=headers)

    def setting(self, **members: Any) -> str:
        """``PORTICO_ISSUERS`` with this issuer in it."""
        return json.dumps([{"issuer": self.url, "name": "local", "audiences": [AUDIENCE], **members}])

    @contextmanager
    def admitted(self, **members: Any) -> Iterator[None]:
        """Portico admits its tokens within the block."""
        with settings.override(stage="local", in_lambda=False, issuers=self.setting(**members)):
            yield

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
