"""Portico's own access tokens: JWTs (RFC 9068) that its built-in users sign in for."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from chalicelib import settings
from chalicelib.access import clock, signing_keys, tokens
from chalicelib.access.principals import Principal
from chalicelib.access.signing_keys import ALGORITHM, TOKEN_SECONDS

if TYPE_CHECKING:
    from chalicelib.access.tokens import Token
    from chalicelib.access.users import User

TYPE = "at+jwt"
"""RFC 9068, 2.1: what tells an access token from every other JWT of the same issuer."""
_ALGORITHMS = frozenset({ALGORITHM})


def issue(user: User) -> str:
    """An access token of a user, good for 15 minutes. It says who they are and what roles they have."""
    import jwt  # noqa: PLC0415 - it loads all of cryptography

    kid, private = signing_keys.signing()
    issuer, now = settings.current().own_issuer, int(clock.now())
    claims = {
        "iss": issuer,
        "aud": issuer,
        "sub": user.id,
        "iat": now,
        "exp": now + TOKEN_SECONDS,
        "jti": secrets.token_hex(16),
        "roles": user.roles,
        "email": user.email,
        "email_verified": user.verified,
    }
    return jwt.encode(claims, private, ALGORITHM, headers={"kid": kid, "typ": TYPE})


def authenticate(token: Token) -> Principal | None:
    """The user whose token this is, None if it is not genuine. No call, once the keys are known."""
    issuer, claims = settings.current().own_issuer, token.claims
    if token.header.get("typ") != TYPE or claims.get("aud") != issuer:
        return None
    key = signing_keys.find(token.kid)
    if key is None or not tokens.is_genuine(token, key, issuer=issuer, algorithms=_ALGORITHMS):
        return None
    told = (("email", claims["email"]),) if claims.get("email_verified") is True else ()
    return Principal(f"user:{claims['sub']}", "user", frozenset(claims["roles"]), claims=told)
