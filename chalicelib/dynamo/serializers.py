"""Objects as JSON has them, in forms that a model names, and values back out of what JSON has.

========================  ======================================================================================
datetime                  text, ISO 8601 in UTC: ``2024-05-01T12:00:00Z``
date, UUID, Enum          text, text, the member's value
Decimal                   a number where a 64-bit integer or a float says exactly that, else its digits as text
bytes                     Base64 text
set, tuple                a list, a set's sorted
nested document           an object without its hidden fields
reference                 its key, as text or as an object of the key's fields, populated or not
None                      null
========================  ======================================================================================

``Document.parse`` takes all of it back, by the types of the fields; where a type leaves open what a value was (``Any``,
unknown attributes, ``str | bytes``) it stays as JSON has it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from chalicelib.dynamo.document import Document
from chalicelib.dynamo.errors import UnknownAttribute, Unstorable

Modify = Callable[[dict[str, Any], Any], dict[str, Any]]
"""Makes of what would be shown, and of the object, what is shown."""

_INT64 = range(-(2**63), 2**63)


class Serializer:
    """One form of a model's objects: dictionaries that ``json.dumps`` takes, with the fields in their order.

    Args:
        include: these fields and no others, hidden ones among them. Without it all that are not hidden, and ``extra``.
        exclude: not these, be they fields or unknown attributes.
        names: what fields are called in the form.
        modify: makes the form of what would be shown and of the object.
    """

    def __init__(
        self,
        include: Iterable[str] | None = None,
        exclude: Iterable[str] = (),
        names: Mapping[str, str] | None = None,
        modify: Modify | None = None,
    ) -> None:
        self.include = None if include is None else frozenset(include)
        self.exclude, self.names, self.modify = frozenset(exclude), dict(names or {}), modify
        self._named = frozenset([*(self.include or ()), *self.exclude, *self.names])

    def dump(self, model: Document) -> dict[str, Any]:
        """The object in this form. Of one that was loaded in part, what was loaded.

        Raises:
            UnknownAttribute: the form names what is no field, and the class keeps no unknown attributes.
            Unstorable: a value is of a type that no field has.
        """
        schema, values = model.schema, model.__dict__
        if schema.unknown in ("drop", "reject") and not self._named <= schema.fields.keys():
            strange = sorted(self._named - schema.fields.keys())
            raise UnknownAttribute(f"is no field of {schema.owner.__name__}", strange[:1])
        shown: dict[str, Any] = {}
        for name, attribute in schema.fields.items():
            if name in values and self._shows(name, hidden=attribute.options.hidden):
                shown[self.names.get(name, name)] = plain(values[name])
        if schema.unknown != "drop":
            for name, value in model.extra.items():
                if self._shows(name, hidden=False):
                    shown.setdefault(name, plain(value))
        return shown if self.modify is None else self.modify(shown, model)

    def dump_many(self, models: Iterable[Document]) -> list[dict[str, Any]]:
        """The objects in this form, in their order."""
        return [self.dump(model) for model in models]

    def _shows(self, name: str, *, hidden: bool) -> bool:
        return name not in self.exclude and (not hidden if self.include is None else name in self.include)


PLAIN = Serializer()
"""The form that ``Model.to_dict`` gives."""


def plain(value: Any) -> Any:
    """The value as JSON has it; see the module.

    Raises:
        Unstorable: it is of a type that no field has.
    """
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(element) for element in value]
    if isinstance(value, (set, frozenset)):
        # Texts come last: the elements of one set of numbers may be numbers and, where too long, texts.
        return sorted([plain(element) for element in value], key=lambda shown: (isinstance(shown, str), shown))
    return value_text(value)


def value_text(value: Any) -> Any:
    """What ``plain`` makes of a value that holds no others."""
    if isinstance(value, Document):
        return PLAIN.dump(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, datetime):
        return (value.astimezone(timezone.utc) if value.tzinfo else value).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return b64encode(value).decode()
    if isinstance(value, (UUID, str)):
        return str(value)
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    if hasattr(value, "reference_type"):
        stored = value.reference_type((value.model,)).encode(value)
        return stored.get("S", plain(value.key))
    raise Unstorable(f"is of the type {type(value).__name__}, which DynamoDB does not have")


def _number(value: Decimal) -> int | float | str:
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and int(value) in _INT64:
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else str(value)
