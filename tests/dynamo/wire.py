"""Requests held against botocore's model of the service, and answers put in the place of the service's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, cast

import botocore.session
import orjson
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.validate import ParamValidator

from chalicelib.dynamo.session import Call, Session


@cache
def _service() -> Any:
    return botocore.session.get_session().get_service_model("dynamodb")


def assert_valid(operation: str, parameters: Mapping[str, Any]) -> None:
    """Botocore would send these parameters: every name is the wire's, every value of its type."""
    report = ParamValidator().validate(dict(parameters), _service().operation_model(operation).input_shape)
    assert not report.has_errors(), f"{operation}: {report.generate_report()}"


def assert_all_valid(calls: Iterable[Call]) -> None:
    """Each recorded call is one that botocore would send."""
    for call in calls:
        assert_valid(call.operation, call.parameters)


class Stub:
    """Answers a session's calls in DynamoDB's place, the last answer again and again. Keeps what was sent.

    An answer is its status and its body: bytes, or what is to be written as JSON.
    """

    def __init__(self, session: Session, *answers: tuple[int, Any], retries: bool = False) -> None:
        self.answers = list(answers)
        self.headers: list[dict[str, str]] = [{}]
        self.sent: list[AWSPreparedRequest] = []
        events: Any = session.client.meta.events
        events.register("before-send.dynamodb", self._answer)
        if not retries:
            events.unregister("needs-retry.dynamodb", unique_id="retry-config-dynamodb")

    @property
    def bodies(self) -> list[bytes]:
        """The bodies of the requests."""
        return [bytes(cast("bytes", request.body)) for request in self.sent]

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        self.sent.append(request)
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        headers: Any = self.headers.pop(0) if len(self.headers) > 1 else self.headers[0]
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return AWSResponse(request.url, status, headers, _Body(content))


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


def refusal(code: str, message: str = "", **members: Any) -> tuple[int, dict[str, Any]]:
    """The answer that a refused request gets."""
    return 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message, **members}
