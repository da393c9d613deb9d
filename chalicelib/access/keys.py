"""API keys: ``pk_<id>_<secret><checksum>``, of which only a hash is stored; and whose a key is.

A key has one secret, or two while the one before its rotation is still good. What administrators do with keys is in
``keyring``, which the authorizer does without.
"""

from __future__ import annotations

import hmac
import random
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chalicelib import settings
from chalicelib.access import clock, moments, opaque
from chalicelib.access.guesses import Guesses
from chalicelib.access.principals import ADMIN, Principal
from chalicelib.collections import ids
from chalicelib.dynamo.errors import DynamoError
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main
from chalicelib.errors import StoreUnavailable

ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
ID_RULE = "A key's id is 1 to 40 of a-z, 0-9 and '-', with a letter or a digit at both ends."
CONFIGURED = "configured"
"""What stands for an id of ``PORTICO_ADMIN_KEY``; no stored key has it."""
PREFIX = "pk"
LAST_USE_SECONDS = 3600
"""How exact ``last_used_at`` is, and how often at most it costs a call."""
BLUR_SECONDS = 0.005
"""The most that a refusal takes longer than it has to: reading a stored item takes some 20 us more than finding none,
and the few guesses of an id that are looked up do not show that through this."""
_FORM = opaque.form(PREFIX, ID.pattern)
_NOBODYS = "0" * 64
"""What a secret is compared with where none is stored: no text is known to have this hash."""
_MAX_NOTED = 10_000


class ApiKey(Model, table=main):
    """A stored key. The hashes are SHA-256 of whole key texts, in hexadecimal; moments are Unix seconds.

    ``previous_hash`` is of the secret before the last rotation, good until ``previous_ends_at``. ``version`` grows with
    every change that somebody made: ``last_used_at`` is none.
    """

    id: Attr[str] = field(name="sk")
    hash: Attr[str] = field(hidden=True)
    name: Attr[str]
    roles: Attr[list[str]]
    created_at: Attr[str]
    updated_at: Attr[str | None] = field(default=None)
    version: Attr[int] = field(name="_version", default=1)
    scopes: Attr[list[str] | None] = field(default=None)
    plan: Attr[str | None] = field(default=None)
    expires_at: Attr[int | None] = field(default=None)
    previous_hash: Attr[str | None] = field(default=None, hidden=True)
    previous_ends_at: Attr[int | None] = field(default=None)
    rotated_at: Attr[str | None] = field(default=None)
    last_used_at: Attr[int | None] = field(default=None)
    key = Key(pk="key", sk="{id}")

    @property
    def has_expired(self) -> bool:
        """Whether it is good for nothing any more."""
        return self.expires_at is not None and self.expires_at <= clock.now()

    @property
    def has_two_secrets(self) -> bool:
        """Whether the secret before the last rotation is still good."""
        return self.previous_ends_at is not None and self.previous_ends_at > clock.now()

    def document(self) -> dict[str, Any]:
        """The key as the API shows it: nothing of its secrets."""
        return {
            "id": self.id,
            "name": self.name,
            "roles": self.roles,
            "scopes": self.scopes,
            "plan": self.plan,
            "expires_at": moments.shown(self.expires_at),
            "version": self.version,
            "created_at": self.created_at,
            "updated_at": self.updated_at or self.created_at,
            "rotated_at": self.rotated_at,
            "previous_until": moments.shown(self.previous_ends_at) if self.has_two_secrets else None,
            "last_used_at": moments.shown(self.last_used_at),
        }


@dataclass(frozen=True)
class NewKey:
    """A key just made. ``secret`` is the whole key text, which is nowhere else and cannot be had again."""

    id: str
    secret: str


def new_id() -> str:
    """An id for a key whose maker has none for it."""
    return secrets.token_hex(6)


def new_secret(key_id: str) -> str:
    """The text of a key with this id."""
    return opaque.make(PREFIX, key_id)


def create(
    *,
    roles: tuple[str, ...] = (ADMIN,),
    name: str = "",
    secret: str | None = None,
    scopes: tuple[str, ...] | None = None,
    plan: str | None = None,
) -> NewKey:
    """Make a key, or store again one whose text is known: for who has the table. Others go through ``keyring``.

    Raises:
        ValueError: ``secret`` is given and is not the text of a key.
    """
    secret = new_secret(new_id()) if secret is None else secret
    key_id = _id_of(secret)
    if key_id is None:
        raise ValueError("this is not the text of a key")
    ApiKey(
        id=key_id,
        hash=opaque.digest(secret),
        name=name,
        roles=list(roles),
        scopes=None if scopes is None else list(scopes),
        plan=plan,
        created_at=ids.timestamp(),
    ).put()
    return NewKey(key_id, secret)


def authenticate(token: str) -> Principal | None:
    """The principal whose key this is, or None. One read for a well-formed key, none for any other text.

    An id that nobody has takes the same call and the same comparisons as one with another secret. A key that was not
    used for an hour takes one call more, once. After 20 wrong secrets of one id a lookup serves for a second.
    """
    configured = settings.current().admin_key
    if configured is not None and hmac.compare_digest(token.encode(), configured.encode()):
        return Principal(f"key:{CONFIGURED}", "key", frozenset({ADMIN}))
    key_id = _id_of(token)
    if key_id is None:
        return None
    place = (main.name, key_id)
    stored = _guesses.stored(place, lambda: ApiKey.get(consistent=True, id=key_id))
    if not _is_secret_of(stored, opaque.digest(token)) or stored is None or stored.has_expired:
        if _guesses.note(place):
            time.sleep(random.uniform(0, BLUR_SECONDS))  # noqa: S311 - blurs, and keeps no secret
        return None
    _note_use(stored)
    scopes = None if stored.scopes is None else frozenset(stored.scopes)
    return Principal(f"key:{key_id}", "key", frozenset(stored.roles), scopes, stored.plan)


_guesses: Guesses[ApiKey] = Guesses()


def _id_of(token: str) -> str | None:
    found = opaque.ids_of(token, _FORM)
    return None if found is None or found[0] == CONFIGURED else found[0]


def _is_secret_of(stored: ApiKey | None, digest: str) -> bool:
    """Whether a hash is that of a good secret: always two comparisons."""
    of = _NOBODY if stored is None else stored
    previous = of.previous_hash if of.has_two_secrets and of.previous_hash is not None else _NOBODYS
    is_current, is_previous = hmac.compare_digest(of.hash, digest), hmac.compare_digest(previous, digest)
    return is_current or is_previous


_NOBODY = ApiKey(id="-", hash=_NOBODYS, name="", roles=[], created_at="")
"""In place of a key that is not stored, so that looking at it takes the same time."""


_noted: dict[tuple[str, str], float] = {}
"""When this process last tried to store that a key is used: once an hour even where that does not succeed."""


def _note_use(stored: ApiKey) -> None:
    now, place = clock.now(), (main.name, stored.id)
    before = now - LAST_USE_SECONDS
    if max(stored.last_used_at or 0, _noted.get(place, 0)) > before:
        return
    if len(_noted) >= _MAX_NOTED:
        _noted.clear()
    _noted[place] = now
    unknown = ApiKey.last_used_at.missing() | (ApiKey.last_used_at <= int(before))
    update = ApiKey.update(id=stored.id).set(ApiKey.last_used_at, int(now))
    with suppress(DynamoError, StoreUnavailable):  # another process was first, the key is gone, or it can wait
        update.when(unknown & (ApiKey.created_at == stored.created_at)).run("none")
