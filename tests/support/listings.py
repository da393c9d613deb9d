"""Listings read to their end, and what they are held against: all records, filtered and sorted in Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from chalicelib.access.rules import unbounded
from chalicelib.collections import queries
from chalicelib.collections.conditions import read
from chalicelib.collections.definitions import Collection
from chalicelib.collections.listing import RecordPage
from chalicelib.collections.planning import Sort
from chalicelib.collections.queries import Query
from chalicelib.where.evaluate import evaluate


def query(made: Collection, where: Any = None, sort: str | None = None, params: dict[str, Any] | None = None) -> Query:
    """A listing as callers ask for it, without HTTP: ``query(books, "year > 1970", "-year")``."""
    order = None if sort is None else Sort(sort.removeprefix("-"), forward=not sort.startswith("-"))
    return Query(unbounded(made), None if where is None else read(where, params or {}), order)


def pages(asked: Query, limit: int) -> Iterator[RecordPage]:
    """Each page, the position between them as the text that a cursor has."""
    position: str | None = None
    while True:
        page, made = queries.page(asked, limit, position)
        assert len(page.records) <= limit
        yield page
        before, position = position, queries.position_in(made, page.next)
        if position is None:
            return
        assert position != before, "a page goes no further"


def listed(asked: Query, limit: int) -> list[str]:
    """The ids of all pages."""
    return [record.id for page in pages(asked, limit) for record in page.records]


def naive(documents: Sequence[dict[str, Any]], asked: Query, order: Sequence[str]) -> list[str]:
    """The ids that there are to be: what the evaluator says is true of, by the properties of ``order``."""
    found = [each for each in documents if asked.where is None or evaluate(asked.where, each)]
    for name in reversed(order):  # sorts are stable
        found.sort(key=lambda document: ranked(document.get(name.removeprefix("-"))), reverse=name.startswith("-"))
    return [document["id"] for document in found]


def ranked(value: Any) -> tuple[int, Any]:
    """A value's place: null (and missing), false, true, numbers, strings by their UTF-8, then lists and maps."""
    if value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (1, value)
    if isinstance(value, str):
        return (3, value.encode())
    if isinstance(value, (list, dict)):
        return (4, 0)
    return (2, Decimal(str(value)))
