"""Who calls: the one function that makes a principal of a token, whatever kind of token it is."""

from __future__ import annotations

from chalicelib import settings
from chalicelib.access import keys
from chalicelib.access.principals import Principal


def of_header(header: str) -> Principal | None:
    """The principal of an ``Authorization: Bearer <token>`` header's value (RFC 6750, 2.1), or None."""
    scheme, _, token = header.partition(" ")
    return authenticate(token.strip()) if scheme.lower() == "bearer" else None


def authenticate(token: str) -> Principal | None:
    """The principal whose API key or JSON Web Token this is, or None. Malformed ones take no call of the table.

    A JWT is admitted if it is Portico's own or that of an issuer in ``PORTICO_ISSUERS``.

    Raises:
        StoreUnavailable: the table that has the keys cannot be asked (503).
    """
    try:
        principal = keys.authenticate(token)
    except UnicodeEncodeError:  # half a surrogate pair, which no header and no JSON can have
        return None
    if principal is not None or token.count(".") != 2:  # noqa: PLR2004 - header.claims.signature
        return principal
    from chalicelib.access import tokens  # noqa: PLC0415 - API keys do without

    parsed = tokens.parse(token)
    if parsed is None:
        return None
    if parsed.claims.get("iss") == settings.current().own_issuer:
        from chalicelib.access import access_tokens  # noqa: PLC0415

        return access_tokens.authenticate(parsed)
    if not settings.current().issuers:
        return None
    from chalicelib.access import issuers  # noqa: PLC0415

    return issuers.authenticate(parsed)
