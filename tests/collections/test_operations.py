from __future__ import annotations

from typing import Any

import pytest

from chalicelib.access.principals import ADMIN, ANONYMOUS, Principal
from chalicelib.access.rules import unbounded
from chalicelib.collections import definitions, idempotency, operations, reading, records
from chalicelib.collections.definitions import Collection
from chalicelib.collections.idempotency import Once
from chalicelib.collections.operations import BATCH, TRANSACTION, Caller
from chalicelib.collections.record import Outcome
from chalicelib.dynamo.tables import main
from chalicelib.errors import (
    IdempotencyMismatch,
    Problem,
    TransactionCanceled,
    Unprocessable,
    ValidationFailed,
)
from tests.support.stores import BOOK_SCHEMA, collection, stored

ADMINISTRATOR = Principal("key:test", "key", frozenset({ADMIN}))


@pytest.fixture
def books(table: str) -> Collection:
    return collection(BOOK_SCHEMA, name="books", unique=["isbn"])


def operation(op: str, record_id: str | None = None, body: Any = ..., **members: Any) -> dict[str, Any]:
    made = {"op": op, "collection": "books", **members}
    if record_id is not None:
        made["id"] = record_id
    if body is not ...:
        made["body"] = body
    return made


def batch(*listed: Any, once: Once | None = None, principal: Principal = ADMINISTRATOR) -> list[Outcome | Problem]:
    return operations.run_batch(Caller(principal), operations.parse({"operations": list(listed)}, BATCH), once)


def transact(*listed: Any, once: Once | None = None, principal: Principal = ADMINISTRATOR) -> list[Outcome]:
    return operations.run_transaction(
        Caller(principal), operations.parse({"operations": list(listed)}, TRANSACTION), once
    )


def codes(results: list[Outcome | Problem]) -> list[str]:
    return [result.code if isinstance(result, Problem) else "done" for result in results]


def canceled(*listed: Any, **options: Any) -> tuple[int, list[int]]:
    """The status of a transaction that is canceled, and those of its operations."""
    with pytest.raises(TransactionCanceled) as refused:
        transact(*listed, **options)
    document = refused.value.document()
    return document["status"], [result["status"] for result in document["results"]]


@pytest.mark.parametrize(
    "body",
    [None, [], "a", {}, {"operations": {}}, {"operations": None}, {"operations": [operation("read", "a")], "x": 1}],
)
def test_a_body_is_an_object_with_operations(body: Any) -> None:
    with pytest.raises(ValidationFailed) as refused:
        operations.parse(body, BATCH)
    assert [failure["pointer"] for failure in refused.value.failures] == [""]


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (100, True), (101, False)])
def test_a_body_has_one_to_a_hundred_operations(count: int, fits: bool) -> None:
    body = {"operations": [operation("read", "a")] * count}
    if fits:
        assert len(operations.parse(body, BATCH)) == count
    else:
        with pytest.raises(ValidationFailed) as refused:
            operations.parse(body, BATCH)
        assert [failure["pointer"] for failure in refused.value.failures] == ["/operations"]


@pytest.mark.parametrize(
    ("wrong", "pointers"),
    [
        (None, [""]),
        ([], [""]),
        ({}, ["/op", "/collection", "/id"]),
        (operation("read"), ["/id"]),
        (operation("explode", "a"), ["/op"]),
        (operation("check", "a"), ["/op"]),
        ({**operation("read", "a"), "op": ["read"]}, ["/op"]),
        ({**operation("read", "a"), "op": {}}, ["/op"]),
        (operation("create"), ["/body"]),
        (operation("patch", "a"), ["/body"]),
        (operation("replace", body={}), ["/id"]),
        (operation("read", "a", {}), ["/body"]),
        (operation("delete", "a", None), ["/body"]),
        (operation("read", "a/b"), ["/id"]),
        ({**operation("read"), "id": 5}, ["/id"]),
        ({**operation("create", body={}), "id": ""}, ["/id"]),
        (operation("read", "a", collection="a b"), ["/collection"]),
        (operation("read", "a", collection=None), ["/collection"]),
        (operation("read", "a", extra=1, **{"a/b": 1}), ["/extra", "/a~1b"]),
        (operation("read", "a", if_match=7), ["/if_match"]),
        (operation("read", "a", if_match="seven"), ["/if_match"]),
        (operation("read", "a", if_match=""), ["/if_match"]),
        (operation("read", "a", if_match=None), ["/if_match"]),
        (operation("read", "a", if_match="²"), ["/if_match"]),
        (operation("read", "a", if_none_match="9" * 30), ["/if_none_match"]),
        (operation("read", "a", if_match=["1"]), ["/if_match"]),
        (operation("read", "a", **{"if": None}), ["/if"]),
        (operation("read", "a", **{"if": True}), ["/if"]),
        (operation("read", "a", **{"if": {"value": "a"}}), ["/if"]),
        (operation("read", "a", **{"if": ""}), ["/if"]),
        (operation("read", "a", **{"if": "stock >"}), ["/if"]),
        (operation("read", "a", **{"if": "owner == auth.id"}), ["/if"]),
        (operation("read", "a", **{"if": "stock > $least"}), ["/if"]),
        (operation("read", "a", **{"if": []}), ["/if"]),
        (operation("read", "a", **{"if": ["and", "a", ["like", "b", "c"]]}), ["/if/2/0"]),
        (operation("read", "a", **{"if": [">", "stock", {"value": {"a/b": [10**40 + 1]}}]}), ["/if/2/value/a~1b/0"]),
        (operation("read", "a", **{"if": ["==", "owner", "auth.id"]}), ["/if/2"]),
        (operation("create", body={}, **{"if": "stock > 0"}), ["/if"]),
        (operation("read", "a/b", strange=1, **{"if": "("}), ["/strange", "/id", "/if"]),
    ],
)
def test_everything_that_is_wrong_with_any_operation_is_said(wrong: Any, pointers: list[str]) -> None:
    with pytest.raises(ValidationFailed) as refused:
        operations.parse({"operations": [operation("read", "fine"), wrong, wrong]}, BATCH)
    found = [failure["pointer"] for failure in refused.value.failures]
    assert found == [f"/operations/{number}{pointer}" for number in (1, 2) for pointer in pointers]


@pytest.mark.parametrize("text", ["7", '"7"', "*"])
def test_versions_are_written_as_such_or_as_entity_tags(text: str) -> None:
    (parsed,) = operations.parse({"operations": [operation("read", "a", if_match=text)]}, BATCH)
    parsed.preconditions.check(7)


def test_what_is_wrong_with_a_condition_says_the_line_and_the_column() -> None:
    with pytest.raises(ValidationFailed) as refused:
        operations.parse({"operations": [operation("read", "a", **{"if": "stock >\n  0 andd a"})]}, BATCH)
    (failure,) = refused.value.failures
    assert failure["detail"] == "line 2, column 5: expected an operator or the end, found 'andd'"


CONDITIONS = [
    # if, whether it holds of {"title": "a", "stock": 1} at version 1, and of no record
    ("stock > 0", True, False),
    ("stock > 1", False, False),
    ("stock == null", False, True),
    ("version == 1 and id == 'a'", True, False),
    ("title.startsWith(title) and stock == 1", True, False),
    ("isbn == null and not title.startsWith(isbn)", True, True),
    ("isbn.startsWith(title)", False, False),
    (["and", [">", "stock", 0], ["==", "title", {"value": "a"}]], True, False),
    (["startsWith", "isbn", "title"], False, False),
    (["not", ["has", "stock"]], False, True),
]


@pytest.mark.parametrize(("form", "of_stored", "of_nothing"), CONDITIONS)
def test_an_operation_is_carried_out_if_its_condition_holds(
    books: Collection, form: Any, of_stored: bool, of_nothing: bool
) -> None:
    where = {"if": form}

    def status(op: str, record_id: str, body: Any = ...) -> int:
        """The status of an operation in a batch, which is that in a transaction too where both have it."""
        made = operation(op, record_id, body, **where)
        if op != "check":
            (result,) = batch(made)
            in_batch = result.status if isinstance(result, Problem) else 200
            if op == "read" or in_batch == 200:
                return in_batch
        try:
            transact(made)
        except TransactionCanceled as problem:
            in_transaction = int(problem.document()["status"])
        else:
            in_transaction = 200
        assert op == "check" or in_transaction == in_batch
        return in_transaction

    records.create(unbounded(books), {"id": "a", "title": "a", "stock": 1})
    expected = 200 if of_stored else 412
    assert status("read", "a") == status("check", "a") == expected
    assert status("patch", "a", {"stock": 1}) == expected
    if of_stored:
        records.delete(unbounded(books), "a")
        records.create(unbounded(books), {"id": "a", "title": "a", "stock": 1})
    assert status("delete", "a") == expected
    records.replace(unbounded(books), "b", {"title": "a", "stock": 1})
    assert {status(op, "nobody") for op in ("read", "check", "delete")} == {404}
    assert status("patch", "nobody", {}) == 404
    assert status("replace", "nobody", {"title": "n"}) == (200 if of_nothing else 412)


def test_everything_in_a_transaction_happens_if_all_conditions_hold(books: Collection) -> None:
    for name in "abcd":
        records.create(unbounded(books), {"id": name, "title": name, "stock": 1})
    listed = [
        operation("check", "a", **{"if": "stock > 0"}),
        operation("patch", "b", {"stock": {"$inc": -1}}, **{"if": "stock > 0"}),
        operation("delete", "c", **{"if": "title == 'c'"}),
        operation("replace", "d", {"title": "d"}, **{"if": ["startsWith", "title", "id"]}),
        operation("replace", "e", {"title": "e"}, **{"if": "title == null"}),
        operation("create", "f", {"title": "f"}),
    ]
    assert [outcome.version for outcome in transact(*listed)] == [1, 2, None, 2, 1, 1]
    before = stored()
    assert canceled(*listed) == (412, [424, 412, 404, 424, 412, 424])
    assert stored() == before


def test_a_check_with_a_condition_may_be_of_no_record_where_none_is_asked_for(books: Collection) -> None:
    assert canceled(operation("check", "a", **{"if": "stock == null"})) == (404, [404])
    transact(operation("check", "a", if_none_match="*", **{"if": "stock == null"}))
    assert canceled(operation("check", "a", if_none_match="*", **{"if": "stock > 0"})) == (412, [412])


def test_each_operation_of_a_batch_stands_for_itself(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "title": "a", "isbn": "1"})
    records.create(unbounded(books), {"id": "b", "title": "b"})
    records.create(unbounded(books), {"id": "c", "title": "c"})
    results = batch(
        operation("create", body={"title": "new"}),
        operation("create", "d", {"title": "d"}),
        operation("create", body={"id": "a", "title": "x"}),
        operation("create", body={"title": 5}),
        operation("create", body={"title": "x", "isbn": "1"}),
        operation("read", "a"),
        operation("read", "nobody"),
        operation("replace", "put", {"title": "x"}),
        operation("patch", "b", {"stock": {"$inc": 1}}),
        operation("patch", "nobody", {}),
        operation("delete", "nobody"),
        operation("read", "a", collection="nothing"),
        operation("replace", "a", {"title": "x"}, if_match="9"),
        operation("read", "a", if_none_match="1"),
        operation("delete", "c", if_match='"1"'),
    )
    assert codes(results) == [
        "done",
        "done",
        "record_exists",
        "validation_failed",
        "unique_violation",
        "done",
        "record_not_found",
        "done",
        "done",
        "record_not_found",
        "record_not_found",
        "collection_not_found",
        "precondition_failed",
        "precondition_failed",
        "done",
    ]


def test_a_hundred_operations_in_a_batch(books: Collection) -> None:
    results = batch(*(operation("create", f"i{number}", {"title": "x"}) for number in range(100)))
    assert codes(results) == ["done"] * 100
    assert [result.document["id"] for result in results if isinstance(result, Outcome) and result.document] == [
        f"i{number}" for number in range(100)
    ]


def test_rules_are_asked_for_each_operation(books: Collection) -> None:
    assert codes(batch(operation("read", "a"), operation("create", body={}), principal=ANONYMOUS)) == ["forbidden"] * 2
    assert canceled(operation("check", "a"), principal=ANONYMOUS) == (403, [403])


def test_a_repeated_batch_does_nothing_twice(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "title": "a", "stock": 0})
    listed = [
        operation("patch", "a", {"stock": {"$inc": 1}}),
        *(operation("create", body={"title": "x"}) for _ in range(5)),
    ]
    once = idempotency.once("p", "k", b"r")
    first = batch(*listed, once=once)
    assert batch(*listed, once=once) == first
    assert reading.read(unbounded(books), "a").doc["stock"] == 1
    assert len(stored("r#")) == 6
    with pytest.raises(IdempotencyMismatch):
        batch(*listed, once=idempotency.once("p", "k", b"another"))


def test_a_transaction_does_everything(books: Collection) -> None:
    for name in "abcd":
        records.create(unbounded(books), {"id": name, "title": name, "stock": 1})
    results = transact(
        operation("create", body={"title": "made"}),
        operation("create", "own", {"title": "own", "isbn": "9"}),
        operation("create", body={"id": "body", "title": "own"}),
        operation("replace", "a", {"title": "A"}, if_match="1"),
        operation("replace", "new", {"title": "N"}, if_none_match="*"),
        operation("patch", "b", {"stock": {"$inc": 5}}),
        operation("delete", "c"),
        operation("check", "d", if_match="1"),
        operation("check", "nobody", if_none_match="*"),
    )
    assert [result.created for result in results] == [True, True, True, False, True, False, False, False, False]
    assert reading.read(unbounded(books), "a").document() == results[3].document
    assert reading.read(unbounded(books), "b").doc["stock"] == 6
    assert results[6].document is None
    assert reading.read(unbounded(books), "d").version == 1


def test_nothing_of_a_canceled_transaction_is_written(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "title": "a", "isbn": "1"})
    before = stored()
    for last, status in (
        (operation("create", body={"title": "x", "isbn": "1"}), 409),
        (operation("create", "a", {"title": "x"}), 409),
        (operation("create", body={"id": "a", "title": "x"}), 409),
        (operation("create", "new", {"title": "x"}, if_match="1"), 412),
        (operation("create", body={}), 422),
        (operation("replace", "a", {"title": "x"}, if_match="2"), 412),
        (operation("replace", "a", {"title": "x"}, if_none_match="*"), 412),
        (operation("patch", "a", {"title": {"$inc": 1}}), 422),
        (operation("patch", "a", {"title": None}), 422),
        (operation("patch", "a", {"$inc": 1}), 422),
        (operation("patch", "nobody", {}), 404),
        (operation("delete", "nobody"), 404),
        (operation("check", "nobody"), 404),
        (operation("check", "a", if_match="2"), 412),
        (operation("check", "a", if_none_match="*"), 412),
        (operation("check", "a", if_none_match="1"), 412),
        (operation("check", "a", collection="nothing"), 404),
    ):
        assert canceled(operation("create", body={"title": "fine", "isbn": "7"}), last) == (status, [424, status]), last
        assert stored() == before


def test_the_status_of_a_canceled_transaction_is_that_of_the_first_operation_in_the_way(books: Collection) -> None:
    assert canceled(
        operation("create", "a", {"title": "x"}), operation("delete", "nobody"), operation("check", "b", if_match="1")
    ) == (404, [424, 404, 404])


def test_a_transaction_has_one_operation_a_record(books: Collection) -> None:
    with pytest.raises(ValidationFailed) as refused:
        transact(
            operation("create", "a", {"title": "x"}),
            operation("create", body={"id": "a", "title": "x"}),
            operation("check", "b", if_none_match="*"),
            operation("delete", "a"),
        )
    assert [failure["pointer"] for failure in refused.value.failures] == ["/operations/1", "/operations/3"]


def test_the_same_id_in_two_collections_is_two_records(books: Collection) -> None:
    collection(name="other")
    transact(operation("create", "a", {"title": "x"}), operation("create", "a", {}, collection="other"))
    assert len(stored("r#")) == 2


def test_a_hundred_operations_in_a_transaction_and_one_less_with_a_key(books: Collection) -> None:
    hundred = [operation("create", body={"title": "x"}) for _ in range(100)]
    assert len(transact(*hundred)) == 100
    once = idempotency.once("p", "k", b"r")
    with pytest.raises(Unprocessable) as refused:
        transact(*hundred, once=once)
    assert "101 actions" in refused.value.detail
    first = transact(*hundred[:99], once=once)
    assert transact(*hundred[:99], once=once) == first
    assert len(stored("r#")) == 199


def test_a_repeated_transaction_does_nothing_twice(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "title": "a", "stock": 0, "isbn": "1"})
    listed = [
        operation("patch", "a", {"stock": {"$inc": 1}, "isbn": "2"}),
        operation("create", body={"title": "x", "isbn": "1"}),
    ]
    once = idempotency.once("p", "k", b"r")
    first = transact(*listed, once=once)
    before = stored()
    assert transact(*listed, once=once) == first
    assert stored() == before
    with pytest.raises(IdempotencyMismatch):
        transact(*listed, once=idempotency.once("p", "k", b"another"))


def test_a_transaction_of_creations_reads_nothing_first(books: Collection) -> None:
    definitions.get("books")
    with main.session.recording() as recorder:
        transact(operation("create", "a", {"title": "x"}), operation("create", "b", {"title": "x", "isbn": "1"}))
    assert recorder.operations == ["TransactWriteItems"]


def test_a_single_operation_in_a_transaction(books: Collection) -> None:
    assert transact(operation("create", "a", {"title": "x"}))[0].created
    assert transact(operation("check", "a"))[0].version == 1
    assert transact(operation("delete", "a"))[0].document is None
    assert canceled(operation("delete", "a")) == (404, [404])


def test_a_record_too_large_is_refused_in_a_transaction(books: Collection) -> None:
    free = collection(name="free")
    with pytest.raises(Unprocessable):
        transact(
            operation("create", "a", {"t": "x" * 410_000}, collection="free"), operation("create", body={"title": "x"})
        )
    assert stored("r#") == []
    assert records.create(unbounded(free), {"id": "a"}).created
