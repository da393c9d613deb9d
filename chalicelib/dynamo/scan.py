"""Scans: the whole table or index, in parts side by side, at a rate that leaves room for others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.dynamo.bindings import Bindings
from chalicelib.dynamo.errors import NoIndex, Rejected
from chalicelib.dynamo.expressions import Condition, Path, all_of
from chalicelib.dynamo.futures import side_by_side
from chalicelib.dynamo.keys import HOLDER
from chalicelib.dynamo.planner import not_held, visible
from chalicelib.dynamo.reading import Page, Reading

if TYPE_CHECKING:
    from typing_extensions import Self

    from chalicelib.dynamo.errors import Item
    from chalicelib.dynamo.keys import BoundIndex, Index
    from chalicelib.dynamo.model import Model

M = TypeVar("M", bound="Model")

MAX_SEGMENTS = 1_000_000
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html"""


class Rate:
    """Capacity units a second, shared by the parts of a scan: who has consumed waits until that is paid for."""

    def __init__(
        self,
        units: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.units = units
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._free_at = clock()

    def consumed(self, units: float) -> None:
        """Wait as long as these units take at this rate, after those of others."""
        with self._lock:
            now = self._clock()
            self._free_at = max(self._free_at, now) + units / self.units
            pause = self._free_at - now
        self._sleep(pause)


class Scan(Reading[M]):
    """A scan in the making; see ``Reading`` for the steps and answers that it shares with queries. No order.

    It reads, and costs, everything that is there; of a table that models share, also what is not this model's.
    """

    operation = "Scan"

    def __init__(self, model: type[M]) -> None:
        super().__init__(model)
        self.parts = 1
        self.rate: Rate | None = None
        self.segment: int | None = None
        self.read_index: Index | None = None

    def using(self, index: BoundIndex[M]) -> Self:
        """Of this index instead of the table."""
        return self.with_(read_index=index.index)

    def parallel(self, segments: int) -> Self:
        """In so many parts side by side (as far as the pool has threads), by ``all`` and iteration over ``pages``.

        Raises:
            Rejected: fewer than 1 or more than a million.
        """
        if not 1 <= segments <= MAX_SEGMENTS:
            raise Rejected(f"A scan has 1 to {MAX_SEGMENTS} segments, not {segments}.")
        return self.with_(parts=segments)

    def limited_to(self, units_a_second: float, rate: Rate | None = None) -> Self:
        """At most so many capacity units a second on the average, all parts together."""
        if units_a_second <= 0:
            raise Rejected("A rate is more than 0 capacity units a second.")
        return self.with_(rate=rate or Rate(units_a_second))

    def call(self, start: Item | None, size: int | None, *, count: bool = False) -> dict[str, Any]:
        """One call; with a rate it returns when what it consumed is paid for."""
        answer = super().call(start, size, count=count)
        if self.rate is not None:
            self.rate.consumed(float((answer.get("ConsumedCapacity") or {}).get("CapacityUnits", 0.0)))
        return answer

    def request(self, bindings: Bindings, *, count: bool) -> dict[str, Any]:
        """The request, but for the table, names and values."""
        parameters: dict[str, Any] = {}
        condition = self.filter
        if (lacking := not_held(self.model, self.index, condition)) is not None:
            raise NoIndex(f"The index {self.index} does not hold {lacking}, which has to be filtered by.")
        if condition is not None:
            parameters["FilterExpression"] = bindings.expression(condition)
        if self.index is not None:
            parameters["IndexName"] = self.index
        if self.segment is not None:
            parameters.update(Segment=self.segment, TotalSegments=self.parts)
        if self.rate is not None:
            parameters["ReturnConsumedCapacity"] = "TOTAL"
        parameters.update(super().request(bindings, count=count))
        return parameters

    @property
    def filter(self) -> Condition | None:
        """The condition on what is read; None when all of it is answered."""
        return all_of([self.condition, visible(self.model), self._no_marker()])

    def filtered(self) -> bool:
        """Whether some of what is read may not be answered."""
        return self.filter is not None

    def _no_marker(self) -> Condition | None:
        """That an item is no marker of a unique value; a type says so already."""
        fields = self.model.schema.fields.values()
        typed = self.model.type_name is not None or not any(field.options.unique for field in fields)
        return None if typed else Path[Any](HOLDER).missing()

    def index_attributes(self) -> tuple[str, ...]:
        """The key attributes of the index that is read."""
        return () if self.read_index is None else self.model.table.layout.keys(self.read_index.index)

    @property
    def index(self) -> str | None:
        """The index that is read; None for the table."""
        return None if self.read_index is None else self.read_index.index

    def pages(self) -> Iterator[Page[M]]:
        """Every page; of parallel parts as they come."""
        if self.parts == 1:
            yield from super().pages()
            return
        segments = [self.with_(segment=number) for number in range(self.parts)]
        yield from side_by_side(self.model.table.session, [segment.one_after_the_other for segment in segments])

    def one_after_the_other(self) -> Iterator[Page[M]]:
        """The pages of one part."""
        return super().pages()

    def count(self) -> int:
        """How many there are. It costs what reading them costs, but for the transfer."""
        if self.parts == 1 or self.segment is not None:
            return super().count()
        segments = [self.with_(segment=number) for number in range(self.parts)]

        def counting(segment: Self) -> Callable[[], Iterator[int]]:
            return lambda: iter([segment.count()])

        return sum(side_by_side(self.model.table.session, [counting(segment) for segment in segments]))
