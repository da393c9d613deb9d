"""What can go wrong in the data layer, for the services to interpret.

::

    DynamoError
    ├── Invalid                 a value, known before the call; has the attribute's ``path``
    │   ├── WrongType  ├── MissingAttribute  ├── ConstraintViolated  ├── UnknownAttribute  ├── Unstorable
    │   └── KeyTooLong  ├── KeyChange  ├── DependsOnStored  └── ReadOnly
    ├── Rejected                a request that DynamoDB refuses as invalid
    │   └── LimitExceeded  ├── OverlappingPaths  ├── DuplicateItem  ├── NoIndex  └── InvalidCursor   (before the call)
    ├── ConditionFailed         nothing was written; has the stored ``item``
    │   └── AlreadyExists  ├── NotStored  ├── StaleVersion  ├── UniqueTaken  └── Contended
    ├── TransactionFailed       nothing was written; has the ``reasons``
    ├── BatchIncomplete         has what was not written
    ├── NotOne                  a query for exactly one object found none or several
    └── Refused                 a hook would not have it

An item over 400 KB is ``chalicelib.errors.ItemTooLarge``, an unreachable or throttling store ``StoreUnavailable`` and
``StoreThrottled``, from wherever they happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from typing_extensions import Self

AttributeValue: TypeAlias = dict[str, Any]
"""One value as DynamoDB's JSON has it: ``{"S": "text"}``, ``{"N": "1.5"}``, ``{"M": {...}}``."""

Item: TypeAlias = dict[str, AttributeValue]


class DynamoError(Exception):
    """The root of this module."""


class Invalid(DynamoError):
    """A value that cannot be stored. ``path`` leads to it from the item, ``reason`` says what is wrong with it."""

    def __init__(self, reason: str, path: Sequence[str | int] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: list[str | int] = list(path)

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))} {self.reason}" if self.path else self.reason

    def within(self, part: str | int) -> Self:
        """The same error, seen from the container of the value."""
        self.path.insert(0, part)
        return self


class WrongType(Invalid):
    """A value is not of its field's type, or an item was stored with another."""


class MissingAttribute(Invalid):
    """A required field has no value."""


class ConstraintViolated(Invalid):
    """A value is of the right type and not one that its field admits (bounds, pattern, choices, a function)."""


class UnknownAttribute(Invalid):
    """There is no such field, and the model keeps no unknown attributes."""


class Unstorable(Invalid):
    """A value that DynamoDB has no place for."""


class KeyTooLong(Invalid):
    """A key's text is empty, or longer than 2,048 bytes (partition key) or 1,024 bytes (sort key)."""


class KeyChange(Invalid):
    """An update would change the item's key, which is another item's."""


class DependsOnStored(Invalid):
    """What follows of an update, an index's place or a combined field, takes what is stored, and nothing was read."""


class ReadOnly(Invalid):
    """An update would change a field that is set once."""


class Rejected(DynamoError):
    """DynamoDB refuses the request as invalid. Nothing was written."""


class LimitExceeded(Rejected):
    """A limit of DynamoDB's, found before the call: 4 KB or 300 operators an expression, 100 values of IN and so on."""


class OverlappingPaths(Rejected):
    """Two actions of one update are about the same attribute, or one about a part of the other's."""


class DuplicateItem(Rejected):
    """An item occurs twice in one transaction or batch of writes."""


class NoIndex(Rejected):
    """No key of the table or of its indexes is determined by what a query gives."""


class InvalidCursor(Rejected):
    """A cursor that was not made by this query."""


class ConditionFailed(DynamoError):
    """A conditional write was refused and nothing was written.

    ``item`` is the stored item at that moment, None when there is none.
    """

    def __init__(self, item: Item | None, message: str = "the condition does not hold") -> None:
        super().__init__(message)
        self.item = item


class AlreadyExists(ConditionFailed):
    """An item that should be new is stored already."""


class NotStored(ConditionFailed):
    """An item that should be there is not."""


class StaleVersion(ConditionFailed):
    """Someone else has written the item since it was loaded; load it again and decide anew."""


class UniqueTaken(ConditionFailed):
    """Another item has the value of a unique field, which ``path`` names."""

    def __init__(self, path: Sequence[str | int]) -> None:
        super().__init__(None, f"{'.'.join(map(str, path))} has a value that another item has")
        self.path = list(path)


class Contended(ConditionFailed):
    """What the write was planned on has changed meanwhile, again and again; trying later may succeed."""


class Reason:
    """Why one action of a transaction was refused; ``code`` is ``None`` (the text) for one that was not.

    ``action`` says which it was (``Put Book pk=book#A sk=1``), ``error`` what its failure means, where a model made it.
    """

    __slots__ = ("action", "code", "error", "item", "message")

    def __init__(self, code: str, message: str = "", item: Item | None = None) -> None:
        self.code, self.message, self.item = code, message, item
        self.action = ""
        self.error: DynamoError | None = None

    def __repr__(self) -> str:
        return f"Reason({self.code!r}, {self.message!r}, action={self.action!r})"

    @property
    def failed(self) -> bool:
        """Whether this action stood in the way."""
        return self.code != "None"


class TransactionFailed(DynamoError):
    """A transaction was canceled and nothing was written. ``reasons`` are in the order of its actions."""

    def __init__(self, reasons: list[Reason]) -> None:
        super().__init__(", ".join(reason.code for reason in reasons))
        self.reasons = reasons

    def __str__(self) -> str:
        return "; ".join(f"{r.action or 'action'}: {r.error or r.message or r.code}" for r in self.reasons if r.failed)

    @property
    def contended(self) -> bool:
        """Whether only other transactions stood in the way, so that trying again may succeed."""
        codes = {reason.code for reason in self.reasons if reason.failed}
        return bool(codes) and codes <= {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class BatchIncomplete(DynamoError):
    """A batch was carried out in part. ``remaining`` is exactly what was not, as it was given, in its order.

    Of a failed call it is not known what was written, so all of it remains; to put or delete twice does no harm.
    Of a get, ``found`` is what it would have given, with None for what remains too. The failure is the ``__cause__``.
    """

    def __init__(self, remaining: Sequence[Any], done: int, found: Sequence[Any] = ()) -> None:
        super().__init__(f"{len(remaining)} of {len(remaining) + done} were not carried out")
        self.remaining = list(remaining)
        self.found = list(found)


class NotOne(DynamoError):
    """A query for exactly one object found none, or more."""


class Refused(DynamoError):
    """A hook would not have the operation. Nothing was written."""
