"""Every endpoint as data: what it takes, what it answers, which problems it can have.

The request checks, the OpenAPI document, the documentation test and the route test all read this table, so they
cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib import errors
from chalicelib.errors import Problem

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
NDJSON = "application/x-ndjson"

MAX_BODY = 1024 * 1024
"""Bytes of an ordinary body: over twice what a record can hold."""
MAX_BULK = 5 * 1024 * 1024
"""Bytes of a batch, a transaction or an import; Lambda takes 6 MB with all around it."""


@dataclass(frozen=True)
class Body:
    """A request body: the media types it may have, the name of its schema in the OpenAPI document, its most bytes."""

    schema: str
    media: tuple[str, ...] = (JSON,)
    limit: int = MAX_BODY


@dataclass(frozen=True)
class Endpoint:
    """One method of one path.

    ``query`` and ``headers`` name parameters that ``openapi`` describes. ``answers`` is the schema's name by status,
    None for an answer without a body. ``problems`` are those besides what every endpoint can have.
    """

    method: str
    path: str
    summary: str
    tag: str
    answers: dict[int, str | None]
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    body: Body | None = None
    problems: tuple[type[Problem], ...] = ()
    public: bool = False
    media: str = JSON

    def every_problem(self) -> tuple[type[Problem], ...]:
        """The problems that the endpoint can answer with, those of all endpoints included."""
        common: list[type[Problem]] = [errors.InternalError, errors.StoreUnavailable, errors.StoreThrottled]
        if not self.public:
            common += [errors.Unauthenticated, errors.Forbidden]
        common += [errors.InvalidParameter, errors.BadRequest]
        if self.body is not None:
            common += [errors.PayloadTooLarge, errors.UnsupportedMediaType, errors.MalformedJson]
        if "{collection}" in self.path:
            common += [errors.InvalidIdentifier]
        return tuple(dict.fromkeys([*common, *self.problems]))


_WRITE = (errors.ValidationFailed, errors.ItemTooLarge, errors.UniqueViolation, errors.WriteContention)
_KEYED = (errors.IdempotencyMismatch, errors.IdempotencyInFlight)
_PAGED = ("limit", "cursor")
_LISTED = (errors.InvalidCursor, errors.InvalidWhere, errors.UnservedSort, errors.CountTooLarge)
_DEFINITIONS = "/v1/collections/{collection}"
_RECORDS = "/v1/collections/{collection}/records"
_RECORD = "/v1/collections/{collection}/records/{id}"

ENDPOINTS: dict[str, Endpoint] = {
    "service": Endpoint("GET", "/", "The service and where its parts are.", "service", {200: "Service"}, public=True),
    "health": Endpoint("GET", "/health", "Whether the store answers.", "service", {200: "Health"}, public=True),
    "openapi": Endpoint(
        "GET",
        "/openapi.json",
        "This document.",
        "service",
        {200: "OpenApi"},
        public=True,
        problems=(errors.Unauthenticated,),
    ),
    "list_collections": Endpoint(
        "GET",
        "/v1/collections",
        "List the collections by name.",
        "collections",
        {200: "CollectionPage"},
        query=_PAGED,
        problems=(errors.InvalidCursor,),
    ),
    "read_collection": Endpoint(
        "GET",
        _DEFINITIONS,
        "Read a collection's definition.",
        "collections",
        {200: "Collection", 304: None},
        headers=("If-None-Match",),
        problems=(errors.CollectionNotFound,),
    ),
    "put_collection": Endpoint(
        "PUT",
        _DEFINITIONS,
        "Create a collection or replace its definition.",
        "collections",
        {200: "Collection", 201: "Collection"},
        headers=("If-Match", "If-None-Match"),
        body=Body("Definition"),
        problems=(
            errors.InvalidDefinition,
            errors.PreconditionFailed,
            errors.DefinitionConflict,
            errors.WriteContention,
        ),
    ),
    "delete_collection": Endpoint(
        "DELETE",
        _DEFINITIONS,
        "Delete a collection; its records go in the background.",
        "collections",
        {202: "Job"},
        headers=("If-Match", "If-None-Match"),
        problems=(errors.CollectionNotFound, errors.PreconditionFailed, errors.WriteContention),
    ),
    "list_records": Endpoint(
        "GET",
        _RECORDS,
        "List records that meet a condition, in an order.",
        "records",
        {200: "RecordPage"},
        query=("where", "sort", "fields", *_PAGED, "count", "explain"),
        problems=(errors.CollectionNotFound, *_LISTED),
    ),
    "query_records": Endpoint(
        "POST",
        "/v1/collections/{collection}/query",
        "The list, asked for with a body.",
        "records",
        {200: "RecordPage"},
        body=Body("Query"),
        problems=(errors.CollectionNotFound, errors.ValidationFailed, *_LISTED),
    ),
    "create_record": Endpoint(
        "POST",
        _RECORDS,
        "Create a record; the server makes the id unless the body has one.",
        "records",
        {201: "Record"},
        headers=("Idempotency-Key", "If-Match", "If-None-Match"),
        body=Body("NewRecord"),
        problems=(errors.CollectionNotFound, *_WRITE, errors.RecordExists, errors.PreconditionFailed, *_KEYED),
    ),
    "read_record": Endpoint(
        "GET",
        _RECORD,
        "Read a record.",
        "records",
        {200: "Record", 304: None},
        query=("fields", "consistent"),
        headers=("If-None-Match",),
        problems=(errors.CollectionNotFound, errors.RecordNotFound),
    ),
    "replace_record": Endpoint(
        "PUT",
        _RECORD,
        "Replace a record, or create it under this id.",
        "records",
        {200: "Record", 201: "Record"},
        query=("if",),
        headers=("If-Match", "If-None-Match"),
        body=Body("NewRecord"),
        problems=(
            errors.CollectionNotFound,
            errors.InvalidWhere,
            *_WRITE,
            errors.PreconditionFailed,
            errors.PreconditionRequired,
        ),
    ),
    "patch_record": Endpoint(
        "PATCH",
        _RECORD,
        "Change some properties of a record.",
        "records",
        {200: "Record"},
        query=("if",),
        headers=("If-Match", "If-None-Match", "Idempotency-Key"),
        body=Body("RecordPatch", (MERGE_PATCH, JSON)),
        problems=(
            errors.CollectionNotFound,
            errors.InvalidWhere,
            errors.RecordNotFound,
            *_WRITE,
            errors.InvalidOperation,
            errors.PreconditionFailed,
            errors.PreconditionRequired,
            *_KEYED,
        ),
    ),
    "delete_record": Endpoint(
        "DELETE",
        _RECORD,
        "Delete a record.",
        "records",
        {204: None},
        query=("if",),
        headers=("If-Match", "If-None-Match"),
        problems=(
            errors.CollectionNotFound,
            errors.InvalidWhere,
            errors.RecordNotFound,
            errors.PreconditionFailed,
            errors.PreconditionRequired,
            errors.WriteContention,
        ),
    ),
    "import_records": Endpoint(
        "POST",
        "/v1/collections/{collection}/import",
        "Create a record of each line of newline-delimited JSON.",
        "records",
        {200: "ImportReport"},
        headers=("Idempotency-Key",),
        body=Body("Lines", (NDJSON,), MAX_BULK),
        problems=(errors.CollectionNotFound,),
    ),
    "export_records": Endpoint(
        "GET",
        "/v1/collections/{collection}/export",
        "Records as newline-delimited JSON, the oldest first.",
        "records",
        {200: "Lines"},
        query=_PAGED,
        problems=(errors.CollectionNotFound, errors.InvalidCursor),
        media=NDJSON,
    ),
    "batch": Endpoint(
        "POST",
        "/v1/batch",
        "Up to 100 independent operations, a status each.",
        "operations",
        {200: "Results"},
        headers=("Idempotency-Key",),
        body=Body("Batch", limit=MAX_BULK),
        problems=(errors.ValidationFailed, errors.IdempotencyMismatch),
    ),
    "transaction": Endpoint(
        "POST",
        "/v1/transactions",
        "Up to 100 operations, all or nothing.",
        "operations",
        {200: "Results"},
        headers=("Idempotency-Key",),
        body=Body("Transaction", limit=MAX_BULK),
        problems=(
            errors.ValidationFailed,
            errors.Unprocessable,
            errors.TransactionCanceled,
            errors.ItemTooLarge,
            errors.WriteContention,
            *_KEYED,
        ),
    ),
    "list_jobs": Endpoint(
        "GET",
        "/v1/jobs",
        "List background jobs, the newest first.",
        "jobs",
        {200: "JobPage"},
        query=_PAGED,
        problems=(errors.InvalidCursor,),
    ),
    "read_job": Endpoint(
        "GET", "/v1/jobs/{id}", "How far a background job is.", "jobs", {200: "Job"}, problems=(errors.JobNotFound,)
    ),
}
"""By the name of the function in ``app.py`` that answers it, which is also its ``operationId``."""

CANCELED_STATUSES = (403, 404, 409, 412, 422, 428)
"""What a canceled transaction can answer with: the status of the operation that stood in the way."""
