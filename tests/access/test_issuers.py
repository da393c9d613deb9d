from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from chalicelib import settings
from chalicelib.access import authentication, issuers
from chalicelib.access.issuers import InvalidIssuers, parse
from chalicelib.access.principals import Principal
from tests.support.clocks import Clock
from tests.support.issuer import AUDIENCE, ED25519, OTHER_RSA, P256, P384, RSA, LocalIssuer, base64url, forged, jwk

NOW = int(time.time())
PEM = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
DER = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_a_token_of_an_issuer_is_a_user_of_that_issuers(issuer: LocalIssuer) -> None:
    with issuer.admitted():
        principal = authentication.authenticate(issuer.token(roles=["editor"]))
    assert principal == Principal("user:local|ann", "user", frozenset({"editor"}))
    assert principal.auth["id"] == "local|ann"


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (RSA, "RS256", "rsa"),
        (RSA, "RS512", "rsa"),
        (RSA, "PS256", "rsa"),
        (P256, "ES256", "p256"),
        (P384, "ES384", "p384"),
        (ED25519, "EdDSA", "ed"),
    ],
)
def test_algorithms_that_are_configured_are_admitted_and_others_not(
    issuer: LocalIssuer, key: Any, algorithm: str, kid: str
) -> None:
    token = issuer.token(key, algorithm, kid)
    with issuer.admitted(algorithms=[algorithm]):
        assert authentication.authenticate(token) is not None
    with issuer.admitted(algorithms=["RS384", "ES512"]):
        assert authentication.authenticate(token) is None


def signed(**changes: Any) -> Callable[[LocalIssuer], str]:
    return lambda issuer: issuer.token(**changes)


def confused(secret: bytes, **header: Any) -> Callable[[LocalIssuer], str]:
    """Signed with HMAC and a secret that everybody knows."""
    return lambda issuer: forged({"alg": "HS256", "kid": "rsa", **header}, issuer.claims(), secret)


def unsigned(alg: str) -> Callable[[LocalIssuer], str]:
    return lambda issuer: forged({"alg": alg, "kid": "rsa"}, issuer.claims(), None)


def changed(change: Callable[[list[str]], list[str]]) -> Callable[[LocalIssuer], str]:
    """A good token with its parts changed."""
    return lambda issuer: ".".join(change(issuer.token().split(".")))


def with_claims(parts: list[str]) -> list[str]:
    claims = jwt.decode(".".join(parts), options={"verify_signature": False})
    return [parts[0], base64url(json.dumps({**claims, "roles": ["admin"]}).encode()), parts[2]]


def attacking_jku(issuer: LocalIssuer) -> str:
    issuer.answers["/evil"] = (200, {}, {"keys": [jwk(OTHER_RSA, "rsa")]})
    return issuer.token(OTHER_RSA, header={"jku": f"{issuer.url}/evil", "x5u": f"{issuer.url}/evil"})


def chain(_: LocalIssuer) -> list[str]:
    return [base64url(DER)]


ATTACKS: dict[str, Callable[[LocalIssuer], str]] = {
    "no algorithm": unsigned("none"),
    "no algorithm, in capitals": unsigned("None"),
    "an algorithm without its signature": unsigned("RS256"),
    "HMAC with the public key as PEM": confused(PEM),
    "HMAC with the public key as PEM, stripped": confused(PEM.strip()),
    "HMAC with the public key as DER": confused(DER),
    "HMAC with the public key as JWK": confused(json.dumps(jwk(RSA, "rsa")).encode()),
    "HMAC with nothing": confused(b""),
    "HMAC that says it is RSA": lambda issuer: forged({"alg": "RS256", "kid": "rsa"}, issuer.claims(), PEM),
    "another's key": signed(key=OTHER_RSA),
    "another's key, embedded": lambda issuer: issuer.token(OTHER_RSA, header={"jwk": jwk(OTHER_RSA, "rsa")}),
    "another's key, by URL": attacking_jku,
    "another's key, as a certificate": lambda issuer: issuer.token(OTHER_RSA, header={"x5c": chain(issuer)}),
    "a key id of a file": signed(key=OTHER_RSA, kid="../../dev/null"),
    "a key id of a query": signed(key=OTHER_RSA, kid="' or 1=1 --"),
    "a key of the issuer's, of another kind": signed(key=RSA, kid="p256"),
    "keys swapped": signed(key=P256, algorithm="ES256", kid="rsa"),
    "no key id where there are several keys": signed(key=OTHER_RSA, kid=None),
    "a signature cut short": changed(lambda parts: [*parts[:2], parts[2][:-8]]),
    "a signature of one character": changed(lambda parts: [*parts[:2], "A"]),
    "a signature of zeros": changed(lambda parts: [*parts[:2], "A" * len(parts[2])]),
    "a signature that is too long": changed(lambda parts: [*parts[:2], parts[2] + "AAAA"]),
    "a signature in standard base64": changed(lambda parts: [*parts[:2], parts[2][:-2] + "+/"]),
    "no signature": changed(lambda parts: [*parts[:2], ""]),
    "other claims": changed(with_claims),
    "other claims, without a signature": changed(lambda parts: [*with_claims(parts)[:2], ""]),
    "another header": changed(lambda parts: [base64url(b'{"alg":"RS256","kid":"rsa","typ":"JWT" }'), *parts[1:]]),
    "ended": signed(exp=NOW - 61, iat=NOW - 400),
    "never ends": signed(exp=None),
    "ends at a text": lambda issuer: forged({"alg": "RS256", "kid": "rsa"}, issuer.claims(exp="soon"), b"x"),
    "not yet": signed(nbf=NOW + 3600),
    "made in the future": signed(iat=NOW + 3600),
    "another issuer": signed(iss="https://evil.example.org"),
    "another issuer, with a slash": lambda issuer: issuer.token(iss=f"{issuer.url}/"),
    "no issuer": signed(iss=None),
    "another audience": signed(aud="another"),
    "other audiences": signed(aud=["another", "https://example.org"]),
    "no audience": signed(aud=None),
    "an audience that only begins so": signed(aud=f"{AUDIENCE}-2"),
    "another audience, and the client id": signed(aud="another", client_id=AUDIENCE),
    "another client id": signed(aud=None, client_id="another"),
    "the authorized party alone": signed(aud=None, azp=AUDIENCE),
    "no subject": signed(sub=None),
    "an empty subject": signed(sub=""),
    "a subject of line ends": signed(sub="ann\nbob"),
    "a long subject": signed(sub="x" * 256),
    "an ID token": signed(token_use="id"),
    "a refresh token": signed(token_use="refresh"),
    "a use that is no text": signed(token_use=["access"]),
    "critical members": lambda issuer: issuer.token(header={"crit": ["b64"], "b64": False}),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_nobody(issuer: LocalIssuer, attack: Callable[[LocalIssuer], str]) -> None:
    with issuer.admitted(algorithms=["RS256", "ES256"]):
        assert authentication.authenticate(issuer.token()) is not None
        asked = list(issuer.asked)
        assert authentication.authenticate(attack(issuer)) is None
    assert "/evil" not in issuer.asked
    assert issuer.asked == asked


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [AUDIENCE, "another"]},
        {"aud": None, "client_id": AUDIENCE},
        {"token_use": "access"},
        {"exp": -30, "iat": -400},
        {"nbf": 30},
        {"iat": 30},
        {"iat": None},
        {"sub": "auth0|5f7c8ec7c33c6c004bbafe82"},
        {"kid": "rsa", "header": {"typ": "at+jwt"}},
    ],
)
def test_what_is_as_it_should_be_is_admitted(issuer: LocalIssuer, changes: dict[str, Any]) -> None:
    now = int(time.time())
    times = {name: now + value for name, value in changes.items() if type(value) is int}
    with issuer.admitted():
        assert authentication.authenticate(issuer.token(**{**changes, **times})) is not None


def test_id_tokens_are_admitted_where_that_is_configured(issuer: LocalIssuer) -> None:
    with issuer.admitted(token_use=["id"]):
        assert authentication.authenticate(issuer.token(token_use="id")) is not None
        assert authentication.authenticate(issuer.token(token_use="access")) is None
        assert authentication.authenticate(issuer.token()) is None


def test_a_key_that_is_none_verifies_nothing(issuer: LocalIssuer) -> None:
    issuer.publish({**jwk(P256, "p256"), "x": base64url(b"x" * 32)}, {**jwk(ED25519, "ed"), "x": "AA"})
    with issuer.admitted(algorithms=["ES256", "EdDSA"]):
        assert authentication.authenticate(issuer.token(P256, "ES256", "p256")) is None
        assert authentication.authenticate(issuer.token(ED25519, "EdDSA", "ed")) is None


def test_without_a_key_id_the_only_key_is_meant(issuer: LocalIssuer) -> None:
    issuer.publish(jwk(RSA, None))
    with issuer.admitted():
        assert authentication.authenticate(issuer.token(kid=None)) is not None
        assert authentication.authenticate(issuer.token(OTHER_RSA, kid=None)) is None
        assert authentication.authenticate(issuer.token(kid="rsa")) is None


@pytest.mark.parametrize(
    ("members", "claims", "roles"),
    [
        ({}, {"roles": ["editor", "reader"]}, {"editor", "reader"}),
        ({}, {"roles": "editor reader"}, {"editor", "reader"}),
        ({}, {"roles": ["admin", "editor"]}, {"editor"}),
        ({}, {"roles": "admin"}, set()),
        ({}, {}, set()),
        ({}, {"roles": 5}, set()),
        ({}, {"roles": {"admin": True}}, set()),
        ({}, {"roles": [None, 5, "", "x" * 65, "ok"]}, {"ok"}),
        ({"roles": {"Staff": "editor"}}, {"roles": ["Staff", "editor", "admin"]}, {"editor"}),
        ({"roles": {"Owners": "admin"}}, {"roles": ["Owners"]}, {"admin"}),
        ({"roles": {}}, {"roles": ["editor"]}, set()),
        ({"roles_claim": "cognito:groups"}, {"cognito:groups": ["editor"]}, {"editor"}),
        ({"roles_claim": "realm_access.roles"}, {"realm_access": {"roles": ["editor"]}}, {"editor"}),
        ({"roles_claim": "https://example.org/roles"}, {"https://example.org/roles": ["editor"]}, {"editor"}),
        ({"roles_claim": "realm_access.roles"}, {"realm_access": "x"}, set()),
    ],
)
def test_roles_are_those_of_the_claim_and_only_a_mapping_makes_administrators(
    issuer: LocalIssuer, members: dict[str, Any], claims: dict[str, Any], roles: set[str]
) -> None:
    with issuer.admitted(**members):
        principal = authentication.authenticate(issuer.token(**claims))
    assert principal is not None
    assert principal.roles == roles


@pytest.mark.parametrize(
    ("members", "claims", "told"),
    [
        ({}, {"email": "a@b", "email_verified": True}, {"email": "a@b"}),
        ({}, {"email": "a@b", "email_verified": "true"}, {"email": "a@b"}),
        ({}, {"email": "a@b", "email_verified": False}, {}),
        ({}, {"email": "a@b"}, {}),
        ({"claims": ["tenant", "level"]}, {"tenant": "t", "level": 5, "email": "a@b", "email_verified": True},
         {"tenant": "t", "level": 5}),
        ({"claims": ["tenant"]}, {"tenant": {"a": 1}}, {}),
        ({"claims": ["tenant"]}, {"tenant": "x" * 600}, {}),
        ({"claims": ["tenants"]}, {"tenants": ["a", "b"]}, {"tenants": ["a", "b"]}),
        ({"claims": []}, {"tenant": "a"}, {}),
    ],
)  # fmt: skip
def test_rules_know_the_claims_that_are_configured_and_verified(
    issuer: LocalIssuer, members: dict[str, Any], claims: dict[str, Any], told: dict[str, Any]
) -> None:
    with issuer.admitted(**members):
        principal = authentication.authenticate(issuer.token(**claims))
    assert principal is not None
    assert dict(principal.claims) == told
    assert Principal.from_context(principal.to_context()) == principal


def test_claims_do_not_pose_as_what_portico_says(issuer: LocalIssuer) -> None:
    with issuer.admitted(claims=["id", "roles", "kind"]):
        principal = authentication.authenticate(issuer.token(id="root", kind="key", roles="x"))
    assert principal is not None
    assert (principal.auth["id"], principal.auth["kind"], principal.auth["roles"]) == ("local|ann", "user", ("x",))


def test_the_keys_are_fetched_once(issuer: LocalIssuer) -> None:
    with issuer.admitted():
        for _ in range(5):
            assert authentication.authenticate(issuer.token()) is not None
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


def test_the_keys_are_fetched_once_by_many_at_once(issuer: LocalIssuer) -> None:
    token = issuer.token()
    with issuer.admitted(), ThreadPoolExecutor(8) as pool:
        assert None not in list(pool.map(authentication.authenticate, [token] * 16))
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


def test_a_key_that_is_not_known_is_looked_for_once_a_minute(issuer: LocalIssuer, clock: Clock) -> None:
    token = issuer.token(OTHER_RSA, kid="new")
    with issuer.admitted():
        assert authentication.authenticate(issuer.token()) is not None
        issuer.publish(jwk(OTHER_RSA, "new"))
        for number in range(20):
            assert authentication.authenticate(issuer.token(OTHER_RSA, kid=f"{number}")) is None
            assert authentication.authenticate(token) is None
        assert len(issuer.asked) == 2
        clock.move(issuers.REFRESH_SECONDS)
        assert authentication.authenticate(token) is not None
        assert authentication.authenticate(issuer.token()) is None  # the old key is gone
        assert len(issuer.asked) == 4


def test_a_key_that_the_issuer_has_withdrawn_is_forgotten_within_the_hour(issuer: LocalIssuer, clock: Clock) -> None:
    with issuer.admitted():
        assert authentication.authenticate(issuer.token()) is not None
        issuer.publish(jwk(OTHER_RSA, "new"))
        clock.move(issuers.FRESH_SECONDS)
        assert authentication.authenticate(issuer.token()) is None


def test_an_issuer_that_is_away_is_asked_again_and_its_keys_are_used_meanwhile(
    issuer: LocalIssuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    good = dict(issuer.answers)
    issuer.answers.clear()
    with issuer.admitted():
        for _ in range(5):
            assert authentication.authenticate(issuer.token()) is None
        assert len(issuer.asked) == 1
        assert "cannot be fetched" in caplog.text
        issuer.answers.update(good)
        clock.move(issuers.RETRY_SECONDS)
        assert authentication.authenticate(issuer.token()) is not None
        issuer.answers.clear()
        clock.move(issuers.FRESH_SECONDS)
        assert authentication.authenticate(issuer.token()) is not None
        clock.move(issuers.STALE_SECONDS)
        assert authentication.authenticate(issuer.token()) is None


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example.org", "jwks_uri": "{url}/keys"},
        {"jwks_uri": "{url}/keys"},
        {"issuer": "{url}"},
        {"issuer": "{url}", "jwks_uri": "http://example.org/keys"},
        {"issuer": "{url}", "jwks_uri": "file:///etc/passwd"},
        {"issuer": "{url}", "jwks_uri": 5},
        {"issuer": "{url}", "jwks_uri": "{url}/nothing"},
        {"issuer": "{url}", "jwks_uri": "{url}/list"},
        {"issuer": "{url}", "jwks_uri": "{url}/many"},
        {"issuer": "{url}", "jwks_uri": "{url}/junk"},
        [],
        None,
    ],
)
def test_a_discovery_document_that_is_none(
    issuer: LocalIssuer, document: Any, caplog: pytest.LogCaptureFixture
) -> None:
    text = json.dumps(document).replace("{url}", issuer.url).encode()
    issuer.answers["/.well-known/openid-configuration"] = (200, {}, text)
    issuer.answers["/list"] = (200, {}, [jwk(RSA, "rsa")])
    issuer.answers["/many"] = (200, {}, {"keys": [jwk(RSA, "rsa")] * 101})
    issuer.answers["/junk"] = (200, {}, {"keys": [None, 5, {"kty": "RSA"}]})
    with issuer.admitted():
        assert authentication.authenticate(issuer.token()) is None
    assert "Traceback" not in caplog.text


def test_without_issuers_none_is_asked(issuer: LocalIssuer) -> None:
    with settings.override(issuers=""):
        assert authentication.authenticate(issuer.token()) is None
    assert issuer.asked == []


def test_on_aws_an_issuer_has_to_have_tls(issuer: LocalIssuer, caplog: pytest.LogCaptureFixture) -> None:
    with settings.override(stage="prod", issuers=issuer.setting()):
        assert authentication.authenticate(issuer.token()) is None
    assert issuer.asked == []
    assert "not an https URL" in caplog.text


GOOD = {"issuer": "https://login.example.org", "audiences": ["a"]}


def test_an_issuer_has_defaults() -> None:
    made = parse(json.dumps([GOOD]))["https://login.example.org"]
    assert (made.name, made.roles_claim, made.roles, made.claims) == ("login.example.org", "roles", None, ("email",))
    assert made.algorithms == {"RS256", "ES256"}
    assert made.discovery == "https://login.example.org/.well-known/openid-configuration"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{}",
        "5",
        "[5]",
        json.dumps([{}]),
        json.dumps([{"audiences": ["a"]}]),
        json.dumps([{"issuer": GOOD["issuer"]}]),
        json.dumps([{**GOOD, "issuer": "http://login.example.org"}]),
        json.dumps([{**GOOD, "issuer": 5}]),
        json.dumps([{**GOOD, "audiences": []}]),
        json.dumps([{**GOOD, "audiences": [""]}]),
        json.dumps([{**GOOD, "audiences": [5]}]),
        json.dumps([{**GOOD, "algorithms": ["HS256"]}]),
        json.dumps([{**GOOD, "algorithms": ["none"]}]),
        json.dumps([{**GOOD, "algorithms": []}]),
        json.dumps([{**GOOD, "name": "a|b"}]),
        json.dumps([{**GOOD, "name": ""}]),
        json.dumps([{**GOOD, "roles": ["admin"]}]),
        json.dumps([{**GOOD, "roles": {"a": 5}}]),
        json.dumps([{**GOOD, "roles_claim": 5}]),
        json.dumps([{**GOOD, "claims": ["x"] * 21}]),
        json.dumps([{**GOOD, "discovery": "http://127.0.0.1/x"}]),
        json.dumps([{**GOOD, "strange": 1}]),
        json.dumps([GOOD, GOOD]),
        json.dumps([GOOD, {**GOOD, "issuer": "https://other.example.org", "name": "login.example.org"}]),
    ],
)
def test_a_setting_that_cannot_be_used_admits_nobody_and_says_why(text: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InvalidIssuers):
        parse(text)
    issuers.configured.cache_clear()
    with caplog.at_level(logging.ERROR):
        assert issuers.configured(text, loopback=False) == {}
        assert issuers.configured(text, loopback=False) == {}
    assert caplog.text.count("PORTICO_ISSUERS cannot be used") == 1
