"""The item of the data layer's figures, and what DynamoDB answers about it: the same bytes for whoever asks."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeSerializer  # type: ignore[import-untyped]
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from bench import sample, wire

TABLE = "books"
MANY = sample.LISTED
_KEY = {"author": "pk", "isbn": "sk"}

VALUES: dict[str, Any] = {_KEY.get(name, name): value for name, value in sample.BOOK.items()}
"""Twelve attributes by their stored names. The author and the ISBN are the table's key."""

EXACT: dict[str, Any] = json.loads(json.dumps(VALUES), parse_float=Decimal)
"""The same for boto3, which takes no float."""

ITEM: dict[str, Any] = {name: TypeSerializer().serialize(value) for name, value in EXACT.items()}

KEYS = [(VALUES["pk"], f"978-0-441-{number:05}-5") for number in range(MANY)]
"""Of the items that a query and a batch answer."""

NEW_TITLE = "The Left Hand of Darkness, 50th anniversary edition"


def _answers() -> dict[str, bytes]:
    items = [{**ITEM, "sk": {"S": sk}} for _, sk in KEYS]
    answers = {
        "GetItem": {"Item": ITEM},
        "PutItem": {},
        "UpdateItem": {"Attributes": {**ITEM, "title": {"S": NEW_TITLE}}},
        "Query": {"Items": items, "Count": MANY, "ScannedCount": MANY},
        "BatchGetItem": {"Responses": {TABLE: items}, "UnprocessedKeys": {}},
    }
    return {name: json.dumps(answer, separators=(",", ":")).encode() for name, answer in answers.items()}


ANSWERS = _answers()
_HEADERS = {name: wire.headers(content) for name, content in ANSWERS.items()}


def attach(client: Any) -> None:
    """Answer this botocore client's calls from now on, where it would send them."""
    client.meta.events.register("before-send.dynamodb", _send)


def _send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    operation = wire.operation_of(request)
    return wire.response(request, ANSWERS[operation], _HEADERS[operation])
