"""Calls to DynamoDB, made and answered through orjson, errors translated.

botocore keeps what it is good at (credentials, endpoints, retries, connections); ``client`` has a signer of its own.
Its serializer and parser, which take most of a call's CPU, are stepped around through its own events: the request body
is written when the parameters are provided and put in place before the call, the response body is read before the
parser sees it. Retries on a wrong checksum still work, because they look at the raw response.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from chalicelib import settings
from chalicelib.dynamo import codec
from chalicelib.dynamo.client import make_client
from chalicelib.dynamo.errors import ConditionFailed, Reason, Rejected, TransactionFailed, Unstorable
from chalicelib.errors import ItemTooLarge, StoreThrottled, StoreUnavailable

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from botocore.client import BaseClient

DATA_OPERATIONS = {
    "GetItem": "get_item",
    "PutItem": "put_item",
    "UpdateItem": "update_item",
    "DeleteItem": "delete_item",
    "Query": "query",
    "Scan": "scan",
    "BatchGetItem": "batch_get_item",
    "BatchWriteItem": "batch_write_item",
    "TransactWriteItems": "transact_write_items",
    "TransactGetItems": "transact_get_items",
}
_CONFLICTS = frozenset({"TransactionInProgressException", "TransactionConflictException"})
_BODY = "portico_body"
_THROTTLES = frozenset(
    {"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingError"}
)
PARALLEL_CALLS = 16
"""Calls that one process makes at the same time; the connection pool has a few more places."""


@dataclass
class Call:
    """One call as a ``Recorder`` saw it; ``units`` are the capacity units that DynamoDB says it consumed."""

    operation: str
    parameters: dict[str, Any]
    units: float


@dataclass
class Recorder:
    """The calls made while ``Session.recording()`` was open, of all threads."""

    calls: list[Call] = field(default_factory=list)

    def add(self, call: Call) -> None:
        """Take note of a call."""
        self.calls.append(call)

    @property
    def operations(self) -> list[str]:
        """The names of the operations, in the order of their answers."""
        return [call.operation for call in self.calls]

    @property
    def units(self) -> float:
        """All capacity units together."""
        return sum(call.units for call in self.calls)


class Session:
    """A process's connection to DynamoDB. Safe to share between threads. The client is built at the first call."""

    def __init__(self, endpoint_url: str | None = None) -> None:
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._client: BaseClient | None = None
        self._methods: dict[str, Any] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._recorders: tuple[Recorder, ...] = ()

    @property
    def client(self) -> BaseClient:
        """The botocore client, for the control plane (tables) and for tests that count what goes over the wire."""
        client = self._client
        if client is None:
            with self._lock:
                client = self._client = self._client or _connect(self._endpoint_url)
        return client

    @property
    def pool(self) -> ThreadPoolExecutor:
        """The bounded pool on which independent calls run side by side."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - single calls do without

            with self._lock:
                self._pool = self._pool or ThreadPoolExecutor(PARALLEL_CALLS, thread_name_prefix="dynamo")
        return self._pool

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """One data-plane operation, named as in the API (``"GetItem"``); its answer with attribute values as they came.

        Raises:
            ConditionFailed: the condition of a single write does not hold.
            TransactionFailed: a transaction was canceled.
            Rejected: DynamoDB found the request invalid.
            ItemTooLarge: the item is or would become larger than 400 KB (422).
            StoreUnavailable, StoreThrottled: no answer, no such table, no permission, throttled (503).
        """
        method = self._methods.get(operation)
        if method is None:
            method = self._methods[operation] = getattr(self.client, DATA_OPERATIONS[operation])
        recorders = self._recorders
        if recorders:
            parameters = {**parameters, "ReturnConsumedCapacity": "TOTAL"}
        try:
            answer: dict[str, Any] = method(**parameters)
        except Exception as error:
            for recorder in recorders:
                recorder.add(Call(operation, parameters, 0.0))
            translated = _translated(error, operation)
            if translated is error:
                raise
            raise translated from error
        if _BODY in answer:
            raise StoreUnavailable("DynamoDB's answer was cut short.")
        for recorder in recorders:
            recorder.add(Call(operation, parameters, _units(answer)))
        return answer

    @contextmanager
    def recording(self, recorder: Recorder | None = None) -> Iterator[Recorder]:
        """Record every call, with its consumed capacity, until the block ends. Blocks may be within each other."""
        recorder = recorder or Recorder()
        with self._lock:
            self._recorders = (*self._recorders, recorder)
        try:
            yield recorder
        finally:
            with self._lock:
                self._recorders = tuple([each for each in self._recorders if each is not recorder])

    def close(self) -> None:
        """Give back connections and threads."""
        if self._pool is not None:
            self._pool.shutdown()
        if self._client is not None:
            self._client.close()


def _connect(endpoint_url: str | None) -> BaseClient:
    client = make_client(endpoint_url, PARALLEL_CALLS + 4)
    events: Any = client.meta.events
    for operation in DATA_OPERATIONS:
        events.register(f"provide-client-params.dynamodb.{operation}", _write_body)
        events.register(f"before-call.dynamodb.{operation}", _place_body)
        events.register(f"before-parse.dynamodb.{operation}", _read_body)
    return client


def _write_body(params: dict[str, Any], context: dict[str, Any], **_: Any) -> dict[str, Any]:
    try:
        body = orjson.dumps(params)
    except orjson.JSONEncodeError:  # everything else is encoded before
        raise Unstorable("has a text with half a surrogate pair, which UTF-8 does not have") from None
    if len(body) > codec.MAX_ITEM_BYTES and any(codec.item_size(put) > codec.MAX_ITEM_BYTES for put in _puts(params)):
        raise ItemTooLarge(_TOO_LARGE)
    context[_BODY] = body
    # Of the parameters botocore looks only for table ARNs from here on, to choose an endpoint by account.
    return (
        {"TableName": params["TableName"]} if "TableName" in params else {name: type(params[name])() for name in params}
    )


def _puts(params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The items that a request stores whole: of a PutItem, a TransactWriteItems or a BatchWriteItem."""
    batches = [entries for entries in params.get("RequestItems", {}).values() if isinstance(entries, list)]
    actions = [*params.get("TransactItems", ()), *chain.from_iterable(batches)]
    for put in (params, *(action.get("Put") or action.get("PutRequest") or {} for action in actions)):
        if "Item" in put:
            yield put["Item"]


def _place_body(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    params["body"] = context.pop(_BODY)


def _read_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    if response_dict["status_code"] == 200:  # noqa: PLR2004
        try:
            customized_response_dict.update(orjson.loads(response_dict["body"]))
        except orjson.JSONDecodeError:
            # botocore takes it for an empty answer. If its checksum is wrong it is retried, else ``call`` refuses it.
            customized_response_dict[_BODY] = response_dict["body"]
        else:
            response_dict["body"] = b"{}"
    else:  # an error may have items, of which botocore would give the binary values in another form
        customized_response_dict[_BODY] = response_dict["body"]


_TOO_LARGE = (
    "The record would be larger than 400 KB, the most that a DynamoDB item can be; store large parts elsewhere."
)


def _translated(error: Exception, operation: str) -> Exception:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    if isinstance(error, BotoCoreError):
        return StoreUnavailable(f"DynamoDB cannot be reached ({type(error).__name__}).")
    if not isinstance(error, ClientError):
        return error
    answer: Any = error.response
    code, message = answer["Error"].get("Code", ""), answer["Error"].get("Message", "")
    if code == "ConditionalCheckFailedException":
        return ConditionFailed(orjson.loads(answer[_BODY]).get("Item"))
    if code == "TransactionCanceledException":
        reasons = [
            Reason(reason.get("Code") or "None", reason.get("Message") or "", reason.get("Item"))
            for reason in orjson.loads(answer[_BODY]).get("CancellationReasons") or ()
        ]
        return ItemTooLarge(_TOO_LARGE) if any("tem size" in r.message for r in reasons) else TransactionFailed(reasons)
    if code in _CONFLICTS:
        return TransactionFailed([Reason("TransactionConflict", message)])
    if code == "ValidationException":
        return ItemTooLarge(_TOO_LARGE) if "tem size" in message else Rejected(f"{operation}: {message}")
    if code == "IdempotentParameterMismatchException":
        return Rejected(f"{operation}: {message or code}")
    if code in _THROTTLES:
        return StoreThrottled("DynamoDB is throttling this table; try again shortly.")
    return StoreUnavailable(f"DynamoDB refused {operation}: {code or message}.")


def _units(answer: dict[str, Any]) -> float:
    consumed = answer.get("ConsumedCapacity") or []
    return sum((float(part["CapacityUnits"]) for part in (consumed if isinstance(consumed, list) else [consumed])), 0.0)


_default: Session | None = None
_default_lock = threading.Lock()


def default() -> Session:
    """The process's session, on the endpoint of the settings."""
    global _default  # noqa: PLW0603 - one process, one connection pool
    if _default is None:
        with _default_lock:
            _default = _default or Session(settings.current().endpoint_url)
    return _default
