"""What DynamoDB can answer besides success, for the services to interpret.

An unreachable or throttling store is not here: it is ``chalicelib.errors.StoreUnavailable`` from wherever it happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

AttributeValue: TypeAlias = dict[str, Any]
"""One value as DynamoDB's JSON has it: ``{"S": "text"}``, ``{"N": "1.5"}``, ``{"M": {...}}``."""

Item: TypeAlias = dict[str, AttributeValue]


class DynamoError(Exception):
    """The root of this module."""


class ConditionFailed(DynamoError):
    """A conditional write was refused and nothing was written.

    ``item`` is the stored item at that moment, None when there is none.
    """

    def __init__(self, item: Item | None) -> None:
        super().__init__("the condition does not hold")
        self.item = item


@dataclass(frozen=True)
class Reason:
    """Why one action of a transaction was refused; ``code`` is ``None`` (the text) for one that was not."""

    code: str
    message: str = ""
    item: Item | None = None

    @property
    def failed(self) -> bool:
        """Whether this action stood in the way."""
        return self.code != "None"


class TransactionFailed(DynamoError):
    """A transaction was canceled and nothing was written. ``reasons`` are in the order of its actions."""

    def __init__(self, reasons: list[Reason]) -> None:
        super().__init__(", ".join(reason.code for reason in reasons))
        self.reasons = reasons

    @property
    def contended(self) -> bool:
        """Whether only other transactions stood in the way, so that trying again may succeed."""
        codes = {reason.code for reason in self.reasons if reason.failed}
        return bool(codes) and codes <= {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class Rejected(DynamoError):
    """DynamoDB refused the request as invalid, for a reason that could not be known before the call."""


class Unstorable(DynamoError):
    """A value that DynamoDB has no place for. ``path`` leads to it from the value that was to be stored."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: list[str | int] = []

    def within(self, part: str | int) -> Unstorable:
        """The same error, seen from the container of the value."""
        self.path.insert(0, part)
        return self
