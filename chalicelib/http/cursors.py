"""Cursors: a position in a listing, encrypted, and bound to the listing and the caller.

A position has the id, and by an index the value, of a record that the caller may not be allowed to see. A cursor is
``base64url(tag ‖ position ⊕ SHAKE-256(secret ‖ tag))``, its tag the first 16 bytes of ``HMAC-SHA256(secret, listing ‖
caller ‖ position)``: as in SIV (RFC 5297) the tag is both the authentication and the nonce.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hashlib import shake_256

from chalicelib.access import secret_store
from chalicelib.access.principals import Principal
from chalicelib.errors import InvalidCursor

_TAG_BYTES = 16


def dump(position: str | None, listing: str, principal: Principal) -> str | None:
    """The cursor of a position; None at the end, where there is none."""
    if position is None:
        return None
    content = position.encode()
    tag = _tag(content, listing, principal)
    return urlsafe_b64encode(tag + _masked(content, tag)).decode().rstrip("=")


def load(cursor: str | None, listing: str, principal: Principal) -> str | None:
    """The position of a cursor; None without one.

    Raises:
        InvalidCursor: it is not one that ``dump`` made for this listing and this caller (400).
    """
    if cursor is None:
        return None
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (Base64Error, ValueError):
        raise InvalidCursor from None
    tag = raw[:_TAG_BYTES]
    content = _masked(raw[_TAG_BYTES:], tag)
    if not content or not hmac.compare_digest(tag, _tag(content, listing, principal)):
        raise InvalidCursor
    return content.decode()


def _tag(content: bytes, listing: str, principal: Principal) -> bytes:
    bound = f"{listing}\0{principal.id}\0".encode() + content
    return hmac.digest(secret_store.get("cursor"), bound, "sha256")[:_TAG_BYTES]


def _masked(content: bytes, tag: bytes) -> bytes:
    """The content encrypted, or decrypted."""
    length = len(content)
    stream = shake_256(secret_store.get("cursor") + tag).digest(length)
    return (int.from_bytes(content, "big") ^ int.from_bytes(stream, "big")).to_bytes(length, "big")
