"""The endpoints that write one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.collections import records
from chalicelib.http import requests, responses
from chalicelib.http.endpoint import endpoint, open_collection

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.collections.definitions import Collection
    from chalicelib.collections.record import Outcome


@endpoint("create_record")
def create(request: Request, name: str) -> Response:
    """POST …/records."""
    collection = open_collection(request, name, "create")
    outcome = records.create(
        collection, requests.json(request), requests.preconditions(request), requests.once(request)
    )
    return _written(outcome, collection)


@endpoint("replace_record")
def replace(request: Request, name: str, record_id: str) -> Response:
    """PUT …/records/{id}."""
    collection = open_collection(request, name, "update")
    outcome = records.replace(
        collection, requests.record_id(record_id), requests.json(request), requests.preconditions(request)
    )
    return _written(outcome, collection)


@endpoint("patch_record")
def patch(request: Request, name: str, record_id: str) -> Response:
    """PATCH …/records/{id}."""
    collection = open_collection(request, name, "update")
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
    collection = open_collection(request, name, "delete")
    records.delete(collection, requests.record_id(record_id), requests.preconditions(request))
    return responses.nothing()


def _written(outcome: Outcome, collection: Collection) -> Response:
    document = outcome.document or {}
    if not outcome.created:
        return responses.versioned(document)
    return responses.versioned(
        document, 201, {"Location": f"/v1/collections/{collection.name}/records/{document['id']}"}
    )
