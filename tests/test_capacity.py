"""Each operation has a fixed number of calls, and of capacity units: the table of docs/, measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.access import keys
from chalicelib.access.principals import Principal
from chalicelib.collections import definitions
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import main
from tests.support.client import Answer, Client, administrator, records
from tests.support.stores import BOOK_SCHEMA

ACROSS = {**BOOK_SCHEMA, "minProperties": 1}
"""With a constraint across properties, so that a patch takes the stored record."""

INDEXES = {"by_title": {"hash": "title", "range": "stock"}, "by_stock": {"range": "stock"}}


RULED = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "owner": {"type": "string"}, "price": {"type": "number", "minimum": 0}},
}
RULES = {
    "list": "owner == auth.id",
    "read": "owner == auth.id",
    "create": "auth.id != null and new.owner == auth.id",
    "update": "owner == auth.id and new.price <= price",
    "delete": "owner == auth.id",
}
ANN, BOB = Principal("user:ann", "user"), Principal("user:bob", "user")
NOBODY = Principal("key:none", "key", scopes=frozenset({"loans:read"}))
FULL = {"id": "i", "title": "a", "isbn": "1", "stock": 5, "tags": ["x"], "address": {"city": "a"}}


@pytest.fixture
def client(table: str) -> Iterator[Client]:
    with administrator() as client:
        client.define("plain", BOOK_SCHEMA)
        client.define("unique", BOOK_SCHEMA, unique=["isbn"])
        client.define("ending", BOOK_SCHEMA, ttl="until")
        client.define("across", ACROSS)
        client.define("sharded", BOOK_SCHEMA, shards=4)
        client.define("indexed", BOOK_SCHEMA, indexes=INDEXES)
        client.define("ruled", RULED, rules=RULES, indexes={"by_owner": {"hash": "owner"}})
        client.define("secretive", RULED, rules=RULES, hidden=["title"])
        for name in ("ruled", "secretive"):
            client.make(name, {"id": "i", "title": "a", "owner": "ann", "price": 5})
            client.get(records(name, "i"))
        for name in ("plain", "unique", "ending", "across", "sharded", "indexed"):
            client.make(name, FULL)
            client.make(name, {"id": "bare", "title": "a"})
            client.get(records(name, "i"))  # its definition is in the cache from here on
            client.get(records(name), query={"limit": 1})  # and so is the secret of its cursors
        yield client


Request = Callable[[Client], Answer]


def get(path: str, **query: Any) -> Request:
    return lambda client: client.get(path, query=query)


def send(method: str, path: str, body: Any = None, query: Any = "", **headers: str) -> Request:
    if method == "DELETE":
        return lambda client: client.delete(path, query=query, **headers)
    return lambda client: client.request(method, path, body, query=query, **headers)


def by(principal: Principal, request: Request) -> Request:
    return lambda _: request(Client.as_principal(principal))


def measured(client: Client, request: Request) -> tuple[int, Recorder]:
    with main.session.recording() as recorder:
        answer = request(client)
    return answer.status, recorder


TITLE = {"title": "b"}
TITLED = {"title": "b", "isbn": "1"}
OWN = {"title": "b", "owner": "ann", "price": 4}
KEY = {"idempotency_key": "k"}
IN_VAIN = {"if": "stock > 5"}
UNDECIDABLE = {"if": "stock > 4 and 'abc'.contains(title)"}

TABLE: list[tuple[str, Request, int, list[str], float | None]] = [
    # what, request, status, calls, units (None: where the engines that we test with count otherwise, or not at all)
    ("read", get(records("plain", "i")), 200, ["GetItem"], 0.5),
    ("read, consistent", get(records("plain", "i"), consistent="true"), 200, ["GetItem"], 1),
    ("read of fields", get(records("plain", "i"), fields="title"), 200, ["GetItem"], 0.5),
    ("read of nothing", get(records("plain", "nobody")), 404, ["GetItem"], 0.5),
    ("create", send("POST", records("plain"), TITLE), 201, ["PutItem"], 1),
    ("create over", send("POST", records("plain"), {"id": "i", **TITLE}), 409, ["PutItem"], None),
    ("create, invalid", send("POST", records("plain"), {}), 422, [], 0),
    ("replace", send("PUT", records("plain", "i"), TITLE), 200, ["UpdateItem"], 1),
    ("replace nothing", send("PUT", records("plain", "new"), TITLE), 201, ["UpdateItem"], 1),
    ("replace, If-Match", send("PUT", records("plain", "i"), TITLE, if_match='"1"'), 200, ["UpdateItem"], 1),
    ("replace, If-None-Match", send("PUT", records("plain", "new"), TITLE, if_none_match="*"), 201, ["PutItem"], 1),
    ("replace, If-Match fails", send("PUT", records("plain", "i"), TITLE, if_match='"9"'), 412, ["UpdateItem"], None),
    ("patch", send("PATCH", records("plain", "i"), TITLE), 200, ["UpdateItem"], 1),
    ("patch, If-Match", send("PATCH", records("plain", "i"), TITLE, if_match='"1"'), 200, ["UpdateItem"], 1),
    ("patch, If-Match fails", send("PATCH", records("plain", "i"), TITLE, if_match='"9"'), 412, ["UpdateItem"], None),
    ("patch nothing", send("PATCH", records("plain", "nobody"), TITLE), 404, ["UpdateItem"], None),
    ("replace, if", send("PUT", records("plain", "i"), TITLE, {"if": "stock > 4"}), 200, ["UpdateItem"], 1),
    (
        "replace nothing, if", send("PUT", records("plain", "new"), TITLE, {"if": "stock == null"}), 201,
        ["UpdateItem"], 1,
    ),
    (
        "replace nothing, if fails", send("PUT", records("plain", "new"), TITLE, {"if": "stock > 0"}), 412,
        ["UpdateItem"], None,
    ),
    ("replace, if fails", send("PUT", records("plain", "i"), TITLE, IN_VAIN), 412, ["UpdateItem"], None),
    ("patch, if", send("PATCH", records("plain", "i"), TITLE, {"if": "stock > 4"}), 200, ["UpdateItem"], 1),
    (
        "patch, if and If-Match", send("PATCH", records("plain", "i"), TITLE, {"if": "stock > 4"}, if_match="*"), 200,
        ["UpdateItem"], 1,
    ),
    ("patch, if fails", send("PATCH", records("plain", "i"), TITLE, IN_VAIN), 412, ["UpdateItem"], None),
    ("patch nothing, if", send("PATCH", records("plain", "nobody"), TITLE, IN_VAIN), 404, ["UpdateItem"], None),
    (
        "patch, if with a part of the reader's", send("PATCH", records("plain", "i"), TITLE, UNDECIDABLE), 200,
        ["GetItem", "PutItem"], 2,
    ),
    ("patch, if is no expression", send("PATCH", records("plain", "i"), TITLE, {"if": "stock >"}), 400, [], 0),
    ("patch, invalid", send("PATCH", records("plain", "i"), {"title": 5}), 422, [], 0),
    ("$inc within bounds", send("PATCH", records("plain", "i"), {"stock": {"$inc": -5}}), 200, ["UpdateItem"], 1),
    ("$inc beyond", send("PATCH", records("plain", "i"), {"stock": {"$inc": -6}}), 422, ["UpdateItem"], None),
    ("$append", send("PATCH", records("plain", "i"), {"tags": {"$append": ["y"]}}), 200, ["UpdateItem"], 1),
    ("$unset", send("PATCH", records("plain", "i"), {"stock": {"$unset": True}}), 200, ["UpdateItem"], 1),
    ("$remove", send("PATCH", records("plain", "i"), {"tags": {"$remove": ["x"]}}), 200, ["GetItem", "PutItem"], 2),
    ("nested change", send("PATCH", records("plain", "i"), {"address": {"city": "b"}}), 200, ["UpdateItem"], 1),
    (
        "nested change of a missing object", send("PATCH", records("plain", "bare"), {"address": {"city": "b"}}), 200,
        ["UpdateItem", "PutItem"], None,
    ),
    ("patch across properties", send("PATCH", records("across", "i"), TITLE), 200, ["GetItem", "PutItem"], 2),
    ("delete", send("DELETE", records("plain", "i")), 204, ["DeleteItem"], 1),
    ("delete, If-Match", send("DELETE", records("plain", "i"), if_match='"1"'), 204, ["DeleteItem"], 1),
    ("delete, if", send("DELETE", records("plain", "i"), None, {"if": "stock > 4"}), 204, ["DeleteItem"], 1),
    ("delete, if fails", send("DELETE", records("plain", "i"), None, IN_VAIN), 412, ["DeleteItem"], None),
    (
        "delete, if with a part of the reader's", send("DELETE", records("plain", "i"), None, UNDECIDABLE), 204,
        ["GetItem", "DeleteItem"], 2,
    ),
    ("delete nothing", send("DELETE", records("plain", "nobody")), 404, ["DeleteItem"], None),
    ("ending: create", send("POST", records("ending"), {"until": 4e9, **TITLE}), 201, ["PutItem"], 1),
    ("ending: replace", send("PUT", records("ending", "i"), {"until": 4e9, **TITLE}), 200, ["UpdateItem"], 1),
    ("ending: patch", send("PATCH", records("ending", "i"), {"until": 4e9}), 200, ["UpdateItem"], 1),
    (
        "ending: replace, if", send("PUT", records("ending", "i"), TITLE, {"if": "stock > 4"}), 200,
        ["UpdateItem"], 1,
    ),
    ("ending: delete", send("DELETE", records("ending", "i")), 204, ["DeleteItem"], 1),
    ("unique: create", send("POST", records("unique"), {"isbn": "2", **TITLE}), 201, ["TransactWriteItems"], 4),
    ("unique: create without a value", send("POST", records("unique"), TITLE), 201, ["PutItem"], 1),
    ("unique: create, taken", send("POST", records("unique"), TITLED), 409, ["TransactWriteItems"], None),
    ("unique: replace, value kept", send("PUT", records("unique", "i"), TITLED), 200, ["UpdateItem"], 1),
    (
        "unique: replace, value changed", send("PUT", records("unique", "i"), {"isbn": "2", **TITLE}), 200,
        ["UpdateItem", "TransactWriteItems"], None,
    ),
    (
        "unique: replace nothing", send("PUT", records("unique", "new"), {"isbn": "2", **TITLE}), 201,
        ["UpdateItem", "TransactWriteItems"], None,
    ),
    ("unique: patch of others", send("PATCH", records("unique", "i"), TITLE), 200, ["UpdateItem"], 1),
    (
        "unique: patch of the value", send("PATCH", records("unique", "i"), {"isbn": "2"}), 200,
        ["GetItem", "TransactWriteItems"], None,
    ),
    ("unique: delete", send("DELETE", records("unique", "i")), 204, ["GetItem", "TransactWriteItems"], 5),
    ("with a key: create", send("POST", records("plain"), TITLE, **KEY), 201, ["TransactWriteItems"], 4),
    (
        "with a key: patch", send("PATCH", records("plain", "i"), TITLE, **KEY), 200,
        ["BatchGetItem", "TransactWriteItems"], None,
    ),
    ("list", get(records("plain")), 200, ["Query"], 1),
    ("list, sharded", get(records("sharded")), 200, ["Query"] * 4, None),
    ("list, unserved", get(records("indexed"), where="isbn == '1'"), 200, ["Query"], 1),
    ("list, ids", get(records("indexed"), where="id in ['i', 'j']"), 200, ["Query"] * 2, 2),
    ("list by a hash", get(records("indexed"), where="title == 'a'"), 200, ["Query"], 0.5),
    ("list by three of a hash", get(records("indexed"), where="title in ['a','b','c']"), 200, ["Query"] * 3, 1.5),
    ("list by a range", get(records("indexed"), sort="-stock"), 200, ["Query"], 0.5),
    ("list, sort refused", get(records("indexed"), sort="isbn"), 400, [], 0),
    ("list of nothing", get(records("indexed"), where="false"), 200, [], 0),
    ("query", send("POST", "/v1/collections/indexed/query", {"where": "title == 'a'"}), 200, ["Query"], 0.5),
    ("explain", get(records("indexed"), where="title == 'a'", explain="true"), 200, ["Query"], 0.5),
    ("count", get(records("indexed"), count="true"), 200, ["Query"] * 2, 2),
    ("count by a hash", get(records("indexed"), where="title == 'a'", count="true"), 200, ["Query"] * 2, 1),
    ("count, sharded", get(records("sharded"), count="true"), 200, ["Query"] * 8, None),
    ("indexed: create", send("POST", records("indexed"), TITLE), 201, ["PutItem"], 3),
    ("indexed: patch of others", send("PATCH", records("indexed", "i"), {"tags": []}), 200, ["UpdateItem"], 3),
    ("indexed: patch of the range", send("PATCH", records("indexed", "i"), {"stock": 6}), 200, ["UpdateItem"], 5),
    ("indexed: delete", send("DELETE", records("indexed", "i")), 204, ["DeleteItem"], 3),
    ("rules: read", by(ANN, get(records("ruled", "i"))), 200, ["GetItem"], 0.5),
    ("rules: read, not theirs", by(BOB, get(records("ruled", "i"))), 404, ["GetItem"], 0.5),
    ("rules: create", by(ANN, send("POST", records("ruled"), OWN)), 201, ["PutItem"], 2),
    ("rules: create, not theirs", by(BOB, send("POST", records("ruled"), OWN)), 403, [], 0),
    ("rules: patch", by(ANN, send("PATCH", records("ruled", "i"), {"price": 4})), 200, ["UpdateItem"], 2),
    ("rules: patch of others", by(ANN, send("PATCH", records("ruled", "i"), TITLE)), 200, ["UpdateItem"], 2),
    (
        "rules: patch, if", by(ANN, send("PATCH", records("ruled", "i"), TITLE, {"if": "price > 4"})), 200,
        ["UpdateItem"], 2,
    ),
    ("rules: patch, refused", by(ANN, send("PATCH", records("ruled", "i"), {"price": 6})), 403, ["UpdateItem"], None),
    ("rules: patch, not theirs", by(BOB, send("PATCH", records("ruled", "i"), TITLE)), 404, ["UpdateItem"], None),
    (
        "rules: $inc of what they ask", by(ANN, send("PATCH", records("ruled", "i"), {"price": {"$inc": -1}})), 200,
        ["GetItem", "PutItem"], None,
    ),
    ("rules: replace", by(ANN, send("PUT", records("ruled", "i"), OWN)), 200, ["UpdateItem"], 2),
    ("rules: replace nothing", by(ANN, send("PUT", records("ruled", "new"), OWN)), 201, ["UpdateItem"], 2),
    (
        "rules: replace, refused", by(ANN, send("PUT", records("ruled", "i"), {**OWN, "price": 6})), 403,
        ["UpdateItem"], None,
    ),
    ("rules: delete", by(ANN, send("DELETE", records("ruled", "i"))), 204, ["DeleteItem"], 2),
    ("rules: delete, not theirs", by(BOB, send("DELETE", records("ruled", "i"))), 404, ["DeleteItem"], None),
    ("rules: list", by(ANN, get(records("ruled"))), 200, ["Query"], 0.5),
    ("rules: refused whatever is stored", by(NOBODY, get(records("ruled", "i"))), 403, [], 0),
    ("hidden: read", by(ANN, get(records("secretive", "i"))), 200, ["GetItem"], 0.5),
    ("hidden: patch", by(ANN, send("PATCH", records("secretive", "i"), {"price": 4})), 200, ["UpdateItem"], 1),
    ("hidden: replace", by(ANN, send("PUT", records("secretive", "i"), OWN)), 200, ["GetItem", "PutItem"], 2),
    ("export", get("/v1/collections/plain/export"), 200, ["Query"], 1),
    ("definition", get("/v1/collections/plain"), 200, ["GetItem"], 1),
    ("definitions", get("/v1/collections"), 200, ["Query"], None),
    ("health", get("/health"), 200, ["GetItem"], 0.5),
    ("service", get("/"), 200, [], 0),
    ("unknown key", lambda _: Client("nobody").get(records("plain")), 403, [], 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "status", "calls", "units"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_an_operation_costs_what_the_table_says(
    client: Client, request_: Request, status: int, calls: list[str], units: float | None
) -> None:
    answered, recorder = measured(client, request_)
    assert answered == status
    assert recorder.operations == calls
    if units is not None:
        assert recorder.units == units


@pytest.mark.parametrize("count", [1, 7, 100])
def test_a_batch_of_n_is_n_calls(client: Client, count: int) -> None:
    listed = [{"op": "create", "collection": "plain", "body": TITLE}] * count
    status, recorder = measured(client, send("POST", "/v1/batch", {"operations": listed}))
    assert (status, recorder.operations, recorder.units) == (200, ["PutItem"] * count, count)


def test_conditions_in_a_batch_are_free_and_in_a_transaction_too(client: Client) -> None:
    patches: list[dict[str, Any]] = [
        {"op": "patch", "collection": "plain", "id": name, "body": TITLE, "if": "title == 'a'"}
        for name in ("i", "bare")
    ]
    _, recorder = measured(client, send("POST", "/v1/batch", {"operations": patches}))
    assert recorder.operations == ["UpdateItem"] * 2
    patches = [{**patch, "if": ["==", "title", {"value": "b"}]} for patch in patches]
    checks = [{"op": "check", "collection": "unique", "id": "i", "if": "stock == 5"}]
    _, recorder = measured(client, send("POST", "/v1/transactions", {"operations": [*patches, *checks]}))
    assert recorder.operations == ["BatchGetItem", "TransactWriteItems"]


def test_a_transaction_reads_together_and_writes_together(client: Client) -> None:
    listed = [
        {"op": "create", "collection": "plain", "body": TITLE},
        {"op": "patch", "collection": "plain", "id": "i", "body": TITLE},
        {"op": "patch", "collection": "plain", "id": "bare", "body": TITLE},
    ]
    _, recorder = measured(client, send("POST", "/v1/transactions", {"operations": listed}))
    assert recorder.operations == ["BatchGetItem", "TransactWriteItems"]
    _, recorder = measured(client, send("POST", "/v1/transactions", {"operations": listed[:1] * 5}))
    assert recorder.operations == ["TransactWriteItems"]


def test_an_import_is_a_call_a_line(client: Client) -> None:
    text = b'{"title":"a"}\n' * 9
    path = "/v1/collections/plain/import"
    _, recorder = measured(client, lambda c: c.post(path, text, content_type="application/x-ndjson"))
    assert recorder.operations == ["PutItem"] * 9


@pytest.mark.parametrize(("size", "units"), [(900, 1), (3500, 4), (8500, 9), (100_000, 98)])
def test_a_write_costs_by_its_size(client: Client, size: int, units: float) -> None:
    client.define("large")
    client.get(records("large"))
    _, recorder = measured(client, send("POST", records("large"), {"id": "i", "text": "x" * size}))
    assert recorder.units == units
    _, recorder = measured(client, send("PATCH", records("large", "i"), {"n": 1}))
    assert recorder.units == units


def test_the_first_call_of_a_process_reads_the_definition_besides(client: Client) -> None:
    definitions._forget("plain")
    _, recorder = measured(client, get(records("plain", "i")))
    assert recorder.operations == ["GetItem", "GetItem"]
    _, recorder = measured(client, get(records("plain", "i")))
    assert recorder.operations == ["GetItem"]


def test_a_stored_key_is_one_read(client: Client) -> None:
    stored = Client(keys.create().secret)
    _, recorder = measured(client, lambda _: stored.get(records("plain", "i")))
    assert recorder.operations == ["GetItem", "UpdateItem", "GetItem"]  # and once an hour its last use
    _, recorder = measured(client, lambda _: stored.get(records("plain", "i")))
    assert recorder.operations == ["GetItem", "GetItem"]


@pytest.mark.parametrize(("limit", "calls"), [(20, 3), (30, 3), (300, 1)])
def test_a_filter_looks_at_a_hundred_records_or_four_times_the_page_and_then_at_twice_as_many(
    client: Client, limit: int, calls: int
) -> None:
    for _ in range(3):
        text = b'{"title":"a"}\n' * 150
        client.post("/v1/collections/plain/import", text, content_type="application/x-ndjson")
    _, recorder = measured(client, get(records("plain"), where="title == 'b'", limit=limit))
    assert recorder.operations == ["Query"] * calls
