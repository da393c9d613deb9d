"""The endpoints that answer with pages of records: the list, the query with a body, the export."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from chalice.app import Response

from chalicelib.collections import conditions, queries
from chalicelib.collections.planning import Sort
from chalicelib.collections.queries import Query
from chalicelib.dynamo.codec import MAX_NAME_BYTES
from chalicelib.errors import Failure, InvalidParameter, ValidationFailed, pointer
from chalicelib.http import cursors, requests, responses
from chalicelib.http.endpoint import endpoint, open_collection
from chalicelib.http.endpoints import NDJSON
from chalicelib.schema import json_text

if TYPE_CHECKING:
    from chalice.app import Request

    from chalicelib.collections.definitions import Collection
    from chalicelib.collections.listing import RecordPage
    from chalicelib.collections.planning import Plan

EXPORT_LIMIT = 1000
MAX_PARAMS = 100


class _Asked(NamedTuple):
    query: Query
    limit: int
    fields: list[str] | None
    cursor: str | None
    counts: bool
    explains: bool


@endpoint("list_records")
def list_page(request: Request, name: str) -> Response:
    """GET …/records."""
    collection = open_collection(request, name, "list")
    where, sort = requests.parameter(request, "where"), requests.parameter(request, "sort")
    query = Query(
        collection,
        None if where is None else conditions.parse(where, "where"),
        None if sort is None else _sort(sort),
    )
    asked = _Asked(
        query,
        requests.limit(request),
        requests.fields(request),
        requests.parameter(request, "cursor"),
        requests.flag(request, "count"),
        requests.flag(request, "explain"),
    )
    return _answer(request, asked)


@endpoint("query_records")
def query_page(request: Request, name: str) -> Response:
    """POST …/query."""
    collection = open_collection(request, name, "list")
    return _answer(request, _asked(collection, requests.json(request)))


def _asked(collection: Collection, body: Any) -> _Asked:
    """What a body asks for.

    Raises:
        ValidationFailed: it is no such object (422). InvalidWhere, InvalidParameter: 400.
    """
    if not isinstance(body, dict):
        raise ValidationFailed([Failure(pointer="", detail="is not a JSON object")])
    failures = [
        Failure(pointer=pointer([name]), detail=_MEMBERS[name][1] if name in _MEMBERS else "is not known here")
        for name, value in body.items()
        if name not in _MEMBERS or not _MEMBERS[name][0](value)
    ]
    if failures:
        raise ValidationFailed(failures)
    where, sort = body.get("where"), body.get("sort")
    return _Asked(
        Query(
            collection,
            None if where is None else conditions.load(where, "where", body.get("params")),
            None if sort is None else _sort(sort),
        ),
        int(body.get("limit", requests.DEFAULT_LIMIT)),
        body.get("fields"),
        body.get("cursor"),
        body.get("count", False),
        body.get("explain", False),
    )


def _is_limit(value: Any) -> bool:
    return type(value) is int and 1 <= value <= requests.MAX_LIMIT


def _is_fields(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 1 <= len(value) <= requests.MAX_FIELDS
        and all(each and isinstance(each, str) for each in value)
    )


_MEMBERS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "where": (lambda value: value is None or isinstance(value, (str, list)), "is neither a text nor an array"),
    "params": (
        lambda value: isinstance(value, dict) and len(value) <= MAX_PARAMS,
        "is no object of at most 100 values",
    ),
    "sort": (lambda value: value is None or isinstance(value, str), "is not a text"),
    "fields": (lambda value: value is None or _is_fields(value), "is not an array of 1 to 100 property names"),
    "limit": (_is_limit, f"is not a whole number from 1 to {requests.MAX_LIMIT}"),
    "cursor": (lambda value: value is None or isinstance(value, str), "is not a text"),
    "count": (lambda value: isinstance(value, bool), "is not a boolean"),
    "explain": (lambda value: isinstance(value, bool), "is not a boolean"),
}
"""The members of a query's body: what they may be, and what is said when they are not."""


def _sort(text: str) -> Sort:
    name = text[1:] if text[:1] == "-" else text
    if not 0 < len(name.encode()) <= MAX_NAME_BYTES or "," in name:
        raise InvalidParameter("sort", "'sort' is the name of one property, with - before it for the reverse order.")
    return Sort(name, forward=text[:1] != "-")


def _answer(request: Request, asked: _Asked) -> Response:
    if asked.explains:
        return responses.json(queries.explain(asked.query, asked.limit))
    principal = requests.principal(request)
    position = cursors.load(asked.cursor, asked.query.identity, principal)
    page, made = queries.page(asked.query, asked.limit, position)
    texts, following = _fitting(page, asked.fields)
    cursor = cursors.dump(queries.position_in(made, following), asked.query.identity, principal)
    text = f'{{"items":[{",".join(texts)}],"next":{json_text.dump(cursor)}{_counted(asked)}}}'
    return Response(
        text, {"Content-Type": "application/json", "Portico-Plan": _plan_header(made, page.cost.scanned)}, 200
    )


def _fitting(page: RecordPage, fields: list[str] | None = None) -> tuple[list[str], str | None]:
    """The JSON texts of a page's first records, as many as fit in an answer, and where the next page goes on."""
    texts = responses.fitting(record.document(fields) for record in page.records)
    return texts, page.next if len(texts) == len(page.records) else page.places(page.records[len(texts) - 1])


def _counted(asked: _Asked) -> str:
    if not asked.counts:
        return ""
    number, cost = queries.count(asked.query)
    return f',"count":{number},"count_cost":{json_text.dump(cost.document())}'


def _plan_header(made: Plan, scanned: int) -> str:
    """The plan as a dictionary of RFC 9651: the index unless it is the base, whether it serves, what was looked at."""
    index = "" if made.index is None else f'index="{made.index.name}", '
    return f"{index}served=?{int(made.serves)}, scanned={scanned}"


@endpoint("export_records")
def export(request: Request, name: str) -> Response:
    """GET …/export."""
    collection = open_collection(request, name, "list")
    principal = requests.principal(request)
    listing = f"export/{collection.name}/{collection.created_at}"
    position = cursors.load(requests.parameter(request, "cursor"), listing, principal)
    query = Query(collection, sort=Sort("id", forward=True))
    page, made = queries.page(query, requests.limit(request, EXPORT_LIMIT), position)
    lines, following = _fitting(page)
    headers: dict[str, str | list[str]] = {"Content-Type": NDJSON}
    cursor = cursors.dump(queries.position_in(made, following), listing, principal)
    if cursor is not None:
        limit = requests.parameter(request, "limit")
        more = f"&limit={limit}" if limit else ""
        headers["Link"] = f'</v1/collections/{collection.name}/export?cursor={cursor}{more}>; rel="next"'
    return Response("".join([f"{line}\n" for line in lines]), headers, 200)
