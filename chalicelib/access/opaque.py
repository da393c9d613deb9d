"""Opaque tokens: ``<prefix>_<ids…>_<secret><checksum>``, of which only a hash is stored.

As with API keys, the checksum (CRC-32 of all before it) lets a damaged token be refused without asking the table, and
the secret has 256 bits, so that a plain SHA-256 is enough to keep it.
"""

from __future__ import annotations

import re
import secrets
import zlib
from base64 import urlsafe_b64encode
from hashlib import sha256

_END = r"_([0-9A-Za-z_-]{43})([0-9a-f]{8})"


def make(prefix: str, *ids: str, secret: bytes | None = None) -> str:
    """A token with these ids in it, and 256 bits that are random unless given."""
    chosen = secrets.token_bytes(32) if secret is None else secret
    body = "_".join([prefix, *ids, urlsafe_b64encode(chosen).decode().rstrip("=")])
    return body + _checksum(body)


def form(prefix: str, *ids: str) -> re.Pattern[str]:
    """The form of such tokens, each id given as a regular expression; for ``ids_of``."""
    return re.compile("_".join([prefix, *(f"({each})" for each in ids)]) + _END)


def ids_of(token: str, expected: re.Pattern[str]) -> tuple[str, ...] | None:
    """The ids in a token of this form, None for any other text."""
    match = expected.fullmatch(token)
    if match is None or match[match.lastindex or 0] != _checksum(token[:-8]):
        return None
    return match.groups()[:-2]


def digest(token: str) -> str:
    """What is stored of a token."""
    return sha256(token.encode()).hexdigest()


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
