"""If-Match and If-None-Match as values (RFC 9110, 13.1), for records and definitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.dynamo.expressions import Condition, Path
from chalicelib.errors import PreconditionFailed, PreconditionRequired

ANY = frozenset({-1})
"""``*``: any version."""


@dataclass(frozen=True)
class Preconditions:
    """Versions that must, and that must not, be the stored one. ``ANY`` is ``*``; None is a header not sent."""

    match: frozenset[int] | None = None
    none_match: frozenset[int] | None = None

    @property
    def given(self) -> bool:
        """Whether there is any."""
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
        """The same for a stored item, for DynamoDB to decide; None when there is nothing to hold."""
        condition: Condition | None = None
        if self.match is not None:
            condition = version.exists() if self.match is ANY else version.is_in(sorted(self.match))
        if self.none_match is not None:
            other = version.missing() if self.only_create else ~version.is_in(sorted(self.none_match))
            condition = other if condition is None else condition & other
        return condition


NONE = Preconditions()
