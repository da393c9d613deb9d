"""The keys that Portico signs its own tokens with: made on first need, kept in the table, replaced without a gap.

A new key is published at once and signs after ``PUBLISHED_BEFORE`` seconds, when everyone has seen it. The key before
it is kept until the last token that it signed has ended.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from chalicelib.access import clock
from chalicelib.access.tokens import LEEWAY, PublicKey
from chalicelib.collections import ids
from chalicelib.dynamo.errors import ConditionFailed, TransactionFailed
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main
from chalicelib.errors import WriteContention

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ALGORITHM = "ES256"
TOKEN_SECONDS = 15 * 60
"""How long a token lives that one of these keys signs."""
PUBLISHED_BEFORE = 300
"""Seconds from a key's publication to its first signature; no process and no client keeps the published keys longer."""
CACHE_SECONDS = 60
RELOAD_SECONDS = 5
"""How soon a process looks again for a key that it does not know."""


class SigningKey(Model, table=main):
    """A stored key. ``private`` is PEM (PKCS #8), ``public`` a JWK; ``signs_from`` and ``ends_at`` are Unix seconds."""

    number: Attr[int]
    kid: Attr[str]
    private: Attr[str] = field(hidden=True)
    public: Attr[dict[str, str]]
    created_at: Attr[str]
    signs_from: Attr[int]
    ends_at: Attr[int | None] = field(name="_ttl", default=None)
    key = Key(pk="signing-key", sk="{number}")

    @property
    def has_ended(self) -> bool:
        """Whether no token can be left that it signed."""
        return self.ends_at is not None and self.ends_at <= clock.now()


@dataclass(frozen=True)
class Keys:
    """The keys that a process knows, the newest first."""

    stored: tuple[SigningKey, ...]
    loaded_at: float

    @cached_property
    def public(self) -> dict[str, PublicKey]:
        """Those to verify with, by their id."""
        made = {key.kid: PublicKey.from_jwk(key.public) for key in self.stored}
        return {kid: key for kid, key in made.items() if key is not None}

    @property
    def signing(self) -> SigningKey | None:
        """The one to sign with: the newest that has been published for long enough."""
        return next((key for key in self.stored if key.signs_from <= clock.now()), None)

    @cached_property
    def private(self) -> dict[str, EllipticCurvePrivateKey]:
        """Those to sign with, by their id, as far as they were needed."""
        return {}


_cache: dict[str, Keys] = {}


def known(*, older_than: float = CACHE_SECONDS) -> Keys:
    """The keys, read anew if what this process knows is older than so many seconds."""
    found = _cache.get(main.name)
    if found is not None and not found.stored:
        older_than = min(older_than, RELOAD_SECONDS)
    if found is None or clock.now() - found.loaded_at >= older_than:
        stored = SigningKey.query().consistent().descending().all()
        found = Keys(tuple(key for key in stored if not key.has_ended), clock.now())
        _cache[main.name] = found
    return found


def find(kid: str | None) -> PublicKey | None:
    """The key with this id."""
    if kid is None:
        return None
    return known().public.get(kid) or known(older_than=RELOAD_SECONDS).public.get(kid)


def signing() -> tuple[str, EllipticCurvePrivateKey]:
    """The id and the private part of the key to sign with, made if there is none yet."""
    keys = known() if known().signing is not None else _with_first()
    key = keys.signing
    if key is None:  # a clock stands wrong: sign with what there is
        key = keys.stored[-1]
    if key.kid not in keys.private:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

        keys.private[key.kid] = load_pem_private_key(key.private.encode(), None)  # type: ignore[assignment]
    return key.kid, keys.private[key.kid]


def published() -> list[dict[str, str]]:
    """The public keys, as a JWK Set has them (RFC 7517, 5)."""
    keys = known() if known().stored else _with_first()
    return [{**key.public, "kid": key.kid, "use": "sig", "alg": ALGORITHM} for key in keys.stored]


def rotate(*, revoke: bool = False) -> SigningKey:
    """Make a new key and let the others end with their last token.

    With ``revoke`` it signs at once and the others are deleted, with all tokens that they signed: within a minute
    no process admits them. That is for a key that somebody else has.

    Raises:
        WriteContention: another process does the same at this moment (409).
    """
    from chalicelib.dynamo.transactions import Transaction  # noqa: PLC0415

    others = known(older_than=0).stored
    now = int(clock.now())
    new = _made(others[0].number + 1 if others else 1, now if revoke or not others else now + PUBLISHED_BEFORE)
    transaction = Transaction()
    transaction.create(new)
    for key in others:
        if revoke:
            transaction.delete(SigningKey, number=key.number)
        elif key.ends_at is None:
            end = new.signs_from + TOKEN_SECONDS + LEEWAY
            transaction.update(SigningKey.update(number=key.number).set(SigningKey.ends_at, end))
    try:
        transaction.run()
    except TransactionFailed:
        raise WriteContention from None
    _cache.pop(main.name, None)
    return new


def _with_first() -> Keys:
    """The keys, of which the first is made now or was just made by another process."""
    if not known(older_than=0).stored:
        with suppress(ConditionFailed):  # another process was first
            _made(1, int(clock.now())).create()
    return known(older_than=0)


def _made(number: int, signs_from: int) -> SigningKey:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - only new keys need it
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    public = {"kty": "EC", "crv": "P-256", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SigningKey(
        number=number,
        kid=_thumbprint(public),
        private=pem.decode(),
        public=public,
        created_at=ids.timestamp(),
        signs_from=signs_from,
    )


def _thumbprint(public: dict[str, Any]) -> str:
    """RFC 7638: the SHA-256 of the required members in their order."""
    return _base64url(sha256(orjson.dumps(public, option=orjson.OPT_SORT_KEYS)).digest())


def _coordinate(number: int) -> str:
    return _base64url(number.to_bytes(32, "big"))


def _base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")
