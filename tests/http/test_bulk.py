from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.http import bulk
from tests.support.assertions import assert_problem, pointers
from tests.support.client import Client, another_administrator, records
from tests.support.stores import BOOK_SCHEMA, stored

IMPORT = "/v1/collections/books/import"
NDJSON = "application/x-ndjson"


@pytest.fixture
def books(client: Client) -> Client:
    client.define("books", BOOK_SCHEMA)
    return client


def operations(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"operations": [{"collection": "books", **each} for each in listed]}


def test_a_batch_answers_each_operation_in_order(books: Client) -> None:
    books.make("books", {"id": "a", "title": "a"})
    answer = books.post(
        "/v1/batch",
        operations(
            {"op": "create", "id": "b", "body": {"title": "b"}},
            {"op": "read", "id": "a"},
            {"op": "delete", "id": "nobody"},
            {"op": "create", "body": {}},
        ),
    )
    assert answer.status == 200
    created, read, missing, invalid = answer.json()["results"]
    assert (created["status"], created["etag"], created["body"]["id"]) == (201, '"1"', "b")
    assert (read["status"], read["body"]["title"]) == (200, "a")
    assert (missing["status"], missing["problem"]["code"]) == (404, "record_not_found")
    assert (invalid["status"], pointers(invalid["problem"])) == (422, ["/title"])


def test_a_transaction_answers_each_operation_in_order(books: Client) -> None:
    for name in "abc":
        books.make("books", {"id": name, "title": name})
    answer = books.post(
        "/v1/transactions",
        operations(
            {"op": "create", "body": {"title": "new"}},
            {"op": "patch", "id": "a", "body": {"stock": {"$inc": 1}}},
            {"op": "delete", "id": "b"},
            {"op": "check", "id": "c", "if_match": "1"},
        ),
    )
    assert [result["status"] for result in answer.json()["results"]] == [201, 200, 204, 200]
    assert answer.json()["results"][1]["etag"] == '"2"'
    assert set(answer.json()["results"][2]) == set(answer.json()["results"][3]) == {"status"}


def test_a_canceled_transaction_is_a_problem_with_every_result(books: Client) -> None:
    books.make("books", {"id": "a", "title": "a"})
    listed = operations(
        {"op": "create", "id": "n", "body": {"title": "new"}}, {"op": "check", "id": "a", "if_match": "9"}
    )
    problem = assert_problem(books.post("/v1/transactions", listed), 412, "transaction_canceled")
    assert [result["status"] for result in problem["results"]] == [424, 412]
    assert problem["results"][1]["problem"]["code"] == "precondition_failed"
    assert books.get(records("books", "n")).status == 404


def test_operations_have_conditions_as_text_or_as_json(books: Client) -> None:
    for name in "ab":
        books.make("books", {"id": name, "title": name, "stock": 1})
    listed = operations(
        {"op": "patch", "id": "a", "body": {"stock": {"$inc": -1}}, "if": "stock > 0"},
        {"op": "replace", "id": "b", "body": {"title": "B"}, "if": ["==", "title", {"value": "b"}]},
    )
    assert [result["status"] for result in books.post("/v1/batch", listed).json()["results"]] == [200, 200]
    results = books.post("/v1/batch", listed).json()["results"]
    assert [(result["status"], result["problem"]["code"]) for result in results] == [(412, "precondition_failed")] * 2
    problem = assert_problem(books.post("/v1/transactions", listed), 412, "transaction_canceled")
    assert [result["status"] for result in problem["results"]] == [412, 412]
    check = operations({"op": "check", "id": "a", "if": ["==", "stock", 0]}, {"op": "delete", "id": "b"})
    assert books.post("/v1/transactions", check).status == 200


@pytest.mark.parametrize(
    ("wrong", "pointer", "detail"),
    [
        ("stock >> 0", "/operations/1/if", "line 1, column 8: expected a value"),
        ("owner == auth.id", "/operations/1/if", "line 1, column 10: auth is known in access rules only"),
        (["and", "a", ["like", "b", "c"]], "/operations/1/if/2/0", "there is no operation 'like'"),
        (5, "/operations/1/if", "is neither a where expression's text"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/transactions"])
def test_a_condition_that_is_none_is_a_failure_of_the_body(
    books: Client, path: str, wrong: Any, pointer: str, detail: str
) -> None:
    body = operations(
        {"op": "delete", "id": "a", "if": "stock > 0"},
        {"op": "delete", "id": "b", "if": wrong},
        {"op": "explode", "id": "c"},
    )
    problem = assert_problem(books.post(path, body), 422, "validation_failed")
    assert pointers(problem) == [pointer, "/operations/2/op"]
    assert problem["errors"][0]["detail"].startswith(detail)


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/transactions"])
def test_failures_of_the_body_come_all_at_once(books: Client, path: str) -> None:
    body = operations({"op": "explode", "id": "a"}, {"op": "create"}, {"op": "delete", "id": "a/b"})
    problem = assert_problem(books.post(path, body), 422, "validation_failed")
    assert pointers(problem) == ["/operations/0/op", "/operations/1/body", "/operations/2/id"]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/transactions"])
@pytest.mark.parametrize("count", [0, 101])
def test_one_to_a_hundred_operations(books: Client, path: str, count: int) -> None:
    body = operations(*[{"op": "create", "body": {"title": "a"}}] * count)
    assert pointers(assert_problem(books.post(path, body), 422)) == ["/operations"]
    assert stored("r#") == []


@pytest.mark.parametrize(("path", "op"), [("/v1/batch", "check"), ("/v1/transactions", "read")])
def test_a_batch_does_not_check_and_a_transaction_does_not_read(books: Client, path: str, op: str) -> None:
    assert_problem(books.post(path, operations({"op": op, "id": "a"})), 422, "validation_failed")


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/transactions"])
def test_a_repetition_with_a_key_gets_the_same_answer(books: Client, path: str) -> None:
    books.make("books", {"id": "a", "title": "a", "stock": 0})
    body = operations(
        {"op": "create", "body": {"title": "new"}}, {"op": "patch", "id": "a", "body": {"stock": {"$inc": 1}}}
    )
    first = books.post(path, body, idempotency_key="k")
    count = len(stored())
    assert books.post(path, body, idempotency_key="k") == first
    assert len(stored()) == count
    other = operations({"op": "create", "body": {"title": "other"}})
    assert_problem(books.post(path, other, idempotency_key="k"), 422, "idempotency_mismatch")
    assert another_administrator().post(path, body, idempotency_key="k").text != first.text


def test_a_transaction_takes_99_operations_and_a_key(books: Client) -> None:
    hundred = [{"op": "create", "body": {"title": "a"}}] * 100
    assert_problem(books.post("/v1/transactions", operations(*hundred), idempotency_key="k"), 422, "unprocessable")
    assert books.post("/v1/transactions", operations(*hundred[:99]), idempotency_key="k").status == 200


def test_an_import_reports_line_by_line(books: Client) -> None:
    text = b'{"id":"a","title":"a"}\n\n{"title":1}\nnope\n{"id":"a","title":"b"}\n'
    report = books.post(IMPORT, text, content_type=NDJSON).json()
    errors = report.pop("errors")
    assert report == {"created": 1, "existing": 1, "failed": 2, "next": None}
    assert [(error["line"], error["status"], error["code"]) for error in errors] == [
        (3, 422, "validation_failed"),
        (4, 400, "malformed_json"),
    ]
    assert errors[0]["errors"][0]["pointer"] == "/title"


def test_an_import_lists_a_thousand_failures_and_counts_them_all(books: Client) -> None:
    report = books.post(IMPORT, b"nope\n" * (bulk.MAX_ERRORS + 5), content_type=NDJSON).json()
    assert (report["failed"], len(report["errors"])) == (bulk.MAX_ERRORS + 5, bulk.MAX_ERRORS)


def test_a_repeated_import_with_a_key_creates_nothing(books: Client) -> None:
    text = "".join(json.dumps({"title": str(n)}) + "\n" for n in range(20)).encode()
    first = books.post(IMPORT, text, content_type=NDJSON, idempotency_key="k")
    assert books.post(IMPORT, text, content_type=NDJSON, idempotency_key="k") == first
    assert len(stored("r#")) == 20


def test_a_failing_line_says_no_more_than_the_problem_does(books: Client) -> None:
    report = books.post(IMPORT, b"nope", content_type=NDJSON).json()
    assert set(report["errors"][0]) == {"line", "status", "code", "detail"}


def test_records_that_an_answer_has_no_room_for_are_left_out(client: Client) -> None:
    client.define("large")
    text = "x" * 390_000
    writes = [{"op": "create", "collection": "large", "id": f"i{n}", "body": {"text": text}} for n in range(12)]
    assert client.post("/v1/batch", {"operations": writes}).status == 200
    patches = [{"op": "patch", "collection": "large", "id": f"i{n % 12}", "body": {"n": n}} for n in range(36)]
    reads = [{"op": "read", "collection": "large", "id": f"i{n % 12}"} for n in range(36)]
    patched = client.post("/v1/batch", {"operations": patches})
    read = client.post("/v1/batch", {"operations": reads})
    for answer in (patched, read):
        assert len(json.dumps(answer.text)) < 6_000_000
    results = patched.json()["results"]
    assert {result["status"] for result in results} == {200}
    assert all("etag" in result for result in results)
    assert [("body" in result) for result in results] == sorted((("body" in r) for r in results), reverse=True)
    statuses = [result["status"] for result in read.json()["results"]]
    assert statuses == sorted(statuses)
    assert set(statuses) == {200, 413}
