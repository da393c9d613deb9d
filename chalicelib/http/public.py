"""The public door: records for anybody, without an authorizer, as far as the rules let nobody in particular in."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.collections import definitions
from chalicelib.collections.preconditions import ANY
from chalicelib.http import queries, reading, requests
from chalicelib.http.endpoint import endpoint

if TYPE_CHECKING:
    from chalice.app import Request

MAX_AGE = 5
"""Seconds that caches may keep an answer: as long as a container may go on with an old definition."""


@endpoint("list_public")
def list_page(request: Request, name: str) -> Response:
    """GET /public/{collection}/records."""
    requests.entity_tags("If-Match", request.headers.get("if-match"))  # means nothing here, and has to be one
    known = requests.entity_tags("If-None-Match", request.headers.get("if-none-match"))
    response = queries.answer(request, name)
    tag = sha256(str(response.body).encode()).hexdigest()[:32]
    if known is not None and (known is ANY or tag in known):
        response = Response("", {}, 304)
    response.headers["ETag"] = f'"{tag}"'
    return _cached(response, name, "list")


@endpoint("read_public")
def read(request: Request, name: str, record_id: str) -> Response:
    """GET /public/{collection}/records/{id}."""
    return _cached(reading.answer(request, name, record_id), name, "read")


def _cached(response: Response, name: str, operation: str) -> Response:
    """The response for caches that everybody shares, unless the rule looks at who sends the request."""
    rule = definitions.get(requests.collection_name(name)).rules.get(operation)
    from chalicelib.where.ast import references  # noqa: PLC0415 - there is a rule, or nobody would be here

    depends = rule is not None and any(each.root == "request" for each in references(rule))
    response.headers["Cache-Control"] = "private, no-store" if depends else f"public, max-age={MAX_AGE}"
    return response
