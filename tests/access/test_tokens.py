from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access import tokens
from chalicelib.access.tokens import ALGORITHMS, PublicKey
from tests.support.issuer import ED25519, P256, P384, RSA, base64url, jwk

CLAIMS = {"iss": "a", "sub": "ann", "exp": 9999999999}


RS256 = base64url(b'{"alg":"RS256"}') + "."


def text(header: Any, claims: Any, signature: bytes = b"s") -> str:
    return ".".join([*(base64url(json.dumps(part).encode()) for part in (header, claims)), base64url(signature)])


def test_a_token_is_taken_apart() -> None:
    token = tokens.parse(text({"alg": "RS256", "kid": "k"}, CLAIMS))
    assert token is not None
    assert (token.algorithm, token.kid, token.claims) == ("RS256", "k", CLAIMS)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"alg": None},
        {"alg": "none"},
        {"alg": "NONE"},
        {"alg": "HS256"},
        {"alg": "rs256"},
        {"alg": "ES256K"},
        {"alg": ["RS256"]},
        {"alg": "RS256", "kid": 5},
        {"alg": "RS256", "kid": None},
        {"alg": "RS256", "crit": ["exp"]},
        {"alg": "RS256", "b64": False},
        {"alg": "RS256", "zip": "DEF"},
        {"alg": "RSA-OAEP", "enc": "A256GCM"},
        [],
        "RS256",
        5,
        None,
    ],
)
def test_a_header_that_is_not_admitted(header: Any) -> None:
    assert tokens.parse(text(header, CLAIMS)) is None


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": [9999999999]},
        {"exp": {"$numberLong": "1"}},
        {"exp": 2**60},
        {"exp": 9999999999, "nbf": "0"},
        {"exp": 9999999999, "iat": None},
        [],
        None,
        "exp",
    ],
)
def test_claims_without_times_that_are_numbers(claims: Any) -> None:
    assert tokens.parse(text({"alg": "RS256"}, claims)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "..",
        "a.b.c",
        "a.b",
        "a.b.c.d",
        "a.b.c.d.e",
        text({"alg": "RS256"}, CLAIMS).replace(".", "..", 1),
        text({"alg": "RS256"}, CLAIMS) + "=",
        text({"alg": "RS256"}, CLAIMS) + "\n",
        " " + text({"alg": "RS256"}, CLAIMS),
        text({"alg": "RS256"}, CLAIMS).rpartition(".")[0] + ".",
        text({"alg": "RS256"}, {**CLAIMS, "x": "x" * 9000}),
        base64url(b"[" * 5000) + "." + base64url(b"{}") + ".AA",
        RS256 + base64url(b'{"exp":NaN}') + ".AA",
        RS256 + base64url(b'{"exp":1e400}') + ".AA",
        RS256 + base64url(b"\xff\xfe") + ".AA",
        b64encode(b'{"alg":"RS256","kid":">>>???"}').decode() + "." + base64url(b'{"exp":1}') + ".AA",
    ],
)
def test_a_text_that_is_no_token(wrong: str) -> None:
    assert tokens.parse(wrong) is None


@given(st.text() | st.lists(st.binary(max_size=40).map(base64url), min_size=3, max_size=3).map(".".join))
def test_no_text_whatever_raises(wrong: str) -> None:
    assert tokens.parse(wrong) is None


@pytest.mark.parametrize(
    ("private", "algorithms"),
    [
        (RSA, {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        (P256, {"ES256"}),
        (P384, {"ES384"}),
        (ED25519, {"EdDSA"}),
    ],
)
def test_a_key_verifies_the_algorithms_of_its_kind(private: Any, algorithms: set[str]) -> None:
    key = PublicKey.from_jwk(jwk(private, "k"))
    assert key is not None
    assert key.kid == "k"
    assert key.algorithms == algorithms


def test_a_key_that_names_its_algorithm_verifies_no_other() -> None:
    key = PublicKey.from_jwk(jwk(RSA, "k", alg="RS256"))
    assert key is not None
    assert key.algorithms == {"RS256"}


WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
K256 = ec.generate_private_key(ec.SECP256K1())
GOOD = jwk(RSA, "k")


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"kty": "oct", "k": base64url(b"secret"), "kid": "k"},
        {"kty": ["RSA"]},
        jwk(WEAK, "k"),
        jwk(K256, "k"),
        jwk(RSA, "k", use="enc"),
        jwk(RSA, "k", key_ops=["encrypt"]),
        jwk(RSA, "k", key_ops="verify"),
        jwk(RSA, "k", alg="ES256"),
        jwk(RSA, "k", alg="HS256"),
        jwk(RSA, "k", alg="RSA-OAEP"),
        {**GOOD, "kid": 5},
        {**GOOD, "n": None},
        {**GOOD, "n": 5},
        {**GOOD, "n": "!"},
        {**GOOD, "n": "A"},
        {**GOOD, "n": "A" * 400},
        {name: value for name, value in GOOD.items() if name != "e"},
    ],
)
def test_what_is_no_key_to_verify_with(document: Any) -> None:
    assert PublicKey.from_jwk(document) is None


def test_a_private_key_is_only_a_public_one() -> None:
    from jwt.algorithms import ECAlgorithm  # noqa: PLC0415

    key = PublicKey.from_jwk({**ECAlgorithm.to_jwk(P256, as_dict=True), "kid": "k"})
    assert key is not None
    assert "d" not in key.members


def test_no_algorithm_is_symmetric() -> None:
    assert not [name for name in ALGORITHMS if name.startswith("HS") or name.lower() == "none"]
