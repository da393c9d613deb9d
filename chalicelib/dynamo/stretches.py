"""Stretches of a partition, from one sort key to another, of tables and indexes of which the keys are texts.

What reads several side by side and merges them computes the keys by itself; a model's ``Query`` does that for its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.dynamo.bindings import Bindings
from chalicelib.dynamo.expressions import Encoded, Path
from chalicelib.dynamo.query import readable

if TYPE_CHECKING:
    from chalicelib.dynamo.errors import Item
    from chalicelib.dynamo.expressions import Condition, Part
    from chalicelib.dynamo.tables import Table


class Stretch(NamedTuple):
    """The items of one partition, of the table or an index, with sort keys from ``low`` to ``high``, both included.

    None is an open end.
    """

    index_name: str | None
    partition: str
    low: str | None = None
    high: str | None = None

    @property
    def is_point(self) -> bool:
        """Whether only one sort key is in it."""
        return self.low is not None and self.low == self.high

    def between(self, low: str | None = None, high: str | None = None) -> Stretch | None:
        """The part of it that lies within these too; None when there is none."""
        if low is None or (self.low is not None and self.low > low):
            low = self.low
        if high is None or (self.high is not None and self.high < high):
            high = self.high
        return None if low is not None and high is not None and low > high else self._replace(low=low, high=high)


class Answer(NamedTuple):
    """What a call read: the items that the filter let through, how many it looked at, and where it stopped.

    ``last`` is the sort key to go on after, None at the stretch's end. ``matches`` is the number of the items, which
    are not here when only that was asked for. ``units`` are those that DynamoDB says it took.
    """

    items: list[Item]
    matches: int
    scanned: int
    last: str | None
    units: float


def request(
    table: Table,
    stretch: Stretch,
    condition: Condition | None = None,
    *,
    forward: bool = True,
    limit: int | None = None,
    count: bool = False,
) -> dict[str, Any]:
    """The Query for the first items of a stretch, at most ``limit`` and 1 MB before the filter.

    The table is read consistently, which indexes cannot be.
    """
    hash_, range_ = table.layout.keys(stretch.index_name)
    bindings = Bindings()
    key: list[Part] = [Path(hash_), " = ", _text(stretch.partition)]
    if stretch.low is not None or stretch.high is not None:
        key += [" AND ", Path(range_), *_bounds(stretch.low, stretch.high)]
    parameters: dict[str, Any] = {
        "KeyConditionExpression": "".join([bindings.text(part) for part in key]),
        "ScanIndexForward": forward,
        "ReturnConsumedCapacity": "TOTAL",
    }
    if stretch.index_name is None:
        parameters["ConsistentRead"] = True
    else:
        parameters["IndexName"] = stretch.index_name
    if condition is not None:
        parameters["FilterExpression"] = bindings.expression(condition)
    if limit is not None:
        parameters["Limit"] = limit
    if count:
        parameters["Select"] = "COUNT"
    return bindings.into(parameters)


def _bounds(low: str | None, high: str | None) -> tuple[Part, ...]:
    if low is None:
        return (" <= ", _text(high or ""))
    if high is None:
        return (" >= ", _text(low))
    return (" = ", _text(low)) if low == high else (" BETWEEN ", _text(low), " AND ", _text(high))


def _text(value: str) -> Encoded:
    return Encoded({"S": value})


def read(table: Table, stretch: Stretch, parameters: dict[str, Any]) -> Answer:
    """Send the request of a stretch; see ``Session.call`` for what it raises."""
    answer = table.call("Query", parameters)
    last = answer.get("LastEvaluatedKey")
    return Answer(
        answer.get("Items", []),
        answer["Count"],
        answer["ScannedCount"],
        None if last is None else last[table.layout.keys(stretch.index_name)[-1]]["S"],
        answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0),
    )


def explained(parameters: dict[str, Any]) -> dict[str, str | None]:
    """The key condition and the filter of a request as people read them."""
    return {
        "key_condition": readable(parameters, "KeyConditionExpression"),
        "filter": readable(parameters, "FilterExpression"),
    }
