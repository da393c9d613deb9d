"""What attributes will be after an update, as far as it can be known. Pure.

Indexes are keyed by attributes that are composed of fields, so whoever changes a field has to know the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from typing import Any

from chalicelib.dynamo.codec import MAX_DIGITS, number_text
from chalicelib.dynamo.errors import AttributeValue, Item
from chalicelib.dynamo.expressions import Condition, Encoded, Path, Value

_EXACT = Context(prec=MAX_DIGITS)
_SIGNS = {" + ": 1, " - ": -1}
Names = tuple["str | int", ...]


class Unforeseeable(Exception):
    """It depends on what is stored, and that was not read, or by more than this module computes."""


class Foresight:
    """The outcome of an update for an item of which ``seen`` was read, None when nothing was.

    ``changes`` are the action and the operand by attribute, ``missing`` what an attribute is that is not stored.
    """

    def __init__(
        self,
        changes: Mapping[str, tuple[str, Any]],
        seen: Item | None,
        missing: Callable[[str], AttributeValue | None],
    ) -> None:
        self.changes, self.seen, self.missing = dict(changes), seen, missing
        self.relied: dict[Names, AttributeValue | None] = {}
        """What of the item it depends on, and what that was."""

    @property
    def requirements(self) -> list[Condition]:
        """That the item is still what was read, as far as it matters."""
        return [
            Path[Any](*names).missing() if value is None else Path[Any](*names) == Encoded(value)
            for names, value in self.relied.items()
        ]

    def value(self, name: str) -> AttributeValue | None:
        """What the attribute will be; None when it will not be there.

        Raises:
            Unforeseeable: see there.
        """
        action, operand = self.changes.get(name, ("", None))
        if action == "REMOVE":
            return None
        if action == "SET":
            return self._computed(operand)
        if action == "ADD":
            return _sum(self._stored((name,)) or {"N": "0"}, 1, operand.encoded())
        if action:
            raise Unforeseeable
        return self._stored((name,)) or self.missing(name)

    def _computed(self, part: Any) -> AttributeValue | None:
        if isinstance(part, Value):
            return part.encoded()
        if isinstance(part, Path):
            return self._stored(part.names)
        parts: tuple[Any, ...] = part.parts
        if isinstance(parts[0], str):  # a function
            if parts[0] != "if_not_exists(":
                raise Unforeseeable
            return self._stored(parts[1].names) or self._computed(parts[3])
        if parts[1] in _SIGNS:
            return _sum(self._computed(parts[0]), _SIGNS[parts[1]], self._computed(parts[2]))
        raise Unforeseeable

    def _stored(self, names: Names) -> AttributeValue | None:
        if self.seen is None:
            raise Unforeseeable
        found = self.relied[names] = found_at(self.seen, names)
        return found


def _sum(left: AttributeValue | None, sign: int, right: AttributeValue | None) -> AttributeValue | None:
    """A sum as DynamoDB computes it; None where it will refuse to."""
    if left is None or right is None or "N" not in left or "N" not in right:
        return None
    return {"N": number_text(_EXACT.add(Decimal(left["N"]), sign * Decimal(right["N"])))}


def found_at(item: Item, names: Names) -> AttributeValue | None:
    """What is stored at a path, if anything."""
    value: AttributeValue = {"M": item}
    for name in names:
        members = value.get("L", []) if isinstance(name, int) else value.get("M", {})
        try:
            value = members[name]
        except (KeyError, IndexError):
            return None
    return value
