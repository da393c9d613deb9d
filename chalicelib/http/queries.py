"""The endpoints that answer with pages of records: the list, the query with a body, the export."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from chalice.app import Response

from chalicelib.collections import conditions, queries
from chalicelib.collections.planning import Sort
from chalicelib.collections.queries import Query
from chalicelib.dynamo.codec import MAX_NAME_BYTES
from chalicelib.errors import Failure, Forbidden, InvalidParameter, ValidationFailed, pointer
from chalicelib.http import cursors, requests, responses
from chalicelib.http.endpoint import endpoint, granted
from chalicelib.http.endpoints import NDJSON
from chalicelib.schema import json_text
from chalicelib.where.errors import InvalidText
from chalicelib.where.parser import parse_reference

if TYPE_CHECKING:
    from chalice.app import Request

    from chalicelib.access.rules import Grant
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
    return answer(request, name)


def answer(request: Request, name: str) -> Response:
    """The page that the query parameters ask for."""
    grant = granted(request, name, "list")
    where, sort = requests.parameter(request, "where"), requests.parameter(request, "sort")
    query = Query(
        grant,
        None if where is None else conditions.parse(where, "where", grant.hidden),
        None if sort is None else _sort(sort, grant),
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
    return _answer(request, _asked(granted(request, name, "list"), requests.json(request)))


def _asked(grant: Grant, body: Any) -> _Asked:
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
            grant,
            None if where is None else conditions.load(where, "where", body.get("params"), grant.hidden),
            None if sort is None else _sort(sort, grant),
        ),
        int(body.get("limit", requests.DEFAULT_LIMIT)),
        body.get("fields"),
        body.get("cursor"),
        body.get("count", False),
        body.get("explain", False),
    )


def _is_limit(value: Any) -> bool:
    return type(value) in (int, float) and value == int(value) and 1 <= value <= requests.MAX_LIMIT


def _is_fields(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 1 <= len(value) <= requests.MAX_FIELDS
        and all(each and isinstance(each, str) for each in value)
    )


_MEMBERS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "where": (lambda value: value is None or isinstance(value, (str, list)), "is neither a text nor an array"),
    "params": (
        lambda value: value is None or (isinstance(value, dict) and len(value) <= MAX_PARAMS),
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


def _sort(text: str, grant: Grant) -> Sort:
    name = _property(text[1:] if text[:1] == "-" else text)
    if not 0 < len(name.encode()) <= MAX_NAME_BYTES or "," in name:
        raise InvalidParameter("sort", "'sort' is the name of one property, with - before it for the reverse order.")
    if name in grant.hidden:
        raise InvalidParameter("sort", f"{name!r} is hidden from this caller.")
    return Sort(name, forward=text[:1] != "-")


def _property(text: str) -> str:
    """The property that is named as where expressions name it, or by its plain name."""
    try:
        path = parse_reference(text, roots=()).path
    except InvalidText:
        return text
    if len(path) > 1:
        raise InvalidParameter(
            "sort", "Only a property of the record itself can be sorted by. A name with a dot is written in backquotes."
        )
    return str(path[0])


def _answer(request: Request, asked: _Asked) -> Response:
    principal = requests.principal(request)
    if asked.explains:
        if not principal.is_admin:  # a plan tells of the rule, and of records that it leaves out
            raise Forbidden("Only administrators may explain.")
        return responses.json(queries.explain(asked.query, asked.limit))
    position = cursors.load(asked.cursor, asked.query.identity, principal)
    page, made = queries.page(asked.query, asked.limit, position)
    texts, following = _fitting(page, asked.query.grant, asked.fields)
    cursor = cursors.dump(queries.position_in(made, following), asked.query.identity, principal)
    text = f'{{"items":[{",".join(texts)}],"next":{json_text.dump(cursor)}{_counted(asked)}}}'
    plan = _plan_header(made, page.cost.scanned if principal.is_admin else None)
    return Response(text, {"Content-Type": "application/json", "Portico-Plan": plan}, 200)


def _fitting(page: RecordPage, grant: Grant, fields: list[str] | None = None) -> tuple[list[str], str | None]:
    """The JSON texts of a page's first records, as many as fit in an answer, and where the next page goes on."""
    texts = responses.fitting(grant.shown(record.document(fields)) for record in page.records)
    return texts, page.next if len(texts) == len(page.records) else page.places(page.records[len(texts) - 1])


def _counted(asked: _Asked) -> str:
    if not asked.counts:
        return ""
    number, cost = queries.count(asked.query)
    if not asked.query.grant.principal.is_admin:
        return f',"count":{number}'  # what it took tells of records that the caller may not list
    return f',"count":{number},"count_cost":{json_text.dump(cost.document())}'


def _plan_header(made: Plan, scanned: int | None) -> str:
    """The plan as a dictionary of RFC 9651: the index unless it is the base, whether it serves, what was looked at.

    Only whether it serves for who may not know what was looked at in vain.
    """
    if scanned is None:
        return f"served=?{int(made.serves)}"
    index = "" if made.index is None else f'index="{made.index.name}", '
    return f"{index}served=?{int(made.serves)}, scanned={scanned}"


@endpoint("export_records")
def export(request: Request, name: str) -> Response:
    """GET …/export."""
    grant = granted(request, name, "list")
    collection = grant.collection
    principal = requests.principal(request)
    listing = f"export/{collection.name}/{collection.created_at}"
    position = cursors.load(requests.parameter(request, "cursor"), listing, principal)
    query = Query(grant, sort=Sort("id", forward=True))
    page, made = queries.page(query, requests.limit(request, EXPORT_LIMIT), position)
    lines, following = _fitting(page, grant)
    headers: dict[str, str | list[str]] = {"Content-Type": NDJSON}
    cursor = cursors.dump(queries.position_in(made, following), listing, principal)
    if cursor is not None:
        limit = requests.parameter(request, "limit")
        more = f"&limit={limit}" if limit else ""
        headers["Link"] = f'</v1/collections/{collection.name}/export?cursor={cursor}{more}>; rel="next"'
    return Response("".join([f"{line}\n" for line in lines]), headers, 200)
