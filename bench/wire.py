"""A DynamoDB that answers within botocore, where the HTTP request would be sent.

Signing, serialising, checking and parsing are botocore's own and real; the network is left out, for ours and for the
peer alike. It knows three operations and no expressions: a query answers the whole partition.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from zlib import crc32

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

Items = dict[str, dict[str, Any]]
"""Items as DynamoDB's JSON has them, by ``pk`` and ``sk``."""


class _Stream:
    """What urllib3 would give for a response's body."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def headers(content: bytes) -> dict[str, str]:
    """What DynamoDB sends along with an answer."""
    return {
        "Server": "Server",
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Length": str(len(content)),
        "Connection": "keep-alive",
        "x-amzn-RequestId": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOP",
        "x-amz-crc32": str(crc32(content)),
    }


def operation_of(request: AWSPreparedRequest) -> str:
    """The operation that a request asks for, ``GetItem`` say."""
    target = request.headers["X-Amz-Target"]
    return (target if isinstance(target, str) else target.decode()).rpartition(".")[2]


def response(request: AWSPreparedRequest, content: bytes, sent: Any) -> AWSResponse:
    """The response with this body and these headers, as botocore expects it of its HTTP session."""
    stream: Any = _Stream(content)
    return AWSResponse(str(request.url), 200, sent, stream)


class Wire:
    """The handler of botocore's ``before-send.dynamodb`` event, on items that it keeps.

    It remembers what a read answered by the request's text, so that once it is ``frozen`` (nothing written is kept)
    a request repeated costs a look-up.
    """

    def __init__(self, items: Items | None = None) -> None:
        self.items: Items = items if items is not None else {}
        self.frozen = False
        self._answers: dict[bytes, bytes] = {}

    def attach(self, client: Any) -> None:
        """Answer this client's calls from now on."""
        client.meta.events.register("before-send.dynamodb", self._send)

    def freeze(self) -> None:
        """Keep nothing that is written from now on."""
        self.frozen = True

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        body: Any = request.body
        if not isinstance(body, bytes):
            body = body.encode()
        content = self._answers.get(body)
        if content is None:
            content = self._answer(operation_of(request), body)
        return response(request, content, headers(content))

    def _answer(self, operation: str, body: bytes) -> bytes:
        if operation == "PutItem":
            if not self.frozen:
                item = json.loads(body)["Item"]
                self.items.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item
                self._answers.clear()
            return b"{}"
        request = json.loads(body)
        answer = self._get(request) if operation == "GetItem" else self._query(request)
        content = self._answers[body] = json.dumps(answer, separators=(",", ":")).encode()
        return content

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        item = self.items.get(request["Key"]["pk"]["S"], {}).get(request["Key"]["sk"]["S"])
        return {} if item is None else {"Item": item}

    def _query(self, request: dict[str, Any]) -> dict[str, Any]:
        (partition,) = (value["S"] for value in request["ExpressionAttributeValues"].values())
        found = self.items.get(partition, {})
        order = sorted(found, reverse=not request.get("ScanIndexForward", True))[: request["Limit"]]
        page: dict[str, Any] = {"Items": [found[sk] for sk in order], "Count": len(order), "ScannedCount": len(order)}
        if len(order) == request["Limit"]:
            page["LastEvaluatedKey"] = {"pk": {"S": partition}, "sk": {"S": order[-1]}}
        return page
