"""The endpoints of collections and of the jobs that work on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.access.rules import authorize
from chalicelib.collections import definitions, jobs
from chalicelib.errors import CollectionNotFound
from chalicelib.http import audit, cursors, requests, responses
from chalicelib.http.endpoint import endpoint

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.access.audit import Action, Document


@endpoint("list_collections")
def list_page(request: Request) -> Response:
    """GET /v1/collections."""
    principal = requests.principal(request)
    authorize(principal, "administer")
    after = cursors.load(requests.parameter(request, "cursor"), "collections", principal)
    found, following = definitions.page(requests.limit(request), after)
    items = [collection.document() for collection in found]
    return responses.json({"items": items, "next": cursors.dump(following, "collections", principal)})


@endpoint("read_collection")
def read(request: Request, name: str) -> Response:
    """GET /v1/collections/{collection}."""
    authorize(requests.principal(request), "administer")
    collection = definitions.current(requests.collection_name(name))
    if requests.preconditions(request).not_modified(collection.version):
        return responses.not_modified(collection.version)
    return responses.versioned(collection.document())


@endpoint("put_collection")
def put(request: Request, name: str) -> Response:
    """PUT /v1/collections/{collection}."""
    authorize(requests.principal(request), "administer")
    before = _before(name)
    collection, created = definitions.put(
        requests.collection_name(name), requests.json(request), requests.preconditions(request)
    )
    action: Action = "collection.created" if created else "collection.updated"
    audit.record(request, action, f"collection:{collection.name}", None if created else before, collection.document())
    if not created:
        return responses.versioned(collection.document())
    return responses.versioned(collection.document(), 201, {"Location": f"/v1/collections/{collection.name}"})


@endpoint("delete_collection")
def delete(request: Request, name: str) -> Response:
    """DELETE /v1/collections/{collection}."""
    authorize(requests.principal(request), "administer")
    before = _before(name)
    job = definitions.delete(requests.collection_name(name), requests.preconditions(request))
    audit.record(request, "collection.deleted", f"collection:{job.collection}", before)
    return responses.json(job.document(), 202, {"Location": f"/v1/jobs/{job.id}"})


def _before(name: str) -> Document:
    """The definition as it is shown before a change, for the audit trail."""
    try:
        return definitions.current(requests.collection_name(name)).document()
    except CollectionNotFound:
        return None


@endpoint("list_jobs")
def list_jobs(request: Request) -> Response:
    """GET /v1/jobs."""
    principal = requests.principal(request)
    authorize(principal, "administer")
    after = cursors.load(requests.parameter(request, "cursor"), "jobs", principal)
    found = jobs.page(requests.limit(request), after)
    items = [job.document() for job in found.items]
    return responses.json({"items": items, "next": cursors.dump(found.last, "jobs", principal)})


@endpoint("read_job")
def read_job(request: Request, job_id: str) -> Response:
    """GET /v1/jobs/{id}."""
    authorize(requests.principal(request), "administer")
    return responses.json(jobs.get(job_id).document())
