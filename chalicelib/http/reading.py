"""The endpoints that read records: one, a page, an export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.collections import reading
from chalicelib.http import cursors, requests, responses
from chalicelib.http.endpoint import endpoint, open_collection
from chalicelib.schema import json_text

if TYPE_CHECKING:
    from chalice.app import Request

    from chalicelib.collections.reading import RecordPage

EXPORT_LIMIT = 1000


@endpoint("read_record")
def read(request: Request, name: str, record_id: str) -> Response:
    """GET …/records/{id}."""
    collection = open_collection(request, name, "read")
    record = reading.read(collection, requests.record_id(record_id), consistent=requests.flag(request, "consistent"))
    if requests.preconditions(request).not_modified(record.version):
        return responses.not_modified(record.version)
    fields = requests.fields(request)
    if fields is None:
        return responses.versioned(record.document())
    return responses.json(record.document(fields), headers={"ETag": responses.etag(record.version)})


@endpoint("list_records")
def list_page(request: Request, name: str) -> Response:
    """GET …/records."""
    collection = open_collection(request, name, "list")
    principal = requests.principal(request)
    fields = requests.fields(request)
    query = f"records/{collection.name}/{collection.created_at}"
    after = cursors.load(requests.parameter(request, "cursor"), query, principal)
    page = reading.page(collection, requests.limit(request), after)
    items, following = _fitting(page, fields)
    cursor = json_text.dump(cursors.dump(following, query, principal))
    return Response(f'{{"items":[{",".join(items)}],"next":{cursor}}}', {"Content-Type": "application/json"}, 200)


@endpoint("export_records")
def export(request: Request, name: str) -> Response:
    """GET …/export."""
    collection = open_collection(request, name, "list")
    principal = requests.principal(request)
    query = f"export/{collection.name}/{collection.created_at}"
    after = cursors.load(requests.parameter(request, "cursor"), query, principal)
    page = reading.page(collection, requests.limit(request, EXPORT_LIMIT), after, newest_first=False)
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
