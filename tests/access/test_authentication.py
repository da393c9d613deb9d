from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import settings
from chalicelib.access import access_tokens, authentication, keys
from chalicelib.access.access_tokens import TYPE
from chalicelib.access.principals import ADMIN, Principal
from chalicelib.dynamo.tables import main
from chalicelib.errors import StoreUnavailable
from tests.access.test_signing_keys import ANN
from tests.support.issuer import P256, LocalIssuer, forged


def test_a_key_is_a_principal(table: str) -> None:
    made = keys.create(roles=("editor",))
    assert authentication.authenticate(made.secret) == Principal(f"key:{made.id}", "key", frozenset({"editor"}))


def test_an_access_token_is_a_principal(table: str) -> None:
    principal = authentication.authenticate(access_tokens.issue(ANN))
    assert principal is not None
    assert (principal.id, principal.kind) == (f"user:{ANN.id}", "user")


def test_all_kinds_of_token_go_side_by_side(table: str, issuer: LocalIssuer) -> None:
    with issuer.admitted(), settings.override(admin_key="chosen"):
        tokens = ["chosen", keys.create().secret, access_tokens.issue(ANN), issuer.token()]
        found = [authentication.authenticate(token) for token in tokens]
    assert [principal.kind for principal in found if principal is not None] == ["key", "key", "user", "user"]
    assert len({principal.id for principal in found if principal is not None}) == 4


def test_no_issuer_can_speak_for_portico(table: str, issuer: LocalIssuer) -> None:
    own = settings.current().own_issuer
    access_tokens.issue(ANN)
    with issuer.admitted():
        assert authentication.authenticate(issuer.token(iss=own, aud=own, header={"typ": TYPE})) is None
        assert authentication.authenticate(issuer.token(P256, "ES256", "p256", {"typ": TYPE}, iss=own, aud=own)) is None


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_of_a_header_is_bearer_in_any_case(scheme: str) -> None:
    with settings.override(admin_key="chosen"):
        assert authentication.of_header(f"{scheme} chosen") == Principal("key:configured", "key", frozenset({ADMIN}))


@pytest.mark.parametrize(
    "header", ["", "chosen", "Basic chosen", "Bearer", "Bearerchosen", "Bearer\tchosen", "Bearer x"]
)
def test_no_other_header_is_one(header: str) -> None:
    with settings.override(admin_key="chosen"):
        assert authentication.of_header(header) is None


MALFORMED = [
    "",
    ".",
    "..",
    "a.b.c",
    "...",
    "eyJ.eyJ.x",
    "\ud800",
    "\ud800.a.b",
    "ключ.ключ.ключ",
    "x" * 100_000,
    "." * 100_000,
    "a.b." + "c" * 10_000,
    forged({"alg": "none"}, {"iss": "urn:portico:portico", "exp": 2**40}, None),
    forged({"alg": "HS256"}, {"iss": "urn:portico:portico", "exp": 2**40}, b"x"),
    forged({"alg": "ES256"}, {"iss": ["urn:portico:portico"], "exp": 2**40}, b"x"),
    forged({"alg": "ES256"}, {"iss": {"a": 1}, "exp": 2**40}, b"x"),
    forged({"alg": "ES256"}, {"exp": 2**40}, b"x"),
    forged({"alg": "ES256"}, {"iss": "urn:portico:portico", "exp": "2**40"}, b"x"),
]


@pytest.mark.parametrize("token", MALFORMED)
@pytest.mark.parametrize("issuers", ["", '[{"issuer":"https://login.example.org","audiences":["a"]}]'])
def test_a_malformed_token_is_nobodys_and_takes_no_call(table: str, token: str, issuers: str) -> None:
    with (
        settings.override(admin_key="chosen", issuers=issuers, issuer="urn:portico:portico"),
        main.session.recording() as recorder,
    ):
        assert authentication.authenticate(token) is None
        assert authentication.of_header(f"Bearer {token}") is None
    assert recorder.operations == []


@given(st.text())
def test_no_text_whatever_raises(token: str) -> None:
    assert authentication.authenticate(token) is None
    assert authentication.of_header(token) is None


def test_a_store_that_is_away_is_not_a_bad_token(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = keys.create().secret
    with settings.override(table="a-table-that-is-not-there"), pytest.raises(StoreUnavailable):
        authentication.authenticate(secret)
