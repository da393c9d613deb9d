from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.dynamo import batches, hooks
from chalicelib.dynamo.chunks import TRIES
from chalicelib.dynamo.errors import (
    BatchIncomplete,
    DuplicateItem,
    Invalid,
    Item,
    Rejected,
    UnknownAttribute,
    WrongType,
)
from chalicelib.dynamo.fields import Attr, expiry, field, timestamp, version
from chalicelib.dynamo.futures import submit
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.layout import Layout
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.session import Recorder, Session
from chalicelib.dynamo.tables import Table, main
from chalicelib.errors import ItemTooLarge, StoreThrottled, StoreUnavailable

from .books import Book, book
from .library import Author, Place
from .wire import Stub, assert_valid, refusal

Answer = Callable[[str, Any], dict[str, Any]]


class Scripted:
    """A session that answers as a function says, and a clock that only counts."""

    def __init__(self) -> None:
        self.answer: Answer = nothing
        self.calls: list[Any] = []
        self.pauses: list[float] = []
        self.table = Table("t", Layout("n", None, types={"n": "N"}), lambda: cast("Session", self), self.pauses.append)
        self.pool = ThreadPoolExecutor(4)
        self._lock = threading.Lock()

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        assert_valid(operation, parameters)
        with self._lock:
            request = parameters["RequestItems"]["t"]
            self.calls.append(request)
            return self.answer(operation, request)

    def begin(self, answer: Answer) -> None:
        self.answer = answer
        self.calls.clear()
        self.pauses.clear()

    @property
    def sizes(self) -> list[int]:
        """How many items each call was about."""
        return [len(_members(request)) for request in self.calls]


def _members(part: Any) -> list[Any]:
    members: list[Any] = part if isinstance(part, list) else part["Keys"]
    return members


def nothing(operation: str, request: Any) -> dict[str, Any]:
    """Hands everything back."""
    if operation == "BatchGetItem":
        return {"Responses": {}, "UnprocessedKeys": {"t": request}}
    return {"UnprocessedItems": {"t": request}}


scripted = Scripted()


class Row(Model, table=scripted.table):
    n: Attr[int]
    text: Attr[str] = field(default="")


class Versioned(Model, table=main):
    id: Attr[str]
    count: Attr[int] = version()
    key = Key(pk="versioned#{id}")


class Named(Model, table=main):
    id: Attr[str]
    name: Attr[str] = field(unique=True)
    key = Key(pk="named#{id}")


class Dated(Model, table=main):
    id: Attr[str]
    made: Attr[datetime] = timestamp(on="create")
    ends: Attr[datetime | None] = expiry(name="_ttl", default=None)
    key = Key(pk="dated#{id}")


class Watched(Model, table=main):
    id: Attr[str]
    note: Attr[str] = field(default="")
    key = Key(pk="watched#{id}")


@pytest.fixture(scope="module", autouse=True)
def _no_threads_stay() -> Iterator[None]:
    yield
    scripted.pool.shutdown()


def keys(count: int) -> list[dict[str, Any]]:
    return [{"shelf": "A", "isbn": f"{number:03}"} for number in range(count)]


def stored(count: int) -> list[Book]:
    """Books that are stored, in the order of their keys."""
    books = [book(key["isbn"]) for key in keys(count)]
    Book.put_many(books)
    return books


def rows(count: int) -> list[Row]:
    return [Row(n=number) for number in range(count)]


def sizes(recorder: Recorder, operation: str) -> list[int]:
    """How many items the calls were about, the largest first, because they come side by side."""
    parts = [
        part
        for call in recorder.calls
        if call.operation == operation
        for part in call.parameters["RequestItems"].values()
    ]
    return sorted([len(_members(part)) for part in parts], reverse=True)


def row_items(request: Any) -> list[Item]:
    return [{**key, "text": {"S": "x"}} for key in request["Keys"]]


def all_but(number: int) -> Answer:
    """Takes all but the last so many, and all when there are no more."""

    def answer(operation: str, request: Any) -> dict[str, Any]:
        if operation == "BatchGetItem":
            kept = request["Keys"][-number:] if len(request["Keys"]) > number else []
            items = [item for item in row_items(request) if {"n": item["n"]} not in kept]
            return {"Responses": {"t": items}, "UnprocessedKeys": {"t": {**request, "Keys": kept}} if kept else {}}
        return {"UnprocessedItems": {"t": request[-number:]} if len(request) > number else {}}

    return answer


def refusing(number: int, otherwise: Answer) -> Answer:
    """Fails where the request is about this row."""

    def answer(operation: str, request: Any) -> dict[str, Any]:
        if f'"{number}"' in orjson.dumps(request).decode():
            raise StoreUnavailable("gone")
        return otherwise(operation, request)

    return answer


def test_objects_are_given_in_the_order_of_their_keys(recorder: Recorder) -> None:
    books = stored(205)
    recorder.calls.clear()
    wanted = [*reversed(keys(205)), {"shelf": "A", "isbn": "none"}]
    assert Book.get_many(wanted) == [*reversed(books), None]
    assert sizes(recorder, "BatchGetItem") == [100, 100, 6]
    parts = [part for call in recorder.calls for part in call.parameters["RequestItems"].values()]
    assert not any(part["ConsistentRead"] for part in parts)


def test_a_consistent_get_asks_for_it(recorder: Recorder, table: str) -> None:
    Book.get_many(keys(1), consistent=True)
    assert recorder.calls[0].parameters["RequestItems"][table]["ConsistentRead"] is True


def test_a_key_that_is_given_twice_is_asked_for_once_and_answered_twice(recorder: Recorder) -> None:
    stored(2)
    recorder.calls.clear()
    one, other, again = Book.get_many([keys(2)[0], keys(2)[1], keys(2)[0]])
    assert one is again
    assert one != other
    assert sizes(recorder, "BatchGetItem") == [2]


def test_nothing_given_makes_no_call(recorder: Recorder) -> None:
    assert Book.get_many([]) == []
    assert batches.get_together([]) == []
    Book.put_many([])
    Book.delete_many([])
    assert batches.get_items(main, []) == []
    batches.delete_items(main, [])
    assert recorder.calls == []


def test_a_wrong_key_is_refused_before_any_call(recorder: Recorder) -> None:
    for refuse in (Book.get_many, Book.delete_many):
        with pytest.raises(WrongType, match="isbn"):
            refuse([*keys(1), {"shelf": "A", "isbn": 1}])
        with pytest.raises(UnknownAttribute):
            refuse([{"shelf": "A", "isbn": "1", "size": 1}])
    assert recorder.calls == []


def test_objects_that_have_ended_are_not_there(recorder: Recorder) -> None:
    ended = datetime.now(timezone.utc) - timedelta(hours=1)
    Dated.put_many([Dated(id="1"), Dated(id="2", ends=ended)])
    assert [one and one.id for one in Dated.get_many([{"id": "1"}, {"id": "2"}])] == ["1", None]


def test_models_are_read_together_with_one_call(recorder: Recorder) -> None:
    Author(id="a").put()
    place = Place(country="gb", number=1)
    place.put()
    recorder.calls.clear()
    gb = {"country": "gb", "number": 1}
    found = batches.get_together([(Place, gb), (Author, {"id": "a"}), (Author, {"id": "b"}), (Place, gb)])
    assert found == [place, Author(id="a"), None, place]
    assert sizes(recorder, "BatchGetItem") == [3]


def test_models_of_several_tables_and_sessions_are_read_together(recorder: Recorder) -> None:
    Author(id="a").put()
    recorder.calls.clear()
    scripted.begin(all_but(1))
    found = batches.get_together([(Row, {"n": 1}), (Author, {"id": "a"}), (Row, {"n": 2})])
    assert found == [Row(n=1, text="x"), Author(id="a"), Row(n=2, text="x")]
    assert (sizes(recorder, "BatchGetItem"), sorted(scripted.sizes)) == ([1], [1, 2])


def test_objects_are_stored_25_a_call(recorder: Recorder) -> None:
    books = stored(60)
    assert sizes(recorder, "BatchWriteItem") == [25, 25, 10]
    assert all(one.stored == one.to_item() for one in books)
    books[0].title = "Changed"
    books[0].save()
    assert recorder.operations[-1] == "UpdateItem"
    assert Book.get_many(keys(60)) == books


def test_items_are_deleted_25_a_call_whether_they_are_there_or_not(recorder: Recorder) -> None:
    stored(40)
    recorder.calls.clear()
    Book.delete_many(keys(59)[1:])
    assert sizes(recorder, "BatchWriteItem") == [25, 25, 8]
    assert [one.isbn for one in Book.query(shelf="A")] == ["000"]


def test_one_item_twice_is_refused_before_any_write(recorder: Recorder) -> None:
    with pytest.raises(DuplicateItem, match="Put Book pk=book#A sk=1"):
        Book.put_many([book("1"), book("2"), book("1", title="Other")])
    with pytest.raises(DuplicateItem, match="Delete Book"):
        Book.delete_many([*keys(2), *keys(1)])
    assert recorder.calls == []


def test_a_value_that_cannot_be_stored_is_refused_before_any_write(recorder: Recorder) -> None:
    wrong: Any = 1
    with pytest.raises(Invalid, match="title"):
        Book.put_many([book("1"), book("2", title=wrong)])
    with pytest.raises(ItemTooLarge, match="The item at 1 of the batch"):
        Book.put_many([book("1"), book("2", title="x" * 410_000)])
    assert recorder.calls == []


def test_what_a_batch_cannot_keep_is_refused_before_any_call(recorder: Recorder) -> None:
    versioned = Versioned(id="1")
    with pytest.raises(Rejected, match=r"Versioned\.count is a version, which a batch cannot keep: write one by one"):
        Versioned.put_many([versioned])
    assert versioned.__dict__["count"] is None
    with pytest.raises(Rejected, match=r"Named\.name is unique"):
        Named.put_many([Named(id="1", name="x")])
    with pytest.raises(Rejected, match=r"Named\.name is unique"):
        Named.delete_many([{"id": "1"}])
    assert recorder.calls == []
    Versioned.delete_many([{"id": "1"}])
    assert recorder.operations == ["BatchWriteItem"]


def test_hooks_run_for_what_is_written(recorder: Recorder) -> None:
    seen: list[str] = []

    class Hooked(Watched):
        key = Key(pk="hooked#{id}")

    @hooks.before("create", Hooked)
    def complete(event: hooks.Creation) -> None:
        event.item.note = "hooked"

    @hooks.after("create", Hooked)
    def created(event: hooks.Creation) -> None:
        seen.append(f"created {event.item.id} {event.replaces} {event.item.stored is not None}")

    @hooks.before("delete", Hooked)
    def deleting(event: hooks.Deletion) -> None:
        seen.append(f"deleting {event.item}")

    @hooks.after("delete", Hooked)
    def deleted(event: hooks.Deletion) -> None:
        seen.append(f"deleted {event.item}")

    Hooked.put_many([Hooked(id="1"), Hooked(id="2")])
    assert [one and one.note for one in Hooked.get_many([{"id": "1"}, {"id": "2"}])] == ["hooked", "hooked"]
    Hooked.delete_many([{"id": "1"}])
    assert seen == ["created 1 True True", "created 2 True True", "deleting None", "deleted None"]
    made = Dated(id="1")
    Dated.put_many([made])
    assert made.made is not None


def test_a_hook_that_adds_to_a_write_makes_it_one_that_no_batch_has(recorder: Recorder) -> None:
    class Conditional(Watched):
        key = Key(pk="conditional#{id}")

    class Accompanied(Watched):
        key = Key(pk="accompanied#{id}")

    hooks.before("create", Conditional)(lambda event: event.write.require(Watched.note.missing()))
    hooks.before("delete", Accompanied)(lambda event: event.write.also.put(book()))
    with pytest.raises(Rejected, match="Put Conditional pk=conditional#1 sk=- has a condition or a further write"):
        Conditional.put_many([Conditional(id="1")])
    with pytest.raises(Rejected, match="Delete Accompanied"):
        Accompanied.delete_many([{"id": "1"}])
    assert recorder.calls == []


def test_an_error_of_a_hook_comes_when_all_that_was_written_is_followed_up() -> None:
    class Failing(Row):
        """A row with hooks of its own."""

    @hooks.after("create", Failing)
    def fail(event: hooks.Creation) -> None:
        if event.item.n != 1:
            raise ValueError(event.item.n)

    scripted.begin(all_but(1))
    failing = [Failing(n=number) for number in range(3)]
    with pytest.raises(ValueError, match="0"):
        Failing.put_many(failing)
    assert all(one.stored for one in failing)


def test_what_is_handed_back_is_asked_for_again() -> None:
    scripted.begin(all_but(3))
    assert Row.get_many([{"n": number} for number in range(8)]) == [Row(n=number, text="x") for number in range(8)]
    assert scripted.sizes == [8, 3]
    scripted.begin(all_but(2))
    Row.put_many(rows(20))
    assert scripted.calls[1] == scripted.calls[0][-2:]
    assert scripted.pauses == [0.05]


def test_a_number_that_is_handed_back_in_another_form_is_the_same_key() -> None:
    answers: Iterator[dict[str, Any]] = iter(
        [{"Responses": {}, "UnprocessedKeys": {"t": {"Keys": [{"n": {"N": "2.0"}}]}}}, {"Responses": {"t": []}}]
    )
    scripted.begin(lambda *_: next(answers))
    assert Row.get_many([{"n": 1}, {"n": 2}]) == [None, None]
    assert scripted.calls[1]["Keys"] == [{"n": {"N": "2"}}]


def test_pauses_grow_while_nothing_is_taken() -> None:
    scripted.begin(nothing)
    with pytest.raises(BatchIncomplete) as incomplete:
        Row.put_many(rows(3))
    assert isinstance(incomplete.value.__cause__, StoreThrottled)
    assert len(scripted.calls) == TRIES
    assert scripted.pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2]


def test_a_batch_is_not_given_up_while_something_is_taken() -> None:
    def one_at_a_time(_: str, request: Any) -> dict[str, Any]:
        left = {"t": {"Keys": request["Keys"][1:]}} if request["Keys"][1:] else {}
        return {"Responses": {"t": row_items(request)[:1]}, "UnprocessedKeys": left}

    scripted.begin(one_at_a_time)
    assert None not in Row.get_many([{"n": number} for number in range(3 * TRIES)])
    assert set(scripted.pauses) == {0.05}


@pytest.mark.parametrize("count", [3, 90])
def test_what_remains_of_a_failed_batch_is_given_as_it_was_given(count: int) -> None:
    given_objects = rows(count)
    scripted.begin(nothing)
    with pytest.raises(BatchIncomplete, match=f"{count} of {count} were not carried out") as incomplete:
        Row.put_many(given_objects)
    assert [id(one) for one in incomplete.value.remaining] == [id(one) for one in given_objects]
    assert not any(one.stored for one in given_objects)
    given_keys = [{"n": number} for number in range(count)]
    for operation in (Row.get_many, Row.delete_many):
        with pytest.raises(BatchIncomplete) as incomplete:
            operation(given_keys)
        assert [id(key) for key in incomplete.value.remaining] == [id(key) for key in given_keys]
    with pytest.raises(BatchIncomplete) as incomplete:
        batches.get_together([(Row, key) for key in given_keys])
    assert incomplete.value.remaining == [(Row, key) for key in given_keys]


def test_what_was_stored_before_a_call_failed_is_followed_up() -> None:
    scripted.begin(refusing(30, all_but(1)))
    given_objects = rows(50)
    with pytest.raises(BatchIncomplete) as incomplete:
        Row.put_many(given_objects)
    assert isinstance(incomplete.value.__cause__, StoreUnavailable)
    remaining = [one.n for one in incomplete.value.remaining]
    assert set(range(25, 50)) <= set(remaining)
    assert [one.n for one in given_objects if one.stored is None] == remaining


def test_a_get_that_fails_has_what_it_found() -> None:
    scripted.begin(refusing(120, all_but(1)))
    wanted = [{"n": number} for number in [*range(150), 0]]
    with pytest.raises(BatchIncomplete) as incomplete:
        Row.get_many(wanted)
    found = incomplete.value.found
    assert found[100:150] == [None] * 50
    assert found[150] is found[0]
    assert [key for key, one in zip(wanted, found, strict=True) if one is None] == incomplete.value.remaining


def test_nothing_more_is_sent_after_a_failure() -> None:
    scripted.begin(refusing(0, all_but(1)))

    def alone() -> list[int]:
        with pytest.raises(BatchIncomplete) as incomplete:
            Row.put_many(rows(75))
        return [one.n for one in incomplete.value.remaining]

    # On the pool itself calls come one after the other.
    assert submit(alone).result() == list(range(75))
    assert scripted.sizes == [25]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(0, 400), max_size=300),
    st.integers(1, 9),
    st.sets(st.integers(0, 400), max_size=2),
)
def test_a_batch_gives_or_names_every_key_at_its_place(numbers: list[int], modulus: int, failing: set[int]) -> None:
    """Whatever is handed back and whatever fails."""

    def some(_: str, request: Any) -> dict[str, Any]:
        asked = [int(key["n"]["N"]) for key in request["Keys"]]
        if failing.intersection(asked[:50]):
            raise StoreUnavailable("gone")
        places = zip(asked, request["Keys"], strict=True)
        left = [key for number, key in places if number % modulus and number > asked[0]]
        taken = [item for item in row_items(request) if {"n": item["n"]} not in left]
        return {"Responses": {"t": taken}, "UnprocessedKeys": {"t": {"Keys": left}} if left else {}}

    scripted.begin(some)
    wanted = [{"n": number} for number in numbers]
    remaining: list[Any] = []
    try:
        found = Row.get_many(wanted)
    except BatchIncomplete as error:
        found, remaining = error.found, error.remaining
    gone = {key["n"] for key in remaining}
    assert [key for key in wanted if key["n"] in gone] == remaining
    assert found == [None if number in gone else Row(n=number, text="x") for number in numbers]
    assert bool(remaining) <= bool(failing)


@given(st.integers(1, 60), st.sets(st.integers(0, 59)), st.booleans())
def test_a_batch_stores_or_names_every_object(count: int, unwilling: set[int], failing: bool) -> None:
    taken: set[int] = set()

    def some(_: str, request: Any) -> dict[str, Any]:
        numbers = [int(one["PutRequest"]["Item"]["n"]["N"]) for one in request]
        if failing and unwilling.issuperset(numbers):
            raise StoreUnavailable("gone")
        taken.update(set(numbers) - unwilling)
        left = [one for number, one in zip(numbers, request, strict=True) if number in unwilling]
        return {"UnprocessedItems": {"t": left} if left else {}}

    scripted.begin(some)
    objects = rows(count)
    remaining: list[Any] = []
    try:
        Row.put_many(objects)
    except BatchIncomplete as error:
        remaining = error.remaining
    assert [one.n for one in objects if one.n not in taken] == [one.n for one in remaining]
    assert [one.n for one in objects if one.stored] == [one.n for one in objects if one.n in taken]


def test_a_request_is_no_longer_than_dynamodb_takes() -> None:
    scripted.begin(all_but(30))
    # Their JSON is longer than what they count for: a backslash is two bytes of it.
    Row.put_many([Row(n=number, text="\\" * 400_000) for number in range(25)])
    assert sorted(scripted.sizes) == [6, 19]


def test_the_session_answers_a_batch_that_is_handed_back_in_part(unconnected: Session) -> None:
    pauses: list[float] = []
    table = Table("t", connect=lambda: unconnected, sleep=pauses.append)

    class Page(Model, table=table):
        number: Attr[int]
        key = Key(pk="page#{number}")

    left = {"PutRequest": {"Item": Page(number=2).to_item()}}
    stub = Stub(unconnected, (200, {"UnprocessedItems": {"t": [left]}}), (200, {}))
    Page.put_many([Page(number=1), Page(number=2)])
    assert orjson.loads(stub.bodies[1]) == {"RequestItems": {"t": [left]}}
    assert pauses == [0.05]


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("ThrottlingException", StoreThrottled),
        ("ResourceNotFoundException", StoreUnavailable),
        ("ValidationException", Rejected),
    ],
)
def test_a_refused_call_leaves_all_of_it(unconnected: Session, code: str, cause: type[Exception]) -> None:
    Stub(unconnected, refusal(code, "no"))
    table = Table("t", connect=lambda: unconnected)

    class Page(Model, table=table):
        number: Attr[int]
        key = Key(pk="page#{number}")

    with pytest.raises(BatchIncomplete) as incomplete:
        Page.delete_many([{"number": 1}])
    assert incomplete.value.remaining == [{"number": 1}]
    assert isinstance(incomplete.value.__cause__, cause)
    with pytest.raises(cause):
        batches.delete_items(table, [Page.key.of({"number": 1})])
    with pytest.raises(cause):
        batches.get_items(table, [Page.key.of({"number": 1})])


def raw_keys(count: int) -> list[Item]:
    return [Book.key.item(key) for key in keys(count)]


def test_get_items_gives_what_is_there(recorder: Recorder, table: str) -> None:
    books = stored(103)
    recorder.calls.clear()
    found = batches.get_items(main, raw_keys(205))
    assert sorted(item["sk"]["S"] for item in found) == [one.isbn for one in books]
    assert sizes(recorder, "BatchGetItem") == [100, 100, 5]
    assert all(call.parameters["RequestItems"][table]["ConsistentRead"] for call in recorder.calls)


def test_get_items_asks_again_for_what_was_handed_back() -> None:
    scripted.begin(all_but(3))
    found = batches.get_items(scripted.table, [{"n": {"N": str(number)}} for number in range(8)])
    assert [item["n"]["N"] for item in found] == [str(number) for number in range(8)]
    assert scripted.sizes == [8, 3]


def test_delete_items_deletes_25_a_call(recorder: Recorder) -> None:
    stored(60)
    recorder.calls.clear()
    batches.delete_items(main, raw_keys(59))
    assert [found.isbn for found in Book.query(shelf="A").run().items] == ["059"]
    assert sizes(recorder, "BatchWriteItem") == [25, 25, 9]


def test_delete_items_sends_again_what_was_handed_back() -> None:
    scripted.begin(all_but(2))
    batches.delete_items(scripted.table, [{"n": {"N": str(number)}} for number in range(30)])
    assert sorted(scripted.sizes) == [2, 2, 5, 25]


def test_get_items_and_delete_items_give_up_when_all_keeps_coming_back() -> None:
    scripted.begin(nothing)
    with pytest.raises(StoreThrottled, match="keeps handing items of a batch back"):
        batches.get_items(scripted.table, [{"n": {"N": "1"}}])
    with pytest.raises(StoreThrottled):
        batches.delete_items(scripted.table, [{"n": {"N": "1"}}])
    assert scripted.sizes == [1] * (2 * TRIES)
