"""The ids of imported rows: a row of a file has the same one at every import of it."""

from __future__ import annotations

import hashlib
import uuid

ROWS_PER_MILLISECOND = 4096
"""What the 12 bits of ``rand_a`` count."""


def row_id(base_ms: int, index: int, content: bytes) -> str:
    """A UUIDv7 (RFC 9562, 5.7) that depends on the arguments alone and grows with ``index``.

    ``base_ms`` is the file's time in Unix milliseconds, ``index`` the row's place in the file (from 0), ``content``
    the row's bytes. Places are told apart by the time and ``rand_a`` (its permitted use as a counter, RFC 9562,
    6.2, method 1); ``rand_b`` tells files apart.
    """
    milliseconds, counter = divmod(index, ROWS_PER_MILLISECOND)
    digest = hashlib.sha256(b"%d\n%b" % (index, content)).digest()
    tail = int.from_bytes(digest[:8], "big") >> 2
    time = (base_ms + milliseconds) & (1 << 48) - 1
    return str(uuid.UUID(int=time << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | tail))
