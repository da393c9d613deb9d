from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from chalicelib import settings
from chalicelib.dynamo import session, tables
from chalicelib.dynamo.errors import Item
from chalicelib.dynamo.session import Recorder, Session
from chalicelib.dynamo.tables import Table, main
from chalicelib.errors import StoreThrottled, StoreUnavailable

from .books import Book, book
from .wire import assert_valid


def keys(count: int) -> list[Item]:
    return [Book.key.item({"shelf": "A", "isbn": f"{number:03}"}) for number in range(count)]


class Scripted:
    """A session that answers as a function says, and a clock that only counts."""

    def __init__(self, answer: Callable[[str, Any], dict[str, Any]]) -> None:
        self.answer = answer
        self.calls: list[Any] = []
        self.pauses: list[float] = []
        self.table = Table(lambda: "t", lambda: cast("Session", self), self.pauses.append)

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        assert_valid(operation, parameters)
        request = parameters["RequestItems"]["t"]
        self.calls.append(request)
        return self.answer(operation, request)


def ttl_of(name: str) -> dict[str, Any]:
    client: Any = session.default().client
    described: dict[str, Any] = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return described


def test_the_description_is_one_that_dynamodb_takes() -> None:
    assert_valid("CreateTable", tables.description("portico"))


def test_the_table_is_on_demand_with_a_stream_and_five_indexes() -> None:
    described = tables.description("portico")
    assert described["BillingMode"] == "PAY_PER_REQUEST"
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    indexes = described["GlobalSecondaryIndexes"]
    assert [index["IndexName"] for index in indexes] == ["gsi1", "gsi2", "gsi3", "gsi4", "gsi5"]
    assert all(index["Projection"] == {"ProjectionType": "ALL"} for index in indexes)


def test_every_key_attribute_is_defined_and_no_other() -> None:
    described = tables.description("portico")
    schemas = [described["KeySchema"], *(index["KeySchema"] for index in described["GlobalSecondaryIndexes"])]
    used = [part["AttributeName"] for schema in schemas for part in schema]
    assert used == [definition["AttributeName"] for definition in described["AttributeDefinitions"]]
    assert used[:4] == ["pk", "sk", "_i1h", "_i1r"]
    assert all([part["KeyType"] for part in schema] == ["HASH", "RANGE"] for schema in schemas)


def test_ensure_makes_the_described_table(table: str) -> None:
    client: Any = session.default().client
    made = client.describe_table(TableName=table)["Table"]
    described = tables.description(table)
    assert made["TableStatus"] == "ACTIVE"
    assert made["KeySchema"] == described["KeySchema"]
    assert made["StreamSpecification"] == described["StreamSpecification"]
    assert {index["IndexName"]: index["KeySchema"] for index in made["GlobalSecondaryIndexes"]} == {
        index["IndexName"]: index["KeySchema"] for index in described["GlobalSecondaryIndexes"]
    }
    assert ttl_of(table) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "_ttl"}


def test_ensure_enables_point_in_time_recovery(table: str) -> None:
    client: Any = session.default().client
    backups = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_ensure_leaves_a_table_with_its_items(table: str) -> None:
    book().put()
    tables.ensure(table)
    assert Book.get(shelf="A", isbn="1") == book()


def test_ensure_completes_a_table_that_was_left_half_made(table: str) -> None:
    name = f"{table}-half"
    client: Any = session.default().client
    client.create_table(**tables.description(name))
    assert ttl_of(name)["TimeToLiveStatus"] == "DISABLED"
    tables.ensure(name)
    assert ttl_of(name) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "_ttl"}


def test_processes_can_ensure_the_same_table_together(table: str) -> None:
    name = f"{table}-raced"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tables.ensure, [name] * 4))
    assert ttl_of(name)["TimeToLiveStatus"] == "ENABLED"


def test_ensure_says_that_a_table_cannot_be_made(table: str) -> None:
    with pytest.raises(StoreUnavailable, match="The table 'a b' cannot be made"):
        tables.ensure("a b")


class WithoutRecovery:
    """The part of a client of an engine that answers with this error."""

    def __init__(self, code: str) -> None:
        self.code = code

    def update_continuous_backups(self, **parameters: Any) -> None:
        assert_valid("UpdateContinuousBackups", parameters)
        raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, "UpdateContinuousBackups")


@pytest.mark.parametrize("code", ["UnknownOperationException", "ValidationException"])
def test_an_engine_may_lack_point_in_time_recovery(code: str) -> None:
    tables._enable_recovery(WithoutRecovery(code), "table")


def test_point_in_time_recovery_may_not_be_refused() -> None:
    with pytest.raises(ClientError):
        tables._enable_recovery(WithoutRecovery("AccessDeniedException"), "table")


def test_the_name_is_looked_up_at_every_call(table: str) -> None:
    assert main.name == table
    with settings.override(table="another"):
        assert main.name == "another"
        with pytest.raises(StoreUnavailable):
            main.call("GetItem", {"Key": keys(1)[0]})


def test_get_items_gives_what_is_there(recorder: Recorder, table: str) -> None:
    stored = [book(f"{number:03}") for number in range(0, 205, 2)]
    for one in stored:
        one.put()
    recorder.calls.clear()
    found = main.get_items(keys(205))
    assert sorted(item["sk"]["S"] for item in found) == [one.isbn for one in stored]
    requests = [call.parameters["RequestItems"][table] for call in recorder.calls]
    assert [len(request["Keys"]) for request in requests] == [100, 100, 5]
    assert all(request["ConsistentRead"] for request in requests)


def test_get_items_of_no_keys_makes_no_call(recorder: Recorder) -> None:
    assert main.get_items([]) == []
    main.delete_items([])
    assert recorder.calls == []


def test_get_items_asks_again_for_what_was_handed_back() -> None:
    def three_at_a_time(_: str, request: Any) -> dict[str, Any]:
        taken, rest = request["Keys"][:3], request["Keys"][3:]
        unprocessed = {"t": {"Keys": rest, "ConsistentRead": True}} if rest else {}
        return {"Responses": {"t": taken}, "UnprocessedKeys": unprocessed}

    store = Scripted(three_at_a_time)
    assert store.table.get_items(keys(8)) == keys(8)
    assert [len(request["Keys"]) for request in store.calls] == [8, 5, 2]
    assert store.pauses == [0.05, 0.1]


def test_get_items_gives_up_when_keys_keep_coming_back() -> None:
    store = Scripted(lambda _, request: {"Responses": {}, "UnprocessedKeys": {"t": request}})
    with pytest.raises(StoreThrottled, match="keeps handing items of a batch back"):
        store.table.get_items(keys(1))
    assert len(store.calls) == 8
    assert store.pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2]


def test_delete_items_deletes_25_a_call(recorder: Recorder, table: str) -> None:
    for number in range(60):
        book(f"{number:03}").put()
    recorder.calls.clear()
    main.delete_items(keys(59))
    assert [found.isbn for found in Book.query("book#A").run().items] == ["059"]
    sizes = [len(call.parameters["RequestItems"][table]) for call in recorder.calls if call.operation != "Query"]
    assert sizes == [25, 25, 9]


def test_delete_items_sends_again_what_was_handed_back() -> None:
    def all_but_two(_: str, requests: Any) -> dict[str, Any]:
        return {"UnprocessedItems": {"t": requests[:2]} if len(requests) > 2 else {}}

    store = Scripted(all_but_two)
    store.table.delete_items(keys(30))
    assert [len(requests) for requests in store.calls] == [25, 2, 5, 2]
    assert store.calls[1] == store.calls[0][:2]


def test_delete_items_gives_up_when_items_keep_coming_back() -> None:
    store = Scripted(lambda _, requests: {"UnprocessedItems": {"t": requests}})
    with pytest.raises(StoreThrottled):
        store.table.delete_items(keys(30))
    assert [len(requests) for requests in store.calls] == [25] * 8
