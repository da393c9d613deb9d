"""A counter of an item's writes, and optimistic locking by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.dynamo.errors import DynamoError, Item, StaleVersion
from chalicelib.dynamo.hooks import hooks_of

if TYPE_CHECKING:
    from chalicelib.dynamo.expressions import Condition
    from chalicelib.dynamo.fields import Attr
    from chalicelib.dynamo.hooks import Creation, Deletion, Updating
    from chalicelib.dynamo.plugins import Registry
    from chalicelib.dynamo.writing import Write


class Version:
    """A new object has version 1, every write adds one, and that of a loaded object needs the version that it has.

    An update that is no object's adds one whatever the version is; ``when(Book.version == n)`` asks for one.
    """

    def __init__(self, field: Attr[Any]) -> None:
        self.field = field

    def register(self, registry: Registry) -> None:
        """See ``Plugin``."""
        registry.before("create", self.create)
        registry.before("update", self.update)
        registry.before("delete", self.delete)

    def create(self, event: Creation) -> None:
        """Count, and replace only what the object was loaded from; of an object that is new, nothing."""
        known = self._stored(event.item.stored)
        event.item.__dict__[self.field.field] = (known or 0) + 1
        if event.replaces:
            unchanged = self._unchanged(known)
            # What has ended counts as nothing.
            self._require(event.write, known, unchanged if known else hooks_of(event.model).absent(unchanged))

    def update(self, event: Updating) -> None:
        """Count, for a saved object from the version it has."""
        if event.item is None:
            event.update.place(self.field, self.field.or_else(0) + 1)
        else:
            known = self._stored(event.item.stored)
            event.update.assign(self.field, (known or 0) + 1)
            self._require(event.write, known, self._unchanged(known))

    def delete(self, event: Deletion) -> None:
        """Delete a loaded object only as it was loaded."""
        if event.item is not None and event.item.stored is not None:
            known = self._stored(event.item.stored)
            self._require(event.write, known, self._unchanged(known))

    def _stored(self, item: Item | None) -> int | None:
        value = None if item is None else item.get(self.field.stored)
        return None if value is None else int(self.field.type.decode(value))

    def _unchanged(self, known: int | None) -> Condition:
        return self.field.missing() if known is None else self.field == known

    def _require(self, write: Write, known: int | None, unchanged: Condition) -> None:
        def stale(item: Item | None) -> DynamoError | None:
            now = self._stored(item)
            if now == known:  # something else does not hold
                return None
            said = "it is no longer there" if item is None else f"it has version {now} now"
            return StaleVersion(item, f"somebody else has written it: {said}")

        write.require(unchanged, stale)
