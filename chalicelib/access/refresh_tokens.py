"""Refresh tokens: opaque, for one use each, in families that end when one of them is used twice.

A family is one session of a user. Its item has the hash of the token that is good now and of the one before. The next
token follows from the one before it and a secret of the service, so that a client that repeats a refresh within
``GRACE_SECONDS``, because its answer was lost or two windows asked at once, is given the same one again.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from typing import Any, NamedTuple

from chalicelib.access import clock, opaque, secret_store, users
from chalicelib.access.users import User
from chalicelib.collections import ids
from chalicelib.dynamo.errors import ConditionFailed
from chalicelib.dynamo.expressions import Condition
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main
from chalicelib.errors import InvalidToken

log = logging.getLogger(__name__)

SECONDS = 30 * 24 * 3600
"""How long a token is good that is not used."""
GRACE_SECONDS = 10
_PREFIX = "pr"
_FORM = opaque.form(_PREFIX, "[0-9a-f]{24}", "[0-9a-f]{16}")


class Session(Model, table=main):
    """A stored family. ``generation`` is the user's when it began; ``rotated_at`` is in Unix seconds."""

    user: Attr[str]
    id: Attr[str]
    hash: Attr[str]
    previous: Attr[str | None] = field(default=None)
    rotated_at: Attr[int] = field(default=0)
    generation: Attr[int]
    created_at: Attr[str]
    ends_at: Attr[int] = field(name="_ttl")
    key = Key(pk="session#{user}", sk="{id}")


class _Known(NamedTuple):
    """A well-formed token: whose it says it is, and what would be stored of it."""

    user: str
    session: str
    digest: str

    @property
    def key(self) -> dict[str, Any]:
        return {"user": self.user, "id": self.session}

    @property
    def is_good(self) -> Condition:
        """That the stored family has it, as the one that is good now or the one before."""
        return (Session.hash == self.digest) | (Session.previous == self.digest)


def begin(user: User) -> str:
    """Begin a session; its first token. One call."""
    session = secrets.token_hex(8)
    text = opaque.make(_PREFIX, user.id, session)
    Session(
        user=user.id,
        id=session,
        hash=opaque.digest(text),
        generation=user.generation,
        created_at=ids.timestamp(),
        ends_at=int(clock.now()) + SECONDS,
    ).create()
    return text


def rotate(text: str) -> tuple[User, str]:
    """The user of a token, and the token that takes its place. Two calls; none for a text that is no token.

    Raises:
        InvalidToken: it is none, has ended, or was used before, which ends its family (401).
    """
    known = _known(text)
    following = opaque.make(
        _PREFIX, known.user, known.session, secret=hmac.digest(secret_store.get("refresh"), text.encode(), "sha256")
    )
    session = _rotated(known, following)
    user = User.get(consistent=True, id=known.user)
    if user is None or user.disabled or user.generation != session.generation:
        Session.delete(**known.key)
        raise InvalidToken
    return user, following


def _rotated(known: _Known, following: str) -> Session:
    now, new = int(clock.now()), opaque.digest(following)
    try:
        return (
            Session.update(**known.key)
            .set(Session.hash, new)
            .set(Session.previous, known.digest)
            .set(Session.rotated_at, now)
            .set(Session.ends_at, now + SECONDS)
            .when((Session.hash == known.digest) & (Session.ends_at > now))
            .run()
        )
    except ConditionFailed as error:
        session = None if error.item is None else Session.from_item(error.item)
    if session is None:
        raise InvalidToken
    if (session.hash, session.previous) == (new, known.digest) and now - session.rotated_at <= GRACE_SECONDS:
        return session
    if session.ends_at > now:
        log.warning("A refresh token of the user %s was used twice; its session is ended", known.user)
    Session.delete(**known.key)
    raise InvalidToken


def end(text: str, *, everywhere: bool = False) -> None:
    """End the session that a token is of, or all of its user's.

    One that is over already is none the less over.

    Raises:
        InvalidToken: all were to end, and the token is not good (401).
    """
    try:
        known = _known(text)
        ended = Session.delete(when=known.is_good, **known.key)
    except (InvalidToken, ConditionFailed):
        ended = None
    if everywhere:
        if ended is None:
            raise InvalidToken
        users.end_sessions(ended.user)


def _known(text: str) -> _Known:
    found = opaque.ids_of(text, _FORM)
    if found is None:
        raise InvalidToken
    user, session = found
    return _Known(user, session, opaque.digest(text))
