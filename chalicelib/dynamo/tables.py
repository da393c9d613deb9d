"""The table that models live in: its name, its layout, the session that reaches it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from chalicelib import settings
from chalicelib.dynamo import session
from chalicelib.dynamo.layout import Layout, SecondaryIndex
from chalicelib.dynamo.ordering import canonical

if TYPE_CHECKING:
    from chalicelib.dynamo.errors import Item
    from chalicelib.dynamo.session import Session

Identity: TypeAlias = tuple[int | str, ...]
"""Where an item is: the session, the table, and its key in the one form that equal values share."""
INDEX_SLOTS = 5
"""Sparse global secondary indexes, ``gsi1`` to ``gsi5``, shared by all collections."""


class Table:
    """A DynamoDB table that models live in. ``chalicelib.dynamo.provisioning`` makes and changes it.

    name: or a function that gives it, asked at every call, so that tests can change it.
    layout: what the table is declared to be; without one it has the keys ``pk`` and ``sk`` and nothing else.
    clock: the seconds since 1970, by which its models' items end and have their timestamps.
    """

    def __init__(
        self,
        name: Callable[[], str] | str,
        layout: Layout | None = None,
        connect: Callable[[], Session] = session.default,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self._name = name
        self._layout = layout or Layout()
        self._connect = connect
        self._sleep = sleep

    @property
    def name(self) -> str:
        """The table's name."""
        return self._name if isinstance(self._name, str) else self._name()

    @property
    def layout(self) -> Layout:
        """What it is declared to be."""
        return self._layout

    @property
    def session(self) -> Session:
        """The session that reaches it."""
        return self._connect()

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """An operation on this table; see ``Session.call`` for what it raises."""
        return self._connect().call(operation, {"TableName": self.name, **parameters})

    def read(self, key: Item) -> Item | None:
        """The item with this key as it is now, None when there is none. One GetItem: a unit per 4 KB."""
        item: Item | None = self.call("GetItem", {"Key": key, "ConsistentRead": True}).get("Item")
        return item

    def identity(self, item: Item) -> Identity:
        """Where an item is, by its key or by the whole of it: DynamoDB need not write a number as it was given."""
        values = map(item.__getitem__, self._layout.keys(None))
        texts = [canonical(value) if "N" in value else next(iter(value.values())) for value in values]
        return (id(self.session), self.name, *texts)

    def pause(self, seconds: float) -> None:
        """Wait before asking again; a test's table only counts."""
        self._sleep(seconds)


MAIN_LAYOUT = Layout(
    indexes=[SecondaryIndex(f"gsi{slot}", f"_i{slot}h", f"_i{slot}r") for slot in range(1, INDEX_SLOTS + 1)],
    ttl="_ttl",
    stream="NEW_AND_OLD_IMAGES",
    recovery=True,
)
main = Table(lambda: settings.current().table, MAIN_LAYOUT)
"""The one table of a deployment."""
