"""API keys: ``pk_<id>_<secret><checksum>``, of which only a hash is stored.

The checksum (CRC-32 of all before it) lets a mistyped key be refused without asking the table. The secret has 256
random bits, so a plain SHA-256 is enough to keep it.
"""

from __future__ import annotations

import hmac
import re
import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256

from chalicelib import settings
from chalicelib.access.principals import ADMIN, Principal
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main

_FORM = re.compile(r"pk_([0-9a-z]{12})_([0-9A-Za-z_-]{43})([0-9a-f]{8})")


class ApiKey(Model, table=main):
    """A stored key. ``hash`` is the SHA-256 of the whole key text, in hexadecimal."""

    id: Attr[str] = field(name="sk")
    hash: Attr[str]
    name: Attr[str]
    roles: Attr[list[str]]
    created_at: Attr[str]
    key = Key(pk="key", sk="{id}")


@dataclass(frozen=True)
class NewKey:
    """A key just made. ``secret`` is the whole key text, which is nowhere else and cannot be had again."""

    id: str
    secret: str


def create(*, roles: tuple[str, ...] = (ADMIN,), name: str = "", secret: str | None = None) -> NewKey:
    """Make a key, or store again one whose text is known.

    Raises:
        ValueError: ``secret`` is given and is not the text of a key.
    """
    if secret is None:
        body = f"pk_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"
        secret = body + _checksum(body)
    key_id = _id_of(secret)
    if key_id is None:
        raise ValueError("this is not the text of a key")
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    ApiKey(id=key_id, hash=_digest(secret), name=name, roles=list(roles), created_at=now).put()
    return NewKey(key_id, secret)


def of_header(header: str) -> Principal | None:
    """The principal of an ``Authorization: Bearer <key>`` header's value (RFC 6750, 2.1), or None."""
    scheme, _, token = header.partition(" ")
    return authenticate(token.strip()) if scheme.lower() == "bearer" else None


def authenticate(token: str) -> Principal | None:
    """The principal whose key this is, or None. One read for a well-formed key, none for any other text."""
    configured = settings.current().admin_key
    if configured is not None and hmac.compare_digest(token.encode(), configured.encode()):
        return Principal("key:configured", "key", frozenset({ADMIN}))
    key_id = _id_of(token)
    if key_id is None:
        return None
    stored = ApiKey.get(consistent=True, id=key_id)
    if stored is None or not hmac.compare_digest(stored.hash, _digest(token)):
        return None
    return Principal(f"key:{key_id}", "key", frozenset(stored.roles))


def _id_of(token: str) -> str | None:
    match = _FORM.fullmatch(token)
    if match is None or not hmac.compare_digest(match[3], _checksum(token[: match.start(3)])):
        return None
    return match[1]


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
