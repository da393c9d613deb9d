"""What a where expression asks of one property, as values it may have and as intervals of a sort key. Pure.

An interval has both its ends in it, as DynamoDB's ``BETWEEN``. A term is *exact* when its intervals say all of it, so
that nothing of it is left for the filter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from chalicelib.collections.key_texts import AFTER, BOOLEAN, LAST, NULL, NUMBER, OTHER, STRING, beginning, is_cut, order
from chalicelib.dynamo.ordering import SURROGATES, next_below
from chalicelib.where import values
from chalicelib.where.ast import And, Between, Compare, Constant, Has, In, Node, Not, Or, Reference, StartsWith

FIRST = "!"
"""Sorts before everything that a sort key begins with; DynamoDB takes no empty key."""
_TURNED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_MAX_ID = 200
"""Characters of a text that can matter for an id, which has at most 128."""


class Interval(NamedTuple):
    """Sort keys from ``low`` to ``high``."""

    low: str
    high: str


ALL = Interval(FIRST, LAST)


class Bounds(NamedTuple):
    """The intervals, ascending and apart from each other, that hold every sort key for which a term is true."""

    intervals: tuple[Interval, ...]
    exact: bool = True


class Order(NamedTuple):
    """How a property's values are sort keys: ``compared`` gives the bounds of a comparison with a constant."""

    compared: Callable[[str, Any], Bounds]
    starting: Callable[[str], Bounds]


def _of_range(operator: str, value: Any) -> Bounds:
    if operator == "==":
        text = order(value)
        exact = not (text == OTHER or (isinstance(value, str) and is_cut(value)))
        return Bounds((Interval(text, text + AFTER),), exact)
    if not values.is_orderable(value):
        return NOTHING
    text = order(value)
    kind = STRING if isinstance(value, str) else NUMBER
    cut = isinstance(value, str) and is_cut(value)
    least, most = kind, chr(ord(kind) + 1)
    before, after = (text + AFTER, text) if cut else (text, text + AFTER)
    ends = {
        "<": (least, before),
        "<=": (least, text + AFTER),
        ">": (after, most),
        ">=": (text, most),
    }
    return Bounds((Interval(*ends[operator]),), not cut)


def _range_starting(prefix: str) -> Bounds:
    text = beginning(prefix)
    return Bounds((Interval(text, _beyond(text)),), not is_cut(prefix))


def _beyond(text: str) -> str:
    """The least text after all those that begin with this one, which a string may do and go on with ``LAST``.

    It is no sort key itself: they are longer, by an end or an id.
    """
    text = text.rstrip(LAST)
    place = ord(text[-1]) + 1
    return text[:-1] + chr(SURROGATES.stop if place in SURROGATES else place)


def _of_id(operator: str, value: Any) -> Bounds:
    if not isinstance(value, str):
        return NOTHING
    if operator == "==":
        return Bounds((Interval(value, value),)) if 0 < len(value) <= _MAX_ID else NOTHING
    text = value[:_MAX_ID]
    below = next_below({"S": text}) if text else None
    ends = {
        "<": (FIRST, "" if below is None else below["S"]),
        "<=": (FIRST, text),
        ">": (text + FIRST, LAST),
        ">=": (text or FIRST, LAST),
    }
    return Bounds(_apart([Interval(*ends[operator])]))


def _id_starting(prefix: str) -> Bounds:
    return Bounds((Interval(prefix or FIRST, prefix + LAST),)) if len(prefix) <= _MAX_ID else NOTHING


NOTHING = Bounds(())
BY_RANGE = Order(_of_range, _range_starting)
BY_ID = Order(_of_id, _id_starting)
PRESENT = Bounds((Interval(BOOLEAN, LAST),))
"""The sort keys of an index of records that have its range property."""
ABSENT = Bounds((Interval(NULL, BOOLEAN),))


def bounds(term: Node, name: str, order_: Order) -> Bounds | None:
    """The bounds that a term sets to a property's sort keys; None when it says nothing of that alone."""
    form = _FORMS.get(type(term))
    return None if form is None else form(term, name, order_)


def _of_comparison(term: Compare, name: str, order_: Order) -> Bounds | None:
    if _is(term.left, name) and isinstance(term.right, Constant):
        operator, value = str(term.operator), term.right.value
    elif _is(term.right, name) and isinstance(term.left, Constant):
        operator, value = _TURNED[term.operator], term.left.value
    else:
        return None
    if operator != "!=":
        return order_.compared(operator, value)
    return PRESENT if value is None and order_ is BY_RANGE else None


def _of_between(term: Between, name: str, order_: Order) -> Bounds | None:
    if not (_is(term.operand, name) and isinstance(term.low, Constant) and isinstance(term.high, Constant)):
        return None
    return both(order_.compared(">=", term.low.value), order_.compared("<=", term.high.value))


def _of_in(term: In, name: str, order_: Order) -> Bounds | None:
    options = equals(term, name)
    return None if options is None else _any([order_.compared("==", option) for option in options])


def _of_prefix(term: StartsWith, name: str, order_: Order) -> Bounds | None:
    if not (_is(term.operand, name) and isinstance(term.prefix, Constant) and isinstance(term.prefix.value, str)):
        return None
    return order_.starting(term.prefix.value)


def _of_presence(term: Has, name: str, order_: Order) -> Bounds | None:
    return PRESENT if order_ is BY_RANGE and _is(term.operand, name) else None


def _of_absence(term: Not, name: str, order_: Order) -> Bounds | None:
    return ABSENT if isinstance(term.operand, Has) and _of_presence(term.operand, name, order_) else None


def _of_junction(term: And | Or, name: str, order_: Order) -> Bounds | None:
    parts = [bounds(operand, name, order_) for operand in term.operands]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return _any(known) if isinstance(term, Or) else all_of(known)


_FORMS: dict[type[Node], Callable[[Any, str, Order], Bounds | None]] = {
    Compare: _of_comparison,
    Between: _of_between,
    In: _of_in,
    StartsWith: _of_prefix,
    Has: _of_presence,
    Not: _of_absence,
    And: _of_junction,
    Or: _of_junction,
}


def equals(term: Node, name: str) -> tuple[Any, ...] | None:
    """The values of which a property has to have one; None when the term says nothing of the kind."""
    if isinstance(term, Compare) and term.operator == "==":
        for one, other in ((term.left, term.right), (term.right, term.left)):
            if _is(one, name) and isinstance(other, Constant):
                return (other.value,)
    elif isinstance(term, In) and _is(term.operand, name) and isinstance(term.options, Constant):
        return tuple(_listed(term.options))
    elif isinstance(term, Or):
        parts = [equals(operand, name) for operand in term.operands]
        if all(part is not None for part in parts):
            return tuple(value for part in parts for value in part or ())
    return None


def _listed(options: Constant) -> Sequence[Any]:
    return tuple(options.value) if isinstance(options.value, (list, tuple, set, frozenset)) else ()


def _is(node: Node, name: str) -> bool:
    return isinstance(node, Reference) and node.root == "record" and node.path == (name,)


def both(one: Bounds, other: Bounds) -> Bounds:
    """What is in both."""
    return Bounds(tuple(_shared(one.intervals, other.intervals)), one.exact and other.exact)


def _shared(some: Sequence[Interval], others: Sequence[Interval]) -> Iterator[Interval]:
    """What is in one of each, in steps as many as there are: a caller's lists can make thousands of them."""
    number, other = 0, 0
    while number < len(some) and other < len(others):
        low, high = max(some[number].low, others[other].low), min(some[number].high, others[other].high)
        if low <= high:
            yield Interval(low, high)
        if some[number].high < others[other].high:
            number += 1
        else:
            other += 1


def all_of(parts: Iterable[Bounds]) -> Bounds:
    """What is in each; of none, everything."""
    found = Bounds((ALL,))
    for part in parts:
        found = both(found, part)
    return found


def _any(parts: Sequence[Bounds]) -> Bounds:
    return Bounds(_apart([each for part in parts for each in part.intervals]), all(part.exact for part in parts))


def _apart(given: Iterable[Interval]) -> tuple[Interval, ...]:
    """The same, ascending, without empty ones, those that overlap as one."""
    return tuple(_joined(sorted(interval for interval in given if interval.low <= interval.high)))


def _joined(ascending: Iterable[Interval]) -> Iterator[Interval]:
    last: Interval | None = None
    for interval in ascending:
        if last is None:
            last = interval
        elif interval.low <= last.high:
            last = Interval(last.low, max(last.high, interval.high))
        else:
            yield last
            last = interval
    if last is not None:
        yield last
