"""Where a query or scan goes on, as a text. Opaque and not signed: who hands it to strangers signs it."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

import orjson

from chalicelib.dynamo.errors import InvalidCursor, Item
from chalicelib.dynamo.ordering import rank


def dump(index: str | None, key: Item) -> str:
    """The text for the key of the last item read, of the table or an index."""
    return urlsafe_b64encode(orjson.dumps([index, key])).decode().rstrip("=")


def load(text: str, index: str | None, kinds: Mapping[str, str]) -> Item:
    """The key that a text stands for.

    Raises:
        InvalidCursor: it is none of this index with key attributes of these types.
    """
    try:
        made_for, key = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        valid = set(key) == set(kinds) and all(_is_value(key[name], kind) for name, kind in kinds.items())
    except (ValueError, TypeError, AttributeError, ArithmeticError):
        raise InvalidCursor("This is no cursor.") from None
    if not (valid and made_for == index):
        raise InvalidCursor("This cursor was made by another query.")
    found: Item = key
    return found


def _is_value(value: dict[str, str], kind: str) -> bool:
    """Whether it is a key attribute's value of a type; an error if it is no text that can be one."""
    (content,) = value.values()
    rank({kind: content})
    return list(value) == [kind] and isinstance(content, str) and content != ""
