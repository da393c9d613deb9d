"""Tokens that are good for one use: an invitation, a password's reset. Only their hashes are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.access import clock, opaque
from chalicelib.collections import ids
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main

if TYPE_CHECKING:
    from chalicelib.dynamo.transactions import Transaction

INVITATION, RESET = "invitation", "reset"
_PREFIXES = {INVITATION: "pi", RESET: "pw"}
_FORMS = {purpose: opaque.form(prefix) for purpose, prefix in _PREFIXES.items()}


class OneTimeToken(Model, table=main):
    """A stored token: whom it is for, and what it gives."""

    hash: Attr[str]
    purpose: Attr[str]
    user: Attr[str | None] = field(default=None)
    email: Attr[str | None] = field(default=None)
    roles: Attr[list[str]] = field(default=list)
    created_at: Attr[str]
    ends_at: Attr[int] = field(name="_ttl")
    key = Key(pk="one-time#{hash}", sk="-")

    def use(self, transaction: Transaction) -> None:
        """Take it, so that nobody else can."""
        there = (OneTimeToken.purpose == self.purpose) & (OneTimeToken.ends_at > int(clock.now()))
        transaction.delete(OneTimeToken, when=there, hash=self.hash)


def make(
    purpose: str, seconds: int, *, user: str | None = None, email: str | None = None, roles: Sequence[str] = ()
) -> tuple[str, OneTimeToken]:
    """A new token, which is nowhere else and cannot be had again, and what is stored of it. One call."""
    text = opaque.make(_PREFIXES[purpose])
    token = OneTimeToken(
        hash=opaque.digest(text),
        purpose=purpose,
        user=user,
        email=email,
        roles=list(roles),
        created_at=ids.timestamp(),
        ends_at=int(clock.now()) + seconds,
    )
    token.create()
    return text, token


def find(text: str, purpose: str) -> OneTimeToken | None:
    """The token of a text, if it is good for this. One call for a well-formed one, none for any other text."""
    if opaque.ids_of(text, _FORMS[purpose]) is None:
        return None
    token = OneTimeToken.get(consistent=True, hash=opaque.digest(text))
    return token if token is not None and token.purpose == purpose and token.ends_at > clock.now() else None
