"""Queries of one partition, built step by step and answered in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chalicelib.dynamo.expressions import Bindings, Condition, Path

if TYPE_CHECKING:
    from chalicelib.dynamo.errors import Item
    from chalicelib.dynamo.tables import Table

M = TypeVar("M")


@dataclass(frozen=True)
class Page(Generic[M]):
    """One answer: its objects in sort-key order, and the sort key of the last item read when there is more."""

    items: list[M]
    last: str | None


@dataclass(frozen=True)
class Query(Generic[M]):
    """A query in the making. Every step gives a new one; ``run`` sends one request, ``pages`` as many as it takes."""

    table: Table
    build: Callable[[Item], M]
    pk: str
    bounds: Condition | None = None
    size: int | None = None
    forward: bool = True
    strong: bool = False

    def after(self, sk: str | None) -> Query[M]:
        """Only sort keys that come after this one in the query's direction; None for all."""
        if sk is None:
            return self
        return replace(self, bounds=Path("sk") > sk if self.forward else Path("sk") < sk)

    def limit(self, size: int) -> Query[M]:
        """At most so many items a page."""
        return replace(self, size=size)

    def descending(self) -> Query[M]:
        """The greatest sort key first. Call it before ``after``."""
        return replace(self, forward=False)

    def consistent(self) -> Query[M]:
        """See every write that was acknowledged before, at twice the cost."""
        return replace(self, strong=True)

    def run(self) -> Page[M]:
        """One Query call: at most 1 MB, so perhaps fewer items than the limit though there are more."""
        bindings = Bindings()
        condition: Condition = Path("pk") == self.pk
        text = bindings.text(condition)
        if self.bounds is not None:
            text += " AND " + bindings.text(self.bounds)
        parameters: dict[str, Any] = {"KeyConditionExpression": text, "ScanIndexForward": self.forward}
        if self.size is not None:
            parameters["Limit"] = self.size
        if self.strong:
            parameters["ConsistentRead"] = True
        answer = self.table.call("Query", bindings.into(parameters))
        last = answer.get("LastEvaluatedKey")
        build = self.build
        return Page([build(item) for item in answer["Items"]], last["sk"]["S"] if last else None)

    def pages(self) -> Iterator[Page[M]]:
        """Every page from here to the end of the partition."""
        query: Query[M] = self
        while True:
            page = query.run()
            yield page
            if page.last is None:
                return
            query = query.after(page.last)
