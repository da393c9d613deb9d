"""The endpoint of the audit trail, and what the other endpoints write into it with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.access import audit
from chalicelib.access.audit import Action, Author, Document
from chalicelib.access.rules import authorize
from chalicelib.errors import InvalidParameter
from chalicelib.http import cursors, requests, responses
from chalicelib.http.endpoint import endpoint
from chalicelib.schema.json_text import dump

if TYPE_CHECKING:
    from chalice.app import Request

MAX_NAME = 1024


def author(request: Request) -> Author:
    """Who makes a change with this request."""
    request_id = request.context.get("requestId")
    known = None if request_id is None else str(request_id)
    return Author(requests.principal(request).id, requests.address(request), known)


def record(request: Request, action: Action, subject: str, before: Document = None, after: Document = None) -> None:
    """Write what a request has just changed: ``record(request, "plan.deleted", "plan:free", before)``.

    The documents are as the API shows them, without secrets and without users' addresses.
    """
    audit.record(author(request), action, subject, before, after)


@endpoint("list_audit")
def list_page(request: Request) -> Response:
    """GET /v1/audit."""
    principal = requests.principal(request)
    authorize(principal, "administer")
    by, subject = _name(request, "principal"), _name(request, "subject")
    first, last = requests.day(request, "from"), requests.day(request, "to")
    listing = dump(["audit", by, subject, first, last])
    after = cursors.load(requests.parameter(request, "cursor"), listing, principal)
    found = audit.page(requests.limit(request), after, first=first, last=last, principal=by, subject=subject)
    texts = responses.fitting(entry.document() for entry in found.items)
    following = found.last if len(texts) == len(found.items) else found.items[len(texts) - 1].id
    cursor = cursors.dump(following, listing, principal)
    text = f'{{"items":[{",".join(texts)}],"next":{dump(cursor)}}}'
    return Response(text, {"Content-Type": "application/json"}, 200)


def _name(request: Request, name: str) -> str | None:
    text = requests.parameter(request, name)
    if text is not None and not 1 <= len(text) <= MAX_NAME:
        raise InvalidParameter(name, f"{name!r} is a kind and an id, as in key:mobile-app.")
    return text
