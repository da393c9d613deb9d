"""The endpoints that write one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.collections import records
from chalicelib.http import requests, responses
from chalicelib.http.endpoint import endpoint, granted

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.access.rules import Grant
    from chalicelib.collections.record import Outcome


@endpoint("create_record")
def create(request: Request, name: str) -> Response:
    """POST …/records."""
    grant = granted(request, name, "create")
    outcome = records.create(grant, requests.json(request), requests.preconditions(request), requests.once(request))
    return _written(outcome, grant)


@endpoint("replace_record")
def replace(request: Request, name: str, record_id: str) -> Response:
    """PUT …/records/{id}."""
    grant = granted(request, name, "update", "create")
    outcome = records.replace(
        grant, requests.record_id(record_id), requests.json(request), requests.preconditions(request, grant.hidden)
    )
    return _written(outcome, grant)


@endpoint("patch_record")
def patch(request: Request, name: str, record_id: str) -> Response:
    """PATCH …/records/{id}."""
    grant = granted(request, name, "update")
    outcome = records.patch(
        grant,
        requests.record_id(record_id),
        requests.json(request),
        requests.preconditions(request, grant.hidden),
        requests.once(request),
    )
    return _written(outcome, grant)


@endpoint("delete_record")
def delete(request: Request, name: str, record_id: str) -> Response:
    """DELETE …/records/{id}."""
    grant = granted(request, name, "delete")
    records.delete(grant, requests.record_id(record_id), requests.preconditions(request, grant.hidden))
    return responses.nothing()


def _written(outcome: Outcome, grant: Grant) -> Response:
    document = grant.answered(outcome.document or {})
    if not outcome.created:
        return responses.versioned(document)
    return responses.versioned(
        document, 201, {"Location": f"/v1/collections/{grant.collection.name}/records/{document['id']}"}
    )
