from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from chalicelib import settings
from chalicelib.access import access_tokens, signing_keys, tokens
from chalicelib.access.principals import ADMIN, Principal
from chalicelib.access.users import User
from chalicelib.dynamo.tables import main
from tests.access.test_signing_keys import ANN, principal_of
from tests.support.clocks import Clock
from tests.support.issuer import P256


def test_a_token_is_its_user_without_a_call(table: str) -> None:
    token = access_tokens.issue(ANN)
    principal_of(token)
    with main.session.recording() as recorder:
        assert principal_of(token) == Principal(f"user:{ANN.id}", "user", frozenset({"editor"}))
    assert recorder.operations == []


def test_an_address_is_known_to_rules_once_it_is_verified(table: str) -> None:
    verified = User(id=ANN.id, email=ANN.email, roles=[ADMIN], verified=True, created_at="-", updated_at="-")
    principal = principal_of(access_tokens.issue(verified))
    assert principal is not None
    assert principal.auth["email"] == "ann@example.org"
    assert principal.is_admin


def test_a_token_says_what_rfc_9068_asks_for(table: str) -> None:
    token = access_tokens.issue(ANN)
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    issuer = settings.current().own_issuer
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    assert (claims["iss"], claims["aud"], claims["sub"]) == (issuer, issuer, ANN.id)
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert claims["jti"] != jwt.decode(access_tokens.issue(ANN), options={"verify_signature": False})["jti"]


def test_others_can_verify_it_with_the_published_keys(table: str) -> None:
    token = access_tokens.issue(ANN)
    keys = jwt.PyJWKSet.from_dict({"keys": signing_keys.published()})
    key = keys[jwt.get_unverified_header(token)["kid"]]
    issuer = settings.current().own_issuer
    assert jwt.decode(token, key, algorithms=["ES256"], audience=issuer, issuer=issuer)["sub"] == ANN.id


def test_a_token_ends(table: str, clock: Clock) -> None:
    clock.move(-15 * 60 - tokens.LEEWAY - 1)
    ended = access_tokens.issue(ANN)
    clock.move(tokens.LEEWAY)
    ending = access_tokens.issue(ANN)
    assert principal_of(ended) is None
    assert principal_of(ending) is not None


def resigned(claims: dict[str, Any], header: dict[str, Any], key: Any = None) -> str:
    kid, private = signing_keys.signing()
    now = int(time.time())
    own = settings.current().own_issuer
    full = {"iss": own, "aud": own, "sub": ANN.id, "roles": [], "exp": now + 60, **claims}
    headers = {"kid": kid, "typ": "at+jwt", **header}
    return jwt.encode(
        {name: value for name, value in full.items() if value is not None}, key or private, "ES256", headers=headers
    )


def test_the_token_of_the_attacks_is_good_as_it_stands(table: str) -> None:
    assert principal_of(resigned({}, {})) is not None


@pytest.mark.parametrize(
    ("claims", "header", "key"),
    [
        ({}, {}, P256),
        ({}, {"typ": "JWT"}, None),
        ({}, {"kid": "another"}, None),
        ({}, {"kid": "another", "jwk": {"kty": "EC"}}, P256),
        ({"aud": "another"}, {}, None),
        ({"aud": None}, {}, None),
        ({"sub": None}, {}, None),
        ({"sub": 5}, {}, None),
        ({"nbf": int(time.time()) + 3600}, {}, None),
        ({"iat": int(time.time()) + 3600}, {}, None),
        ({"exp": int(time.time()) - 3600}, {}, None),
    ],
)
def test_a_token_that_is_not_as_portico_makes_it(
    table: str, claims: dict[str, Any], header: dict[str, Any], key: Any
) -> None:
    assert principal_of(resigned(claims, header, key)) is None


def test_tokens_of_one_deployment_are_nothing_to_another(table: str) -> None:
    token = access_tokens.issue(ANN)
    with settings.override(issuer="https://api.example.org"):
        assert principal_of(token) is None
        assert principal_of(access_tokens.issue(ANN)) is not None
