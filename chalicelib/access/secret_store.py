"""Secrets that Portico makes for itself: random, in the table, the same for every process."""

from __future__ import annotations

import secrets

from chalicelib.dynamo.errors import ConditionFailed
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main


class Secret(Model, table=main):
    """A stored secret of 256 random bits, in hexadecimal."""

    name: Attr[str] = field(name="sk")
    value: Attr[str]
    key = Key(pk="secret", sk="{name}")


_cache: dict[tuple[str, str], bytes] = {}


def get(name: str) -> bytes:
    """The secret, made when it is asked for the first time; one call a process."""
    place = (main.name, name)
    if place not in _cache:
        _cache[place] = bytes.fromhex(_load_or_make(name))
    return _cache[place]


def _load_or_make(name: str) -> str:
    stored = Secret.get(consistent=True, name=name)
    if stored is not None:
        return stored.value
    made = Secret(name=name, value=secrets.token_hex(32))
    try:
        made.put(Secret.name.missing())
    except ConditionFailed as error:  # another process was first
        return Secret.from_item(error.item or {}).value
    return made.value
