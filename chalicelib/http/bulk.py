"""The endpoints that take many operations at once: batch, transaction, import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.access.rules import authorize
from chalicelib.collections import definitions, imports, operations
from chalicelib.collections.operations import BATCH, TRANSACTION, Operation
from chalicelib.errors import Problem
from chalicelib.http import requests, responses
from chalicelib.http.endpoint import endpoint

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.collections.record import Outcome


@endpoint("batch")
def batch(request: Request) -> Response:
    """POST /v1/batch."""
    listed = operations.parse(requests.json(request), BATCH)
    results = operations.run_batch(requests.principal(request), listed, requests.once(request))
    return responses.json({"results": [_result(*pair) for pair in zip(listed, results, strict=True)]})


@endpoint("transaction")
def transaction(request: Request) -> Response:
    """POST /v1/transactions."""
    listed = operations.parse(requests.json(request), TRANSACTION)
    results = operations.run_transaction(requests.principal(request), listed, requests.once(request))
    return responses.json({"results": [_result(*pair) for pair in zip(listed, results, strict=True)]})


def _result(operation: Operation, result: Outcome | Problem) -> dict[str, Any]:
    if isinstance(result, Problem):
        document = result.document()
        return {"status": document["status"], "problem": document}
    if operation.op == "check":
        return {"status": 200}
    if result.document is None:
        return {"status": 204}
    status = 201 if result.created else 200
    return {"status": status, "etag": responses.etag(result.document["version"]), "body": result.document}


@endpoint("import_records")
def import_lines(request: Request, name: str) -> Response:
    """POST …/import."""
    name = requests.collection_name(name)
    authorize(requests.principal(request), "create", name)
    collection = definitions.get(name)
    report = imports.run(collection, requests.body(request), requests.once(request))
    return responses.json(
        {
            "created": report.created,
            "existing": report.existing,
            "failed": len(report.failed),
            "errors": [{"line": line, **_failed_line(problem)} for line, problem in report.failed[:MAX_ERRORS]],
            "next": report.next,
        }
    )


MAX_ERRORS = 1000
"""Failed lines that an answer lists; ``failed`` counts them all."""


def _failed_line(problem: Problem) -> dict[str, Any]:
    document = problem.document()
    return {member: document[member] for member in ("status", "code", "detail", "errors") if member in document}
