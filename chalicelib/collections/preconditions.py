"""If-Match and If-None-Match as values (RFC 9110, 13.1), for records and definitions; and ``?if=``, for records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.dynamo.expressions import Condition, Path
from chalicelib.errors import PreconditionFailed, PreconditionRequired

if TYPE_CHECKING:
    from chalicelib.collections.conditions import Requirement
    from chalicelib.collections.record import Record

ANY = frozenset({-1})
"""``*``: any version."""


@dataclass(frozen=True)
class Preconditions:
    """Versions that must, and that must not, be the stored one. ``ANY`` is ``*``; None is a header not sent.

    ``where`` is what the stored record has to meet besides.
    """

    match: frozenset[int] | None = None
    none_match: frozenset[int] | None = None
    where: Requirement | None = None

    @property
    def given(self) -> bool:
        """Whether a version is asked for; a write with ``?if=`` alone may still overwrite what its caller never saw."""
        return self.match is not None or self.none_match is not None

    @property
    def only_create(self) -> bool:
        """``If-None-Match: *``: nothing may be stored yet."""
        return self.none_match is ANY

    def check(self, version: int | None) -> None:
        """Compare with the stored version, None when nothing is stored.

        Raises:
            PreconditionFailed: it does not hold (412).
        """
        if self.match is not None and (version is None or (self.match is not ANY and version not in self.match)):
            stored = "nothing is stored" if version is None else f"the stored version is {version}"
            raise PreconditionFailed(f"If-Match does not hold: {stored}. Read it again and repeat the change.")
        if version is not None and self.not_modified(version):
            raise PreconditionFailed(f"If-None-Match does not hold: version {version} is stored.")

    def check_record(self, record: Record | None) -> None:
        """Compare with a stored record, None when there is none.

        Raises:
            PreconditionFailed: it does not hold (412).
        """
        self.check(None if record is None else record.version)
        if self.where is not None:
            self.where.check(record)

    @property
    def is_decidable(self) -> bool:
        """Whether ``condition`` says all of it."""
        return self.where is None or self.where.is_decidable

    def not_modified(self, version: int) -> bool:
        """For a read: whether the caller has this version already (304)."""
        return self.none_match is not None and (self.only_create or version in self.none_match)

    def require(self) -> None:
        """Insist that there is one.

        Raises:
            PreconditionRequired: there is none (428).
        """
        if not self.given:
            raise PreconditionRequired(
                "This collection takes no unconditional writes: send If-Match with the record's ETag, "
                "or If-None-Match: * to create."
            )

    def condition(self, version: Path[Any]) -> Condition | None:
        """The same for a stored item, for DynamoDB to decide, as far as it can; None when there is nothing to hold."""
        condition: Condition | None = None if self.where is None else self.where.compiled.condition
        if self.match is not None:
            same = version.exists() if self.match is ANY else version.is_in(sorted(self.match))
            condition = same if condition is None else condition & same
        if self.none_match is not None:
            other = version.missing() if self.only_create else ~version.is_in(sorted(self.none_match))
            condition = other if condition is None else condition & other
        return condition


NONE = Preconditions()
