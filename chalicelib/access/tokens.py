"""JSON Web Tokens: taken apart without trusting them, and verified with a key and an algorithm that are the issuer's.

What a token's own header says of keys (``jwk``, ``jku``, ``x5u``, ``x5c``) is never looked at.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from jwt import PyJWK

MAX_CHARACTERS = 8192
"""API Gateway takes 10,240 bytes of headers in all."""
LEEWAY = 60
"""Seconds that an issuer's clock may differ."""
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
_TIMES = ("exp", "nbf", "iat")
_MAX_TIME = 2**53


class Algorithm(NamedTuple):
    """What a key for an algorithm is: its type and curve (RFC 7518, 6)."""

    kty: str
    crv: str | None = None


ALGORITHMS = {
    **{f"{family}{bits}": Algorithm("RSA") for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": Algorithm("EC", "P-256"),
    "ES384": Algorithm("EC", "P-384"),
    "ES512": Algorithm("EC", "P-521"),
    "EdDSA": Algorithm("OKP", "Ed25519"),
}
"""Every algorithm that can be admitted. None is symmetric: a public key is no secret to make a token with."""
_PUBLIC_MEMBERS = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}
_MIN_RSA_BITS = 2048


@dataclass(frozen=True)
class Token:
    """A token taken apart. Nothing in it is known to be true until ``is_genuine``."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def algorithm(self) -> str:
        """The algorithm that it says it is signed with."""
        return str(self.header["alg"])

    @property
    def kid(self) -> str | None:
        """The id of the key that it says it is signed with."""
        return self.header.get("kid")


def parse(text: str) -> Token | None:
    """The token of a text of three parts in base64url, None for any other text. No call, no cryptography."""
    match = _FORM.fullmatch(text) if len(text) <= MAX_CHARACTERS else None
    if match is None:
        return None
    header, claims = _object(match[1]), _object(match[2])
    if header is None or claims is None or not _is_usable(header) or not _has_times(claims):
        return None
    return Token(text, header, claims)


def _object(part: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (Base64Error, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _is_usable(header: Mapping[str, Any]) -> bool:
    """Whether the signature is one that can be admitted, over the whole of what follows (RFC 7515, 4.1.11; 7797)."""
    return (
        isinstance(header.get("alg"), str)
        and header["alg"] in ALGORITHMS
        and isinstance(header.get("kid", ""), str)
        and header.keys().isdisjoint({"crit", "b64", "zip", "enc"})
    )


def _has_times(claims: Mapping[str, Any]) -> bool:
    """Whether it ends, and its times are numbers (which for JSON ``true`` and ``"5"`` are not)."""
    times = [claims[name] for name in _TIMES if name in claims]
    return "exp" in claims and all(type(each) in {int, float} and abs(each) < _MAX_TIME for each in times)


@dataclass(frozen=True)
class PublicKey:
    """A key that an issuer publishes, and the algorithms that it verifies."""

    kid: str | None
    algorithms: frozenset[str]
    members: Mapping[str, str]
    _made: dict[str, PyJWK] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_jwk(cls, document: Any) -> PublicKey | None:
        """The key of a JSON Web Key (RFC 7517), None of one that is not for verifying, too short or no key at all."""
        if not isinstance(document, dict) or not isinstance(document.get("kty"), str):
            return None
        members: dict[str, Any] = {name: document.get(name) for name in _PUBLIC_MEMBERS.get(document["kty"], ())}
        if not members or not all(isinstance(value, str) and value for value in members.values()):
            return None
        kid, use, operations = document.get("kid"), document.get("use", "sig"), document.get("key_ops", ["verify"])
        if not isinstance(kid, (str, type(None))) or use != "sig":
            return None
        if not isinstance(operations, list) or "verify" not in operations:
            return None
        if document["kty"] == "RSA" and len(_decoded(members["n"]).lstrip(b"\0")) * 8 < _MIN_RSA_BITS:
            return None
        kind = Algorithm(document["kty"], members.get("crv"))
        stated = document.get("alg")
        fitting = [name for name, key in ALGORITHMS.items() if key == kind and stated in (None, name)]
        return cls(kid, frozenset(fitting), members) if fitting else None

    def for_algorithm(self, algorithm: str) -> PyJWK:
        """The key as it verifies one algorithm and no other.

        Raises:
            PyJWTError: it is no such key.
        """
        if algorithm not in self._made:
            from jwt import PyJWK  # noqa: PLC0415 - it loads all of cryptography

            self._made[algorithm] = PyJWK(dict(self.members), algorithm)
        return self._made[algorithm]


def is_genuine(token: Token, key: PublicKey, *, issuer: str, algorithms: frozenset[str]) -> bool:
    """Whether the issuer's key has signed the token, with an admitted algorithm, for a time that is now.

    Whom it is meant for is left to the caller.
    """
    if token.algorithm not in algorithms & key.algorithms:
        return False
    import jwt  # noqa: PLC0415 - as above

    try:
        jwt.decode(
            token.text,
            key.for_algorithm(token.algorithm),
            algorithms=[token.algorithm],
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iss", "sub"], "verify_aud": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return True


def _decoded(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (Base64Error, ValueError):
        return b""
