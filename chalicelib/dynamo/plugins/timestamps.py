"""Times of creation and of the last write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.dynamo.fields import Attr
    from chalicelib.dynamo.hooks import Creation, Event, Updating
    from chalicelib.dynamo.plugins import Registry


class Timestamps:
    """Sets each field at creation, and those that are ``on="update"`` at every write. All of one write are the same."""

    def __init__(self, fields: Sequence[Attr[Any]]) -> None:
        self.fields = fields

    def register(self, registry: Registry) -> None:
        """See ``Plugin``."""
        registry.before("create", self.create)
        registry.before("update", self.update)

    def create(self, event: Creation) -> None:
        """All of a new object, as precise as they are stored; of one that is put again, those of updates."""
        now = _now(event)
        for field in self.fields:
            if event.item.stored is None or field.options.managed:
                event.item.__dict__[field.field] = field.type.load(field.type.encode(now))

    def update(self, event: Updating) -> None:
        """Those of updates; of an item that an upsert makes, those of creation too."""
        now = _now(event)
        for field in self.fields:
            if field.options.managed:
                event.update.assign(field, now)
            else:
                event.update.initial[field.field] = now


def _now(event: Event) -> datetime:
    return datetime.fromtimestamp(event.model.table.clock(), timezone.utc)
