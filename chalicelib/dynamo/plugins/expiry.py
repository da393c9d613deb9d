"""The end of an item: DynamoDB's time to live, and not seeing items that have ended and are not deleted yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from chalicelib.dynamo.expressions import Condition, Encoded, Path

if TYPE_CHECKING:
    from chalicelib.dynamo.fields import Attr
    from chalicelib.dynamo.hooks import Creation, Updating
    from chalicelib.dynamo.model import Model
    from chalicelib.dynamo.plugins import Registry


class Expiry:
    """DynamoDB deletes within days of the end (it says), so what has ended is left out of reads until then.

    The field has to be stored in the table's time-to-live attribute: ``field(name="_ttl")``.
    """

    def __init__(self, field: Attr[Any]) -> None:
        self.field = field
        self.after: timedelta | None = field.options.plugin[1]["after"]
        self.clock: Callable[[], float] = time.time

    def register(self, registry: Registry) -> None:
        """See ``Plugin``.

        Raises:
            TypeError: the table has another attribute for its time to live, or none.
        """
        table = registry.model.table
        ttl, self.clock = table.layout.ttl, table.clock
        if ttl != self.field.stored:
            raise TypeError(f"{registry.model.__name__}.{self.field.field} is stored as {self.field.stored!r}; the "
                            f"table's time to live is {ttl!r}")  # fmt: skip
        if self.after is not None:
            registry.before("create", self.create)
            registry.before("update", self.update)
        registry.admit(self.admits, self.condition)

    def create(self, event: Creation) -> None:
        """Set the end of an object that has none."""
        if event.item.__dict__.get(self.field.field) is None:
            event.item.__dict__[self.field.field] = self._end()

    def update(self, event: Updating) -> None:
        """Set the end of an item that an upsert makes; of one that is there and has none, too."""
        event.update.initial[self.field.field] = self._end()

    def _end(self) -> datetime | None:
        now = datetime.fromtimestamp(int(self.clock()), tz=timezone.utc)
        return None if self.after is None else now + self.after

    def admits(self, item: Model) -> bool:
        """Whether an object has not ended, as far as was loaded."""
        ends = item.__dict__.get(self.field.field)
        return ends is None or ends.timestamp() > self.clock()

    def condition(self) -> Condition:
        """That an item has not ended."""
        now = Encoded({"N": str(int(self.clock()))})
        later: Condition = Path[Any](self.field.stored) > now
        return self.field.missing() | later
