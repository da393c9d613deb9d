"""Passwords: what they may be, and their argon2id hashes, which are all that is stored of them."""

from __future__ import annotations

import unicodedata

MIN_CHARACTERS, MAX_CHARACTERS = 10, 256
RULE = f"is not a text of {MIN_CHARACTERS} to {MAX_CHARACTERS} characters"
TIME, MEMORY, LANES = 2, 19 * 1024, 1
"""Passes, KiB and lanes: OWASP's second choice, 19 MiB, so that the smallest function hashes several side by side.

https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""
_SALT_BYTES, _HASH_BYTES = 16, 32  # RFC 9106, 4
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$8l68lsqVKYyRvzs8zYuN2g$utiOcEzfKwAiyqmw3rpsJ8DozvHqDei1zCNrYil5HHY"
"""Verified where there is no such user, so that this takes as long as a wrong password. Nobody knows one for it."""


def is_admissible(password: str) -> bool:
    """Whether a new password may be this: length is what counts (NIST SP 800-63B, 3.1.1.2)."""
    return MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS


def digest(password: str) -> str:
    """The hash of a password, with its salt and parameters (the PHC string format)."""
    import secrets  # noqa: PLC0415

    from argon2.low_level import Type, hash_secret  # noqa: PLC0415 - it loads a C library

    salt = secrets.token_bytes(_SALT_BYTES)
    return hash_secret(_bytes(password), salt, TIME, MEMORY, LANES, _HASH_BYTES, Type.ID).decode()


def matches(password: str, stored: str | None) -> bool:
    """Whether the password has the stored hash. Without one it never does, and that takes as long to find out."""
    from argon2.exceptions import Argon2Error, InvalidHashError  # noqa: PLC0415
    from argon2.low_level import Type, verify_secret  # noqa: PLC0415

    try:
        verify_secret((stored or _NOBODYS).encode(), _bytes(password), Type.ID)
    except (Argon2Error, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with other parameters than new ones are."""
    return not stored.startswith(f"$argon2id$v=19$m={MEMORY},t={TIME},p={LANES}$")


def _bytes(password: str) -> bytes:
    """The same bytes however a keyboard composes its accents (RFC 8265, 4.2.2)."""
    return unicodedata.normalize("NFC", password).encode()
