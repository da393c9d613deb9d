"""Cursors: a position in a listing, signed, and bound to the listing and the caller.

``base64url(position ‖ first 16 bytes of HMAC-SHA256(secret, listing ‖ caller ‖ position))``.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from chalicelib.access import secret_store
from chalicelib.access.principals import Principal
from chalicelib.errors import InvalidCursor

_TAG_BYTES = 16


def dump(position: str | None, listing: str, principal: Principal) -> str | None:
    """The cursor of a position; None at the end, where there is none."""
    if position is None:
        return None
    content = position.encode()
    return urlsafe_b64encode(content + _tag(content, listing, principal)).decode().rstrip("=")


def load(cursor: str | None, listing: str, principal: Principal) -> str | None:
    """The position of a cursor; None without one.

    Raises:
        InvalidCursor: it is not one that ``dump`` made for this listing and this caller (400).
    """
    if cursor is None:
        return None
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        content, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
        position = content.decode()
    except (Base64Error, ValueError):
        raise InvalidCursor from None
    if not position or not hmac.compare_digest(tag, _tag(content, listing, principal)):
        raise InvalidCursor
    return position


def _tag(content: bytes, listing: str, principal: Principal) -> bytes:
    bound = f"{listing}\0{principal.id}\0".encode() + content
    return hmac.digest(secret_store.get("cursor"), bound, "sha256")[:_TAG_BYTES]
