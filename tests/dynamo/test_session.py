from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zlib import crc32

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from chalicelib import settings
from chalicelib.dynamo import codec, session
from chalicelib.dynamo.errors import ConditionFailed, Rejected, TransactionFailed, Unstorable
from chalicelib.dynamo.session import DATA_OPERATIONS, PARALLEL_CALLS, Recorder, Session
from chalicelib.dynamo.tables import main
from chalicelib.errors import ItemTooLarge, StoreThrottled, StoreUnavailable

from .books import Book, book
from .values import items, meaning
from .wire import Stub, assert_valid, refusal

KEY = Book.key.item({"shelf": "A", "isbn": "1"})
GET = {"TableName": "t", "Key": KEY}


@pytest.fixture
def own(table: str) -> Iterator[Session]:
    """A session on the store that is not the process's."""
    session = Session(settings.current().endpoint_url)
    yield session
    session.close()


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(item=items)
def test_what_is_stored_comes_back(recorder: Recorder, item: dict[str, Any]) -> None:
    stored = {**codec.encode_map({f"x{name}": value for name, value in item.items()}), **KEY}
    main.call("PutItem", {"Item": stored})
    answer = main.call("GetItem", {"Key": KEY, "ConsistentRead": True})
    assert meaning(codec.decode_map(answer["Item"])) == meaning(codec.decode_map(stored))


def test_every_data_operation_is_a_method_of_the_client(own: Session) -> None:
    for operation, method in DATA_OPERATIONS.items():
        assert own.client.meta.method_to_api_mapping[method] == operation


def test_every_data_operation_reaches_the_store(recorder: Recorder, table: str) -> None:
    default = session.default()
    item = book().to_item()
    in_table = {"TableName": table}
    by_key = {
        "KeyConditionExpression": "#0 = :0",
        "ExpressionAttributeNames": {"#0": "pk"},
        "ExpressionAttributeValues": {":0": KEY["pk"]},
    }
    assert default.call("PutItem", {**in_table, "Item": item})
    assert default.call("GetItem", {**in_table, "Key": KEY})["Item"] == item
    assert default.call("Query", {**in_table, **by_key})["Items"] == [item]
    assert default.call("Scan", in_table)["Items"] == [item]
    assert default.call("BatchGetItem", {"RequestItems": {table: {"Keys": [KEY]}}})["Responses"] == {table: [item]}
    got = default.call("TransactGetItems", {"TransactItems": [{"Get": {**in_table, "Key": KEY}}]})
    assert got["Responses"] == [{"Item": item}]
    default.call("BatchWriteItem", {"RequestItems": {table: [{"DeleteRequest": {"Key": KEY}}]}})
    default.call("TransactWriteItems", {"TransactItems": [{"Put": {**in_table, "Item": item}}]})
    update = {"UpdateExpression": "REMOVE #0", "ExpressionAttributeNames": {"#0": "title"}}
    default.call("UpdateItem", {**in_table, "Key": KEY, **update})
    deleted = default.call("DeleteItem", {**in_table, "Key": KEY, "ReturnValues": "ALL_OLD"})["Attributes"]
    assert deleted == {name: value for name, value in item.items() if name != "title"}
    assert sorted(recorder.operations) == sorted(DATA_OPERATIONS)


def test_the_body_is_the_parameters_as_orjson_writes_them(unconnected: Session) -> None:
    stub = Stub(unconnected, (200, {}))
    parameters = {"TableName": "t", "Item": {**KEY, "b": {"B": "AP8="}, "é": {"N": "1.50"}}}
    unconnected.call("PutItem", parameters)
    (sent,) = stub.sent
    assert stub.bodies == [orjson.dumps(parameters)]
    assert sent.headers["X-Amz-Target"] in ("DynamoDB_20120810.PutItem", b"DynamoDB_20120810.PutItem")
    assert "Authorization" in sent.headers
    batch = {"RequestItems": {"t": {"Keys": [KEY]}}}
    unconnected.call("BatchGetItem", batch)
    assert stub.bodies[1] == orjson.dumps(batch)


def test_an_answer_has_attribute_values_as_they_came(unconnected: Session) -> None:
    item = {"b": {"B": "AP8="}, "n": {"N": "1.50"}, "s": {"BS": ["AA=="]}}
    Stub(unconnected, (200, {"Item": item, "Future": {"x": 1}}))
    answer = unconnected.call("GetItem", GET)
    assert answer["Item"] == item
    assert answer["Future"] == {"x": 1}


def test_an_answer_with_a_wrong_checksum_is_asked_for_again(unconnected: Session) -> None:
    body = {"Item": {"a": {"S": "x"}}}
    stub = Stub(unconnected, (200, body), retries=True)
    right = crc32(orjson.dumps(body))
    stub.headers = [{"x-amz-crc32": str(right ^ 1)}, {"x-amz-crc32": str(right)}]
    answer = unconnected.call("GetItem", GET)
    assert len(stub.sent) == 2
    assert stub.bodies[0] == stub.bodies[1]
    assert answer["Item"] == body["Item"]
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1


def test_an_answer_cut_short_is_asked_for_again_when_its_checksum_says_so(unconnected: Session) -> None:
    stub = Stub(unconnected, (200, b'{"Item": {"a'), (200, {"Item": {}}), retries=True)
    stub.headers = [{"x-amz-crc32": "1"}, {}]
    assert unconnected.call("GetItem", GET)["Item"] == {}
    assert len(stub.sent) == 2


def test_a_throttled_call_is_tried_again(unconnected: Session) -> None:
    stub = Stub(unconnected, refusal("ProvisionedThroughputExceededException"), (200, {}), retries=True)
    answer = unconnected.call("GetItem", GET)
    assert len(stub.sent) == 2
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1


@pytest.mark.parametrize(
    "code",
    ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingError"],
)
def test_throttling_has_a_problem_of_its_own(unconnected: Session, code: str) -> None:
    Stub(unconnected, refusal(code))
    with pytest.raises(StoreThrottled) as refused:
        unconnected.call("PutItem", {"TableName": "t", "Item": KEY})
    assert refused.value.headers == {"Retry-After": "1"}


@pytest.mark.parametrize(
    "code", ["ResourceNotFoundException", "AccessDeniedException", "InternalServerError", "UnrecognizedClientException"]
)
def test_any_other_refusal_is_an_unavailable_store(unconnected: Session, code: str) -> None:
    Stub(unconnected, refusal(code))
    with pytest.raises(StoreUnavailable, match=f"DynamoDB refused GetItem: {code}") as refused:
        unconnected.call("GetItem", GET)
    assert type(refused.value) is StoreUnavailable


@pytest.mark.parametrize("status", [200, 400, 404, 503])
@pytest.mark.parametrize("body", [b"<html>", b'{"Item": {"a', b""])
def test_an_answer_that_is_no_json_is_an_unavailable_store(unconnected: Session, status: int, body: bytes) -> None:
    Stub(unconnected, (status, body))
    with pytest.raises(StoreUnavailable):
        unconnected.call("GetItem", GET)


def test_an_endpoint_that_nobody_answers_is_an_unavailable_store(unconnected: Session) -> None:
    with pytest.raises(StoreUnavailable, match=r"DynamoDB cannot be reached \(EndpointConnectionError\)"):
        unconnected.call("GetItem", GET)


def test_a_table_that_is_not_there_is_an_unavailable_store(table: str) -> None:
    with pytest.raises(StoreUnavailable, match="ResourceNotFoundException"):
        session.default().call("GetItem", {"TableName": f"{table}-none", "Key": KEY})


def test_a_failed_condition_has_the_item_as_it_is_stored(unconnected: Session) -> None:
    item = {"b": {"B": "AP8="}, "l": {"L": [{"BS": ["AA=="]}]}}
    Stub(unconnected, refusal("ConditionalCheckFailedException", Item=item))
    with pytest.raises(ConditionFailed) as refused:
        unconnected.call("PutItem", {"TableName": "t", "Item": KEY})
    assert refused.value.item == item


def test_the_reasons_of_a_canceled_transaction_are_in_order_with_their_items(unconnected: Session) -> None:
    item = {"b": {"B": "AP8="}}
    reasons = [
        {"Code": "None", "Message": None},
        {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": item},
        {"Code": "None"},
    ]
    Stub(unconnected, refusal("TransactionCanceledException", CancellationReasons=reasons))
    with pytest.raises(TransactionFailed) as refused:
        unconnected.call("TransactWriteItems", {"TransactItems": []})
    assert [reason.code for reason in refused.value.reasons] == ["None", "ConditionalCheckFailed", "None"]
    assert [reason.failed for reason in refused.value.reasons] == [False, True, False]
    assert [reason.item for reason in refused.value.reasons] == [None, item, None]
    assert [reason.message for reason in refused.value.reasons] == ["", "The conditional request failed", ""]


@pytest.mark.parametrize("code", ["TransactionInProgressException", "TransactionConflictException"])
def test_a_conflict_with_a_transaction_is_contention(unconnected: Session, code: str) -> None:
    Stub(unconnected, refusal(code))
    with pytest.raises(TransactionFailed) as refused:
        unconnected.call("UpdateItem", {"TableName": "t", "Key": KEY})
    assert refused.value.contended


def test_an_invalid_request_is_rejected(table: str) -> None:
    with pytest.raises(Rejected, match="PutItem: "):
        main.call("PutItem", {"Item": {"pk": {"S": "a"}}})


def test_an_item_too_large_is_refused_without_a_call(unconnected: Session) -> None:
    stub = Stub(unconnected, (200, {}))
    with pytest.raises(ItemTooLarge) as refused:
        unconnected.call("PutItem", {"TableName": "t", "Item": {**KEY, "a": {"S": "x" * codec.MAX_ITEM_BYTES}}})
    assert stub.sent == []
    assert refused.value.__cause__ is None


def test_an_item_of_400_kb_is_sent_however_long_its_json_is(unconnected: Session) -> None:
    stub = Stub(unconnected, (200, {}))
    item: dict[str, Any] = {"pk": {"S": "a"}, "sk": {"S": "b"}, "x": {"S": ""}}
    item["x"]["S"] = "\0" * (codec.MAX_ITEM_BYTES - codec.item_size(item))
    assert codec.item_size(item) == 400 * 1024
    unconnected.call("PutItem", {"TableName": "t", "Item": item})
    assert len(stub.bodies[0]) > 6 * 400 * 1024 - 100
    item["x"]["S"] += "\0"
    with pytest.raises(ItemTooLarge):
        unconnected.call("PutItem", {"TableName": "t", "Item": item})


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        (
            "TransactWriteItems",
            lambda item: {"TransactItems": [{"Delete": GET}, {"Put": {"TableName": "t", "Item": item}}]},
        ),
        ("BatchWriteItem", lambda item: {"RequestItems": {"t": [{"PutRequest": {"Item": item}}]}}),
    ],
)
def test_an_item_too_large_among_others_is_refused_without_a_call(
    unconnected: Session, operation: str, parameters: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    stub = Stub(unconnected, (200, {}))
    half = {**KEY, "a": {"S": "x" * 210_000}}
    unconnected.call(operation, parameters(half))
    with pytest.raises(ItemTooLarge):
        unconnected.call(operation, parameters({**half, "b": half["a"]}))
    assert len(stub.sent) == 1


def test_a_batch_of_long_keys_is_sent(unconnected: Session) -> None:
    stub = Stub(unconnected, (200, {}))
    keys = [{**KEY, "sk": {"S": str(number) + "x" * 5000}} for number in range(100)]
    unconnected.call("BatchGetItem", {"RequestItems": {"t": {"Keys": keys}}})
    assert len(stub.sent) == 1


def test_a_token_used_for_something_else_is_rejected(unconnected: Session) -> None:
    Stub(unconnected, refusal("IdempotentParameterMismatchException", "other parameters"))
    with pytest.raises(Rejected, match="TransactWriteItems: other parameters"):
        unconnected.call("TransactWriteItems", {"TransactItems": []})


def test_an_item_that_becomes_too_large_is_refused_by_the_store(recorder: Recorder) -> None:
    book(note="x" * 300_000).put()
    with pytest.raises(ItemTooLarge):
        Book.update(shelf="A", isbn="1").set(Book.title, "x" * 200_000).run()


def test_an_item_too_large_in_a_transaction_is_refused(unconnected: Session) -> None:
    reasons = [{"Code": "None"}, {"Code": "ValidationError", "Message": "Item size has exceeded the maximum"}]
    Stub(unconnected, refusal("TransactionCanceledException", CancellationReasons=reasons))
    with pytest.raises(ItemTooLarge):
        unconnected.call("TransactWriteItems", {"TransactItems": []})


def test_a_text_with_half_a_surrogate_pair_is_refused_without_a_call(unconnected: Session) -> None:
    stub = Stub(unconnected, (200, {}))
    with pytest.raises(Unstorable, match="half a surrogate pair"):
        unconnected.call("PutItem", {"TableName": "t", "Item": {"a": {"S": "\ud800"}}})
    assert stub.sent == []


def test_a_recorder_counts_calls_and_their_units(recorder: Recorder) -> None:
    book(note="x" * 3000).put()
    with pytest.raises(ConditionFailed):
        book().put(Book.isbn.missing())
    Book.get(consistent=True, shelf="A", isbn="1")
    assert recorder.operations == ["PutItem", "PutItem", "GetItem"]
    assert [call.units for call in recorder.calls] == [3, 0, 1]
    assert recorder.units == 4
    assert recorder.calls[0].parameters["Item"]["sk"] == {"S": "1"}
    assert_valid("PutItem", recorder.calls[1].parameters)


def test_a_recorder_sums_the_units_of_several_tables(unconnected: Session) -> None:
    Stub(unconnected, (200, {"ConsumedCapacity": [{"CapacityUnits": 2.5}, {"CapacityUnits": 1}]}))
    with unconnected.recording() as recorder:
        unconnected.call("TransactWriteItems", {"TransactItems": []})
    assert recorder.units == 3.5


def test_a_recorder_records_no_longer_than_its_block(unconnected: Session) -> None:
    stub = Stub(unconnected, (200, {}))
    with unconnected.recording() as recorder:
        unconnected.call("GetItem", GET)
    unconnected.call("GetItem", GET)
    assert recorder.operations == ["GetItem"]
    assert recorder.units == 0
    assert [orjson.loads(body) for body in stub.bodies] == [{**GET, "ReturnConsumedCapacity": "TOTAL"}, GET]


def test_a_recording_within_another_ends_by_itself(unconnected: Session) -> None:
    Stub(unconnected, (200, {}))
    with unconnected.recording() as outer:
        with unconnected.recording() as inner:
            unconnected.call("GetItem", GET)
        unconnected.call("GetItem", GET)
    unconnected.call("GetItem", GET)
    assert (len(inner.calls), len(outer.calls)) == (1, 2)


def test_threads_share_a_session(own: Session, table: str) -> None:
    together = threading.Barrier(8)

    def work(number: int) -> tuple[int, dict[str, Any]]:
        together.wait()
        for turn in range(5):
            item = book(f"{number}", stock=turn).to_item()
            own.call("PutItem", {"TableName": table, "Item": item})
        key = Book.key.item({"shelf": "A", "isbn": f"{number}"})
        answer = own.call("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
        return id(own.client), answer["Item"]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    assert len({client for client, _ in found}) == 1
    assert [item for _, item in found] == [book(f"{number}", stock=4).to_item() for number in range(8)]


def test_the_pool_is_bounded_and_made_once(own: Session) -> None:
    assert own.pool is own.pool
    assert own.pool._max_workers == PARALLEL_CALLS


def test_close_gives_threads_back_and_can_be_called_before_any_call(own: Session) -> None:
    Session().close()
    own.pool.submit(own.call, "Scan", {"TableName": main.name}).result()
    before = threading.active_count()
    own.close()
    assert threading.active_count() < before
    with pytest.raises(RuntimeError):
        own.pool.submit(print)


def test_the_default_session_is_one_for_the_process(table: str) -> None:
    assert session.default() is session.default()
    assert main.session is session.default()


def test_the_callers_parameters_are_not_changed(unconnected: Session) -> None:
    Stub(unconnected, (200, {}))
    parameters = dict(GET)
    with unconnected.recording():
        unconnected.call("GetItem", parameters)
    assert parameters == GET
