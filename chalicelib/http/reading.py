"""The endpoint that reads one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.collections import reading
from chalicelib.http import requests, responses
from chalicelib.http.endpoint import endpoint, open_collection

if TYPE_CHECKING:
    from chalice.app import Request, Response


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
