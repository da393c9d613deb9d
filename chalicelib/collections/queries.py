"""Listings as callers ask for them: records that meet a condition, in an order; paged, counted, explained."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chalicelib.collections import listing
from chalicelib.collections.listing import Cost, RecordPage
from chalicelib.collections.planning import Access, Plan, Sort, plan
from chalicelib.dynamo import stretches
from chalicelib.dynamo.tables import INDEX_SLOTS, main
from chalicelib.errors import InvalidCursor, MalformedJson, UnservedSort
from chalicelib.schema import json_text
from chalicelib.where import ast
from chalicelib.where.ast import Node
from chalicelib.where.fold import fold
from chalicelib.where.printer import to_text

if TYPE_CHECKING:
    from chalicelib.access.rules import Grant
    from chalicelib.collections.definitions import Collection

ASSUMED_BYTES = 1024
"""What a record is taken to have where its cost is estimated; nothing has been read at that time."""
_UNIT_BYTES = 4096
_SHOWN = 10
_PIECES = 5
"""Of 100, 200, 400, 800 and the rest of 2,000 records."""


@dataclass(frozen=True)
class Query:
    """What a caller asks for. ``where`` has everything bound; None is every record that the caller may list."""

    grant: Grant
    where: Node | None = None
    sort: Sort | None = None

    @property
    def collection(self) -> Collection:
        """The collection that is listed."""
        return self.grant.collection

    @property
    def identity(self) -> str:
        """A text that changes with whatever a cursor must not be used across."""
        name, created_at = self.collection.name, self.collection.created_at
        if self.where is None and self.sort is None:
            return f"records/{name}/{created_at}"
        asked = f"{self.sort}\0{'' if self.where is None else to_text(self.where)}"
        return f"records/{name}/{created_at}/{sha256(asked.encode()).hexdigest()}"

    def plan(self, using: Access | None = None) -> Plan:
        """How it is answered; see ``planning.plan``."""
        where = ast.TRUE if self.where is None else fold(self.where)
        rule = self.grant.over_record("list")
        if rule is not True:
            where = fold(ast.And((ast.FALSE if rule is False else rule, where)))
        return plan(self.collection, where, self.sort, using, self.grant.hidden)


def page(query: Query, limit: int, position: str | None) -> tuple[RecordPage, Plan]:
    """A page from a position on, which ``position_in`` made.

    Raises:
        UnservedSort: no index has the records in this order (400).
        InvalidCursor: the index that the position is in has changed (400).
    """
    using, start = (None, None) if position is None else _loaded(position)
    made = query.plan(using)
    if not made.serves_sort and query.sort is not None:
        raise UnservedSort(_unserved(query), made.declare if query.grant.is_unbounded else None)
    return listing.page(query.collection, made, limit, start), made


def _unserved(query: Query) -> str:
    name = "" if query.sort is None else query.sort.name
    if name == "version":
        return "No index can be of 'version', which changes with every write."
    refused = f"No index that this query can use has its records by {name!r}, and sorting them takes reading all."
    if not query.grant.is_unbounded:
        return f"{refused} Leave 'sort' out."
    building = [index.name for index in query.collection.indexes if index.range == name and not index.is_ready]
    if building:
        job = query.collection.reindexing
        return f"The index {building[0]!r} is being built; GET /v1/jobs/{job} tells how far it is."
    if len(query.collection.indexes) == INDEX_SLOTS:
        return (
            f"No index has its records by {name!r}, and the collection has {INDEX_SLOTS} already: give one up for it."
        )
    hint = " Portico's own ids sort by time of creation: sort=-id." if name == "created_at" else ""
    return f"{refused} Declare the index in 'declare', or leave 'sort' out.{hint}"


def position_in(made: Plan, start: str | None) -> str | None:
    """Where the next page goes on, as a text: the way that it is read, and the sort key. None at the end."""
    return None if start is None else json_text.dump([*made.access, start])


def _loaded(position: str) -> tuple[Access, str]:
    try:
        name, hash_, range_, start = json_text.parse(position.encode())
    except (MalformedJson, TypeError, ValueError):
        raise InvalidCursor from None
    return (name, hash_, range_), start


def count(query: Query) -> tuple[int, Cost]:
    """How many records there are, exactly, and what counting took.

    Raises:
        CountTooLarge: it takes reading more than one request may (422).
    """
    return listing.count(query.collection, query.plan())


def explain(query: Query, limit: int) -> dict[str, Any]:
    """How a first page is answered, and what it takes: the page is read, and not shown."""
    made = query.plan()
    requests = [
        stretches.explained(stretches.request(main, each, made.compiled.condition, forward=made.forward))
        for each in made.stretches[:_SHOWN]
    ]
    consumed = listing.page(query.collection, made, limit) if made.serves_sort else None
    rest = made.compiled.rest
    return {
        "index": None if made.index is None else made.index.name,
        "why": made.why,
        "rejected": dict(made.rejected),
        "order": [f"{'' if made.forward else '-'}{name}" for name in made.order],
        "served": made.serves and made.serves_sort,
        "key_conditions": [each["key_condition"] for each in requests],
        "queries": len(made.stretches),
        "filter": requests[0]["filter"] if requests else None,
        "memory": None if rest is None else to_text(rest),
        "estimated": _estimated(made, limit),
        "consumed": None if consumed is None else {**consumed.cost.document(), "returned": len(consumed.records)},
        "declare": made.declare,
    }


def _estimated(made: Plan, limit: int) -> dict[str, Any]:
    """What a page takes at most, with records of 1 KB. A filter that leaves little makes a page of several pieces."""
    calls = len(made.stretches)
    whole = made.compiled.condition is None and made.compiled.rest is None
    scanned = min(limit if whole else listing.MAX_SCANNED, listing.MAX_SCANNED) if calls else 0
    points = sum(each.is_point for each in made.stretches)
    if calls and points == calls and made.index is None:
        scanned = min(scanned, points)
    per_call = -(-scanned * ASSUMED_BYTES // _UNIT_BYTES // max(calls, 1))
    units = max(per_call, 1) * calls * (1.0 if made.index is None else 0.5)
    pieces = 1 if whole or points else _PIECES
    return {"calls": calls * pieces, "scanned": scanned, "units": units, "record_bytes": ASSUMED_BYTES}
