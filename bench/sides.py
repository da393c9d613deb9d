"""Ours and the peer, ready to be called: each with its records stored on a wire of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from bench import sample
from bench.wire import Wire

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "eu-north-1",
    "AWS_DEFAULT_REGION": "eu-north-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "PORTICO_STAGE": "bench",
    "PORTICO_DYNAMODB": "aws",
    "PORTICO_TABLE": "portico",
}
"""As on AWS: no endpoint, no local stage. The region only has to be the same for both."""

_PERSONAL = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB")

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass(frozen=True)
class Side:
    """A Lambda handler and the events of the three measured requests."""

    handler: Handler
    wire: Wire
    get: dict[str, Any]
    create: dict[str, Any]
    list_100: dict[str, Any]

    def call(self, event: dict[str, Any], status: int = 200) -> Any:
        """One request that has to be answered with this status; its body's value."""
        answer = self.handler(event, None)
        if answer["statusCode"] != status:
            raise RuntimeError(f"{event['httpMethod']} {event['path']} answered {answer}")
        return json.loads(answer["body"])


def prepare() -> None:
    """Make this process's environment, which the apps read when they are imported, the one to measure in."""
    for name in _PERSONAL:
        os.environ.pop(name, None)
    os.environ.update(ENVIRONMENT)


@cache
def ours() -> Side:
    """Portico, with the collection defined and 120 books in it."""
    prepare()
    from app import app  # noqa: PLC0415 - both apps read the environment
    from chalicelib.dynamo import session  # noqa: PLC0415

    wire = Wire()
    wire.attach(session.default().client)
    definition, records = "/v1/collections/{collection}", "/v1/collections/{collection}/records"
    where = {"collection": sample.COLLECTION}
    side = Side(
        app,
        wire,
        get={},
        create=sample.event("POST", records, where, body=json.dumps(sample.BOOK)),
        list_100=sample.event("GET", records, where, query={"limit": str(sample.LISTED)}),
    )
    side.call(sample.event("PUT", definition, where, body=json.dumps(sample.DEFINITION)), 201)
    return _stocked(side, lambda record_id: sample.event("GET", records + "/{id}", {**where, "id": record_id}))


@cache
def peer() -> Side:
    """The hand-written service, with 120 books in its table."""
    prepare()
    from bench.peer.app import app, table  # noqa: PLC0415

    wire = Wire()
    wire.attach(table.meta.client)
    create = sample.event("POST", "/books", body=json.dumps(sample.BOOK))
    side = Side(app, wire, get={}, create=create, list_100=sample.event("GET", "/books"))
    return _stocked(side, lambda record_id: sample.event("GET", "/books/{book_id}", {"book_id": record_id}))


def _stocked(side: Side, get: Callable[[str], dict[str, Any]]) -> Side:
    created = [side.call(side.create, 201) for _ in range(sample.LISTED + 20)]
    finished = Side(side.handler, side.wire, get(created[0]["id"]), side.create, side.list_100)
    read, page = finished.call(finished.get), finished.call(finished.list_100)
    if {**read, **sample.BOOK} != read or len(page["items"]) != sample.LISTED or page["next"] is None:
        raise RuntimeError("this is not the record, or not the page, that was to be measured")
    finished.wire.freeze()
    return finished
