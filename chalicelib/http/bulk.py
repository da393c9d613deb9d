"""The endpoints that take many operations at once: batch, transaction, import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.collections import imports, operations
from chalicelib.collections.operations import BATCH, TRANSACTION, Caller, Operation
from chalicelib.errors import PayloadTooLarge, Problem
from chalicelib.http import limits, requests, responses
from chalicelib.http.endpoint import endpoint, granted
from chalicelib.http.endpoints import JSON
from chalicelib.schema import json_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalice.app import Request

    from chalicelib.collections.record import Outcome


@endpoint("batch", limits.operations)
def batch(request: Request) -> Response:
    """POST /v1/batch."""
    listed = operations.parse(requests.json(request), BATCH)
    results = operations.run_batch(_caller(request), listed, requests.once(request))
    return _answer(listed, results)


@endpoint("transaction", limits.operations)
def transaction(request: Request) -> Response:
    """POST /v1/transactions."""
    listed = operations.parse(requests.json(request), TRANSACTION)
    results = operations.run_transaction(_caller(request), listed, requests.once(request))
    return _answer(listed, results)


def _caller(request: Request) -> Caller:
    return Caller(requests.principal(request), lambda: requests.seen_by_rules(request))


def _answer(listed: Sequence[Operation], results: Sequence[Outcome | Problem]) -> Response:
    """The results, in order. Records that do not fit in an answer any more are left out."""
    texts: list[str] = []
    size = 0
    for operation, result in zip(listed, results, strict=True):
        shown = _result(operation, result)
        text = json_text.dump(shown)
        if "body" in shown and size + responses.size(text) > responses.MAX_BYTES:
            text = json_text.dump(_without_body(operation, shown))
        size += responses.size(text) + 1
        texts.append(text)
    return Response(f'{{"results":[{",".join(texts)}]}}', {"Content-Type": JSON}, 200)


def _without_body(operation: Operation, shown: dict[str, Any]) -> dict[str, Any]:
    """A write was done and says so; a read has to be done again."""
    if operation.op != "read":
        return {name: value for name, value in shown.items() if name != "body"}
    problem = PayloadTooLarge("The results before this one fill the answer; read this record by itself.")
    return {"status": problem.status, "problem": problem.document()}


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


@endpoint("import_records", limits.lines)
def import_lines(request: Request, name: str) -> Response:
    """POST …/import."""
    granted(request, name, "create")
    report = imports.run(lambda: granted(request, name, "create"), requests.body(request), requests.once(request))
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
