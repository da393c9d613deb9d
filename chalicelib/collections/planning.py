"""How a listing is answered: by which index, from which stretches of it, and what is left for the filter. Pure.

The base has all records of the collection by id, in one partition a shard. An index has them by its range, and by id
where that is alike; all of them, or a partition for each value of its hash. Whatever is chosen, an answer's order is
total, so that a position in it is one sort key, whichever partitions are read.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from chalicelib.collections.conditions import place_in_filter
from chalicelib.collections.intervals import ALL, BY_ID, BY_RANGE, Bounds, Interval, Order, all_of, bounds, equals
from chalicelib.dynamo import conditions
from chalicelib.dynamo.conditions.terms import stored
from chalicelib.dynamo.stretches import Stretch
from chalicelib.errors import InvalidCursor
from chalicelib.schema.structure import SERVER_SET
from chalicelib.where import ast
from chalicelib.where.ast import Node

if TYPE_CHECKING:
    from chalicelib.collections.definitions import Collection
    from chalicelib.collections.indexes import Index
    from chalicelib.dynamo.conditions import Compiled

MAX_STRETCHES = 100
"""Queries that a page may be merged from; as many as a list for ``in`` has values in DynamoDB."""
BASE = "*"
"""The records themselves, by id, where indexes are named."""
_NAME = re.compile("[^a-z0-9_]+")


Access: TypeAlias = "tuple[str | None, str | None, str | None]"
"""The name, hash and range of an index; of the base, None each."""


def access(index: Index | None) -> Access:
    """What tells an access path from others, for as long as its keys are made in the same way."""
    return (None, None, None) if index is None else (index.name, index.hash, index.range)


class Sort(NamedTuple):
    """The order that is asked for."""

    name: str
    forward: bool


@dataclass(frozen=True)
class Plan:
    """The way a listing is answered.

    ``index`` is None for the base. ``stretches`` are apart from each other and have every record that can match;
    ``compiled`` is what is left to decide, by the filter and in memory. ``order`` names the properties that the answer
    is ordered by; ``serves_sort``: as it was asked for. ``serves``: not everything is read to find some. ``declare`` is
    an index that would serve where this does not.
    """

    index: Index | None
    stretches: tuple[Stretch, ...]
    compiled: Compiled
    forward: bool
    order: tuple[str, ...]
    why: str
    rejected: Mapping[str, str]
    serves: bool = True
    serves_sort: bool = True
    declare: Mapping[str, Mapping[str, str]] | None = None

    @property
    def access(self) -> Access:
        """What tells the way from others."""
        return access(self.index)


class _Candidate(NamedTuple):
    """An access path, judged: the lower its cost, the less it reads."""

    cost: int
    by: Index | None
    stretches: tuple[Stretch, ...]
    used: frozenset[int]
    why: str

    @property
    def access(self) -> Access:
        """What tells it from others."""
        return access(self.by)

    def rank(self) -> tuple[int, bool, int]:
        """The lower, the better. Who reads all takes the base, which has the newest first and is consistent."""
        return self.cost, self.cost == _WHOLE and self.by is not None, len(self.stretches)

    @property
    def order(self) -> tuple[str, ...]:
        """The properties that its records are ordered by."""
        index = self.by
        return ("id",) if index is None or index.range is None else (index.range, "id")


_POINT, _BOUNDED, _HASHED, _RANGED, _WHOLE = range(5)
"""What a candidate reads: single records, a part of a hash value's, all of a hash value's, a part of all, all."""


def plan(
    collection: Collection,
    where: Node,
    sort: Sort | None = None,
    using: Access | None = None,
    hidden: Container[str] = (),
) -> Plan:
    """The way that reads least, in the order that is asked for if there is such a way.

    ``where`` has been folded. Without ``sort`` the base goes from the newest record to the oldest, and so does an index
    without a range; one with a range goes forward. When nothing serves the order, ``serves_sort`` is false and the plan
    is the one without it. ``using``: this way and no other, for a page that goes on where another ended. ``hidden`` are
    properties by which nothing may be ordered, because the order tells of them.

    Raises:
        InvalidCursor: that way is no longer there (400).
    """
    if where == ast.FALSE:
        never = conditions.Compiled(never=True)
        return Plan(None, (), never, forward=False, order=("id",), why="no record can match", rejected={})
    terms = list(_conjuncts(where))
    told = [_told(term) for term in terms]
    candidates, rejected = _candidates(collection, told, hidden)
    if using is not None:
        candidates = [each for each in candidates if each.access == using]
        if not candidates:
            raise InvalidCursor("The index that this cursor was made with has changed; start again without.")
    wanted = None if sort is None or _pins(terms, sort.name) else sort
    ordered = [each for each in candidates if wanted is None or each.order[0] == wanted.name]
    best = min(ordered or candidates, key=_Candidate.rank)
    for each in candidates:
        if each is not best:
            why = "its order is another" if ordered and each not in ordered else "it reads no less"
            rejected[each.by.name if each.by else BASE] = why
    left = [term for number, term in enumerate(terms) if number not in best.used]
    compiled = _compiled(left)
    serves = best.cost < _WHOLE or not left
    return Plan(
        index=best.by,
        stretches=() if compiled.never else best.stretches,
        compiled=compiled,
        forward=_goes_forward(best) if sort is None else sort.forward,
        order=best.order,
        why=best.why,
        rejected=rejected,
        serves=serves,
        serves_sort=bool(ordered),
        declare=None if serves and ordered else _declared(collection, told, wanted),
    )


def _candidates(
    collection: Collection, terms: Sequence[Node], hidden: Container[str]
) -> tuple[list[_Candidate], dict[str, str]]:
    candidates, rejected = [_base(collection, terms)], {}
    for index in collection.indexes:
        if index.range in hidden:
            continue
        judged = _judged(collection.name, index, terms)
        if isinstance(judged, str):
            rejected[index.name] = judged
        else:
            candidates.append(judged)
    return candidates, rejected


def _goes_forward(candidate: _Candidate) -> bool:
    return candidate.order != ("id",)


def _compiled(left: Sequence[Node]) -> Compiled:
    if not left:
        return conditions.Compiled()
    return conditions.compile(ast.And(tuple(left)) if len(left) > 1 else left[0], place_in_filter)


def _conjuncts(where: Node) -> Iterator[Node]:
    if isinstance(where, ast.And):
        for operand in where.operands:
            yield from _conjuncts(operand)
    elif where != ast.TRUE:
        yield where


def _told(term: Node) -> Node:
    """What keys can tell of a term: nothing of one with a value that is never stored, as a claim of ``auth`` may be."""
    values = (node.value for node in ast.walk(term) if isinstance(node, ast.Constant))
    return term if all(stored(value) is not None for value in values) else ast.TRUE


def _base(collection: Collection, terms: Sequence[Node]) -> _Candidate:
    intervals, used, exact = _bounded(terms, "id", BY_ID)
    if used and all(low == high for low, high in intervals):
        points = tuple([Stretch(None, collection.partition(point), point, point) for point, _ in intervals])
        return _Candidate(_POINT, None, points, exact, "the ids are given")
    if used and len(intervals) * len(collection.partitions) <= MAX_STRETCHES:
        return _Candidate(_RANGED, None, _stretches(None, collection.partitions, intervals), exact, "the id is bounded")
    return _Candidate(_WHOLE, None, _stretches(None, collection.partitions, [ALL]), frozenset(), "all records are read")


def _stretches(index: str | None, partitions: Iterable[str], intervals: Sequence[Interval]) -> tuple[Stretch, ...]:
    ends = [(None if low == ALL.low else low, None if high == ALL.high else high) for low, high in intervals]
    return tuple([Stretch(index, partition, *between) for partition in partitions for between in ends])


_Bounded: TypeAlias = "tuple[tuple[Interval, ...], frozenset[int], frozenset[int]]"
_UNBOUNDED: _Bounded = ((ALL,), frozenset(), frozenset())


def _bounded(terms: Sequence[Node], name: str, order: Order) -> _Bounded:
    """The intervals of a sort key, the terms they come from, and those of them that are exact."""
    found: dict[int, Bounds] = {}
    for number, term in enumerate(terms):
        each = bounds(term, name, order)
        if each is not None:
            found[number] = each
    exact = frozenset(number for number, each in found.items() if each.exact)
    return all_of(found.values()).intervals, frozenset(found), exact


def _judged(collection: str, index: Index, terms: Sequence[Node]) -> _Candidate | str:
    if not index.is_ready:
        return "it is being built"
    partitions, of_hash, why = _partitions(collection, index, terms)
    if not partitions and of_hash is None:
        return why
    if len(partitions) > MAX_STRETCHES:
        return f"it would take more than {MAX_STRETCHES} queries"
    intervals, of_range, exact = _UNBOUNDED if index.range is None else _bounded(terms, index.range, BY_RANGE)
    if len(intervals) * len(partitions) > MAX_STRETCHES:
        intervals, of_range, exact = _UNBOUNDED
    if of_range:
        why += f", {index.range} is bounded" if why else f"{index.range} is bounded"
    cost = (_BOUNDED if of_range else _HASHED) if index.hash else (_RANGED if of_range else _WHOLE)
    stretches = _stretches(index.table_index, partitions, intervals)
    return _Candidate(cost, index, stretches, (of_hash or frozenset()) | exact, why or "its order")


def _partitions(
    collection: str, index: Index, terms: Sequence[Node]
) -> tuple[tuple[str, ...], frozenset[int] | None, str]:
    """The partitions that can have matches, and the terms that these say; None when there is no telling."""
    if index.hash is None:
        return (index.partition(collection),), frozenset(), ""
    for number, term in enumerate(terms):
        options = _values(term, index.hash)
        if options:
            partitions = dict.fromkeys(index.partition(collection, option) for option in options)
            return tuple(partitions), frozenset([number]), f"{index.hash} is given"
    return (), None, f"{index.hash} is not given"


def _values(term: Node, name: str) -> tuple[Any, ...]:
    """The values that a term leaves to a property, none of them null; else none."""
    found = equals(term, name) or ()
    return () if None in found else found


def _pins(terms: Sequence[Node], name: str) -> bool:
    """Whether all that match have the same value of a property, so that any order is its order."""
    return name != "id" and any(len(equals(term, name) or ()) == 1 for term in terms)


def _declared(collection: Collection, terms: Sequence[Node], sort: Sort | None) -> dict[str, dict[str, str]] | None:
    """The index that would serve, as a member of ``indexes``; None when none would."""
    names = [name for name in dict.fromkeys(_properties(terms)) if _may_have(collection, name)]
    hash_ = next((name for name in names if 0 < _partition_count(terms, name) <= MAX_STRETCHES), None)
    if sort is not None:
        range_ = None if sort.name == "id" else sort.name
        if sort.name == "version" or not _may_have(collection, sort.name):
            return None
    else:
        bounded = (name for name in names if name != hash_ and _is_bounded(terms, name))
        range_ = next(bounded, None)
    parts = {"hash": hash_, "range": range_}
    declared = {part: name for part, name in parts.items() if name is not None}
    if not declared or any(index.serves_as(declared) for index in collection.indexes):
        return None
    stem = "by_" + _NAME.sub("_", "_".join(declared.values()).lower()).strip("_")
    name, number = stem[:60], 1
    while name in {index.name for index in collection.indexes}:
        number += 1
        name = f"{stem[:58]}_{number}"
    return {name: declared}


def _partition_count(terms: Sequence[Node], name: str) -> int:
    """How many partitions an index would be read from that has the property as its hash; 0 when it cannot be used."""
    return next((len(options) for term in terms if (options := _values(term, name))), 0)


def _is_bounded(terms: Sequence[Node], name: str) -> bool:
    """Whether a part of an index could be read that has the property as its range."""
    intervals, used, _ = _bounded(terms, name, BY_RANGE)
    return bool(used) and len(intervals) <= MAX_STRETCHES


def _properties(terms: Iterable[Node]) -> Iterator[str]:
    """The record's own properties that an index could be of."""
    for term in terms:
        for reference in ast.references(term):
            first = reference.path[0]
            if len(reference.path) == 1 and isinstance(first, str) and first not in ("id", "version"):
                yield first


def _may_have(collection: Collection, name: str) -> bool:
    """Whether records can have a property of this name."""
    schema = collection.definition["schema"]
    known = name in SERVER_SET or name in schema.get("properties", {})
    return known or schema.get("additionalProperties") is not False
