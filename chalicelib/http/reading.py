"""The endpoint that reads one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.collections import reading
from chalicelib.http import requests, responses
from chalicelib.http.endpoint import endpoint, granted

if TYPE_CHECKING:
    from chalice.app import Request, Response


@endpoint("read_record")
def read(request: Request, name: str, record_id: str) -> Response:
    """GET …/records/{id}."""
    return answer(request, name, record_id)


def answer(request: Request, name: str, record_id: str) -> Response:
    """The record, or that the caller has it already."""
    preconditions = requests.preconditions(request)
    grant = granted(request, name, "read")
    record = reading.read(grant, requests.record_id(record_id), consistent=requests.flag(request, "consistent"))
    if preconditions.not_modified(record.version):
        return responses.not_modified(record.version)
    fields = requests.fields(request)
    if fields is None:
        return responses.versioned(grant.shown(record.document()))
    return responses.json(grant.shown(record.document(fields)), headers={"ETag": responses.etag(record.version)})
