"""The endpoints of one record and of a collection's records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.access.rules import authorize
from chalicelib.collections import definitions, listing, records
from chalicelib.http import cursors, requests, responses
from chalicelib.http.endpoint import endpoint
from chalicelib.schema import json_text

if TYPE_CHECKING:
    from chalice.app import Request

    from chalicelib.collections.definitions import Collection
    from chalicelib.collections.listing import RecordPage
    from chalicelib.collections.record import Outcome

EXPORT_LIMIT = 1000


def _open(request: Request, name: str, operation: str) -> Collection:
    """The collection that the path names, for a caller who may do this in it."""
    name = requests.collection_name(name)
    authorize(requests.principal(request), operation, name)
    return definitions.get(name)


@endpoint("create_record")
def create(request: Request, name: str) -> Response:
    """POST …/records."""
    collection = _open(request, name, "create")
    outcome = records.create(
        collection, requests.json(request), requests.preconditions(request), requests.once(request)
    )
    return _written(outcome, collection)


@endpoint("read_record")
def read(request: Request, name: str, record_id: str) -> Response:
    """GET …/records/{id}."""
    collection = _open(request, name, "read")
    record = records.read(collection, requests.record_id(record_id), consistent=requests.flag(request, "consistent"))
    preconditions = requests.preconditions(request)
    preconditions.check_match(record.version)
    if preconditions.not_modified(record.version):
        return responses.not_modified(record.version)
    fields = requests.fields(request)
    if fields is None:
        return responses.versioned(record.document())
    return responses.json(record.document(fields), headers={"ETag": responses.etag(record.version)})


@endpoint("replace_record")
def replace(request: Request, name: str, record_id: str) -> Response:
    """PUT …/records/{id}."""
    collection = _open(request, name, "update")
    outcome = records.replace(
        collection, requests.record_id(record_id), requests.json(request), requests.preconditions(request)
    )
    return _written(outcome, collection)


@endpoint("patch_record")
def patch(request: Request, name: str, record_id: str) -> Response:
    """PATCH …/records/{id}."""
    collection = _open(request, name, "update")
    outcome = records.patch(
        collection,
        requests.record_id(record_id),
        requests.json(request),
        requests.preconditions(request),
        requests.once(request),
    )
    return _written(outcome, collection)


@endpoint("delete_record")
def delete(request: Request, name: str, record_id: str) -> Response:
    """DELETE …/records/{id}."""
    collection = _open(request, name, "delete")
    records.delete(collection, requests.record_id(record_id), requests.preconditions(request))
    return responses.nothing()


def _written(outcome: Outcome, collection: Collection) -> Response:
    document = outcome.document or {}
    if not outcome.created:
        return responses.versioned(document)
    return responses.versioned(
        document, 201, {"Location": f"/v1/collections/{collection.name}/records/{document['id']}"}
    )


@endpoint("list_records")
def list_page(request: Request, name: str) -> Response:
    """GET …/records."""
    collection = _open(request, name, "list")
    principal = requests.principal(request)
    fields = requests.fields(request)
    query = f"records/{collection.name}/{collection.created_at}"
    after = cursors.load(requests.parameter(request, "cursor"), query, principal)
    page = listing.page(collection, requests.limit(request), after)
    items, following = _fitting(page, fields)
    cursor = json_text.dump(cursors.dump(following, query, principal))
    return Response(f'{{"items":[{",".join(items)}],"next":{cursor}}}', {"Content-Type": "application/json"}, 200)


@endpoint("export_records")
def export(request: Request, name: str) -> Response:
    """GET …/export."""
    collection = _open(request, name, "list")
    principal = requests.principal(request)
    query = f"export/{collection.name}/{collection.created_at}"
    after = cursors.load(requests.parameter(request, "cursor"), query, principal)
    page = listing.page(collection, requests.limit(request, EXPORT_LIMIT), after, newest_first=False)
    lines, following = _fitting(page)
    headers: dict[str, str | list[str]] = {"Content-Type": "application/x-ndjson"}
    cursor = cursors.dump(following, query, principal)
    if cursor is not None:
        limit = requests.parameter(request, "limit")
        more = f"&limit={limit}" if limit else ""
        headers["Link"] = f'</v1/collections/{collection.name}/export?cursor={cursor}{more}>; rel="next"'
    return Response("".join([f"{line}\n" for line in lines]), headers, 200)


def _fitting(page: RecordPage, fields: list[str] | None = None) -> tuple[list[str], str | None]:
    """The JSON texts of a page's first records, as many as fit in an answer, and the id to go on after."""
    texts: list[str] = []
    size = 0
    for record in page.records:
        text = json_text.dump(record.document(fields))
        size += responses.size(text) + 2  # what stands between
        if size > responses.MAX_BYTES and texts:
            return texts, page.records[len(texts) - 1].id
        texts.append(text)
    return texts, page.next
