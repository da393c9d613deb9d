from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access.rules import unbounded
from chalicelib.collections import conditions, idempotency, reading, records
from chalicelib.collections.conditions import Requirement
from chalicelib.collections.definitions import Collection
from chalicelib.collections.preconditions import ANY, NONE, Preconditions
from chalicelib.collections.record import Record
from chalicelib.dynamo.tables import main
from chalicelib.errors import (
    ItemTooLarge,
    PreconditionFailed,
    PreconditionRequired,
    Problem,
    RecordExists,
    RecordNotFound,
    ValidationFailed,
)
from tests.support.stores import BOOK_SCHEMA, collection, law, stored

ONE, OTHER = frozenset({1}), frozenset({7})


@pytest.fixture
def books(table: str) -> Collection:
    return collection(BOOK_SCHEMA)


def test_a_new_record_has_what_the_server_sets(books: Collection) -> None:
    outcome = records.create(unbounded(books), {"title": "a"})
    assert outcome.created
    assert outcome.document is not None
    assert outcome.document["version"] == 1
    assert outcome.document["created_at"] == outcome.document["updated_at"]
    assert reading.read(unbounded(books), outcome.document["id"]).document() == outcome.document


def test_later_writes_count_versions_and_keep_the_time_of_creation(books: Collection) -> None:
    first = records.create(unbounded(books), {"id": "i", "title": "a"}).document
    time.sleep(0.002)
    second = records.replace(unbounded(books), "i", {"title": "b"}).document
    third = records.patch(unbounded(books), "i", {"title": "c"}).document
    assert first is not None
    assert second is not None
    assert third is not None
    assert [each["version"] for each in (first, second, third)] == [1, 2, 3]
    assert first["created_at"] == second["created_at"] == third["created_at"]
    assert first["updated_at"] < second["updated_at"] <= third["updated_at"]


def test_a_replacement_leaves_nothing_of_the_old_record(books: Collection) -> None:
    records.create(unbounded(books), {"id": "i", "title": "a", "stock": 5})
    records.replace(unbounded(books), "i", {"title": "b"})
    assert reading.read(unbounded(books), "i").doc == {"title": "b"}


def test_a_replacement_of_nothing_creates(books: Collection) -> None:
    assert records.replace(unbounded(books), "i", {"title": "a"}).created
    assert not records.replace(unbounded(books), "i", {"title": "a"}).created


def test_a_record_that_was_deleted_begins_anew(books: Collection) -> None:
    records.create(unbounded(books), {"id": "i", "title": "a"})
    records.patch(unbounded(books), "i", {"title": "b"})
    assert records.delete(unbounded(books), "i").document is None
    with pytest.raises(RecordNotFound):
        reading.read(unbounded(books), "i")
    assert records.create(unbounded(books), {"id": "i", "title": "c"}).version == 1


def test_an_id_is_used_once(books: Collection) -> None:
    records.create(unbounded(books), {"id": "i", "title": "a"})
    with pytest.raises(RecordExists):
        records.create(unbounded(books), {"id": "i", "title": "b"})
    with pytest.raises(PreconditionFailed):
        records.create(unbounded(books), {"id": "i", "title": "b"}, Preconditions(none_match=ANY))


def test_a_creation_that_must_match_what_is_stored_cannot_hold(books: Collection) -> None:
    for match in (ONE, ANY):
        with pytest.raises(PreconditionFailed):
            records.create(unbounded(books), {"title": "b"}, Preconditions(match=match))
        with pytest.raises(PreconditionFailed):
            records.replace(unbounded(books), "new", {"title": "b"}, Preconditions(match=match, none_match=ANY))


def test_two_ids_for_one_record_are_refused(books: Collection) -> None:
    with pytest.raises(ValidationFailed):
        records.create(unbounded(books), {"id": "a", "title": "b"}, record_id="b")
    for change in (records.replace, records.patch):
        with pytest.raises(ValidationFailed):
            change(unbounded(books), "b", {"id": "a", "title": "b"})
    assert records.replace(unbounded(books), "a", {"id": "a", "title": "b"}).created


@pytest.mark.parametrize("record_id", ["", "a/b", ".", "..", "x" * 129, 5, None, [], {}])
def test_an_id_that_cannot_be_is_refused(books: Collection, record_id: Any) -> None:
    with pytest.raises(ValidationFailed) as refused:
        records.create(unbounded(books), {"id": record_id, "title": "b"})
    assert refused.value.failures[0]["pointer"] == "/id"


def test_a_record_is_validated_whole(books: Collection) -> None:
    ways: list[Callable[[dict[str, Any]], Any]] = [
        lambda body: records.create(unbounded(books), body),
        lambda body: records.replace(unbounded(books), "i", body),
    ]
    for write in ways:
        with pytest.raises(ValidationFailed) as refused:
            write({"stock": -1, "strange": 1, "tags": ["a", 1]})
        assert {failure["pointer"] for failure in refused.value.failures} == {"/title", "/stock", "/strange", "/tags/1"}


@pytest.mark.parametrize("name", ["v", "doc"])
@pytest.mark.parametrize("value", [10**40 + 1, 1e200, [[10**39 + 1]], {"a": {"": 1}}])
def test_what_dynamodb_has_no_place_for_is_refused_by_name(table: str, name: str, value: Any) -> None:
    free = collection()
    records.create(unbounded(free), {"id": "i"})
    ways: list[Callable[[], Any]] = [
        lambda: records.create(unbounded(free), {name: value}),
        lambda: records.replace(unbounded(free), "i", {name: value}),
        lambda: records.replace(unbounded(free), "new", {name: value}),
        lambda: records.patch(unbounded(free), "i", {name: value}),
        lambda: records.patch(unbounded(free), "i", {name: {"deep": value}}),
    ]
    for write in ways:
        with pytest.raises(ValidationFailed) as refused:
            write()
        assert refused.value.failures[0]["pointer"].startswith(f"/{name}")


def test_absent_properties_get_their_defaults_in_creation_and_replacement_but_not_in_a_patch(table: str) -> None:
    made = collection(
        {
            "properties": {
                "stock": {"type": "integer", "default": 3},
                "o": {"type": "object", "properties": {"deep": {"default": {"a": []}}}},
            }
        }
    )
    records.create(unbounded(made), {"id": "i", "o": {}})
    assert reading.read(unbounded(made), "i").doc == {"stock": 3, "o": {"deep": {"a": []}}}
    records.patch(unbounded(made), "i", {"stock": None})
    assert reading.read(unbounded(made), "i").doc == {"o": {"deep": {"a": []}}}
    records.replace(unbounded(made), "i", {})
    assert reading.read(unbounded(made), "i").doc == {"stock": 3}


SIZES = [(409_600 - 500, True), (409_600 + 1, False), (600_000, False)]


@pytest.mark.parametrize(("size", "fits"), SIZES)
@pytest.mark.parametrize("members", [{}, {"unique": ["isbn"]}])
@pytest.mark.parametrize("way", ["create", "replace", "replace stored", "patch"])
def test_a_record_is_at_most_as_large_as_an_item(
    table: str, size: int, fits: bool, members: dict[str, Any], way: str
) -> None:
    made = collection(**members)
    body = {"isbn": "1", "text": "x" * size}
    if way in ("replace stored", "patch"):
        records.create(unbounded(made), {"id": "i", "text": "x", "isbn": "2"})

    def write() -> Any:
        if way == "create":
            return records.create(unbounded(made), {**body, "id": "i"})
        return (
            records.patch(unbounded(made), "i", body) if way == "patch" else records.replace(unbounded(made), "i", body)
        )

    if fits:
        write()
        assert len(reading.read(unbounded(made), "i").doc["text"]) == size
    else:
        with pytest.raises(ItemTooLarge):
            write()


def test_a_record_does_not_grow_over_the_size_of_an_item(table: str) -> None:
    made = collection()
    records.create(unbounded(made), {"id": "i", "a": "x" * 300_000, "l": ["x" * 1000]})
    for patch in ({"b": "x" * 200_000}, {"l": {"$append": ["x" * 200_000]}}, {"o": {"p": "x" * 200_000}}):
        with pytest.raises(ItemTooLarge):
            records.patch(unbounded(made), "i", patch)
    assert reading.read(unbounded(made), "i").version == 1


PRECONDITIONS: dict[str, Preconditions] = {
    "none": NONE,
    "match same": Preconditions(match=ONE),
    "match other": Preconditions(match=OTHER),
    "match any": Preconditions(match=ANY),
    "match list": Preconditions(match=ONE | OTHER),
    "none-match same": Preconditions(none_match=ONE),
    "none-match other": Preconditions(none_match=OTHER),
    "none-match any": Preconditions(none_match=ANY),
}


@pytest.mark.parametrize("given", PRECONDITIONS)
@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("members", [{}, {"unique": ["isbn"]}, {"ttl": "until"}, {"unique": ["isbn"], "ttl": "until"}])
@pytest.mark.parametrize("across", [{}, {"minProperties": 1}])
def test_every_way_of_writing_decides_preconditions_alike(
    table: str, given: str, stored: bool, members: dict[str, Any], across: dict[str, Any]
) -> None:
    preconditions = PRECONDITIONS[given]
    holds = True
    try:
        preconditions.check(1 if stored else None)
    except PreconditionFailed:
        holds = False
    made = collection(across, **members)

    def prepare(record_id: str) -> str:
        if stored:
            records.create(unbounded(made), {"id": record_id, "isbn": record_id})
        return record_id

    def status(write: Any) -> int:
        try:
            outcome = write()
        except Problem as problem:
            return problem.status
        return 201 if outcome.created else 200

    a, b, c = prepare("a"), prepare("b"), prepare("c")
    replaced = status(lambda: records.replace(unbounded(made), a, {"isbn": a, "n": 1}, preconditions))
    assert replaced == ((200 if stored else 201) if holds else 412)
    missing_or = (200 if holds else 412) if stored else 404
    assert status(lambda: records.patch(unbounded(made), b, {"n": 1}, preconditions)) == missing_or
    assert status(lambda: records.delete(unbounded(made), c, preconditions)) == missing_or


def having(text: str, **versions: Any) -> Preconditions:
    """Preconditions with ``?if=``."""
    return Preconditions(where=Requirement(conditions.parse(text, "if")), **versions)


WHERE = [
    # if, whether it holds of {"isbn": id + "b", "n": 3, "o": {"a": 1}} at version 2, and of no record
    ("n > 0", True, False),
    ("n > 3", False, False),
    ("n == null", False, True),
    ("n != 3", False, True),
    ("version == 2 and id in ['a', 'b', 'c']", True, False),
    ("created_at <= updated_at", True, False),
    ("isbn.contains('b') and o.a == 1", True, False),
    ("isbn.startsWith(id) and n == 3", True, False),
    ("not isbn.startsWith(id)", False, True),
    ("n > 3 and isbn.startsWith(id)", False, False),
    ("false", False, False),
    ("true", True, True),
]
"""Some of which DynamoDB decides and some of which it cannot."""
KINDS: list[dict[str, Any]] = [{}, {"unique": ["isbn"]}, {"ttl": "until"}, {"unique": ["isbn"], "ttl": "until"}]


@pytest.mark.parametrize(("text", "of_stored", "of_nothing"), WHERE)
@pytest.mark.parametrize("is_stored", [True, False])
@pytest.mark.parametrize("members", KINDS)
@pytest.mark.parametrize("across", [{}, {"minProperties": 1}])
def test_every_way_of_writing_decides_a_condition_alike(
    table: str,
    text: str,
    of_stored: bool,
    of_nothing: bool,
    is_stored: bool,
    members: dict[str, Any],
    across: dict[str, Any],
) -> None:
    given, holds = having(text), of_stored if is_stored else of_nothing
    made = collection(across, **members)

    def prepare(record_id: str) -> str:
        if is_stored:
            records.create(unbounded(made), {"id": record_id, "isbn": record_id + "b", "n": 2, "o": {"a": 1}})
            records.patch(unbounded(made), record_id, {"n": 3})
        return record_id

    def status(write: Any) -> int:
        try:
            outcome = write()
        except Problem as problem:
            return problem.status
        return 201 if outcome.created else 200

    a, b, c = prepare("a"), prepare("b"), prepare("c")
    missing_or = (200 if holds else 412) if is_stored else 404
    assert status(lambda: records.replace(unbounded(made), a, {"isbn": a}, given)) == (
        (200 if is_stored else 201) if holds else 412
    )
    assert status(lambda: records.patch(unbounded(made), b, {"n": {"$inc": 1}}, given)) == missing_or
    assert status(lambda: records.delete(unbounded(made), c, given)) == missing_or
    versions = {item["sk"]: item["_version"] for item in stored(made.partition(a))}
    if is_stored:
        assert versions == ({"a": 3, "b": 3} if holds else {"a": 2, "b": 2, "c": 2})
    else:
        assert versions == ({"a": 1} if holds else {})


@pytest.mark.parametrize("text", ["n == null", "not isbn.startsWith(id)"])
def test_a_condition_on_a_record_that_has_ended_is_one_on_no_record(ending: Collection, text: str) -> None:
    for of_the_old in (having("old"), having("old and not isbn.startsWith(id)"), having("version == 5")):
        with pytest.raises(PreconditionFailed):
            records.replace(unbounded(ending), "gone", {}, of_the_old)
    with pytest.raises(RecordNotFound):
        records.patch(unbounded(ending), "gone", {"n": 1}, having(text))
    with pytest.raises(RecordNotFound):
        records.delete(unbounded(ending), "gone", having(text))
    assert records.replace(unbounded(ending), "gone", {"n": 1, "isbn": "gone too"}, having(text)).created
    with pytest.raises(PreconditionFailed):
        records.replace(unbounded(ending), "gone", {}, having(text))


def test_a_condition_with_if_none_match_is_about_no_record(books: Collection) -> None:
    with pytest.raises(PreconditionFailed):
        records.replace(unbounded(books), "i", {"title": "a"}, having("stock > 0", none_match=ANY))
    assert records.replace(unbounded(books), "i", {"title": "a"}, having("stock == null", none_match=ANY)).created
    with pytest.raises(PreconditionFailed):
        records.replace(unbounded(books), "i", {"title": "a"}, having("stock == null", none_match=ANY))


def test_a_condition_is_about_the_record_before_the_write(books: Collection) -> None:
    records.create(unbounded(books), {"id": "i", "title": "a", "stock": 1})
    records.patch(unbounded(books), "i", {"stock": {"$inc": -1}}, having("stock > 0"))
    with pytest.raises(PreconditionFailed):
        records.patch(unbounded(books), "i", {"stock": {"$inc": -1}}, having("stock > 0"))
    records.patch(unbounded(books), "i", {"stock": 9}, having("stock == 0"))
    records.replace(unbounded(books), "i", {"title": "b"}, having("stock == 9"))
    records.replace(unbounded(books), "i", {"title": "c"}, having("stock == null and title == 'b'"))


def test_a_failed_condition_is_told_before_what_else_stands_in_the_way(books: Collection) -> None:
    records.create(unbounded(books), {"id": "i", "title": "a", "stock": 0})
    with pytest.raises(PreconditionFailed):
        records.patch(unbounded(books), "i", {"stock": {"$inc": -1}}, having("stock > 0"))
    with pytest.raises(ValidationFailed):
        records.patch(unbounded(books), "i", {"stock": {"$inc": -1}}, having("stock == 0"))


def test_with_an_idempotency_key_a_condition_is_held_against_what_was_read(books: Collection) -> None:
    records.create(unbounded(books), {"id": "i", "title": "a", "stock": 1})
    once = idempotency.once("p", "k", b"r")
    with pytest.raises(PreconditionFailed):
        records.patch(unbounded(books), "i", {"stock": {"$inc": -1}}, having("stock > 1"), once)
    first = records.patch(unbounded(books), "i", {"stock": {"$inc": -1}}, having("stock > 0"), once)
    assert records.patch(unbounded(books), "i", {"stock": {"$inc": -1}}, having("stock > 0"), once) == first
    assert reading.read(unbounded(books), "i").doc["stock"] == 0


def test_conditions_that_are_together_too_long_for_a_call_take_a_read(table: str) -> None:
    made = collection(unique=["u"], ttl="until")
    asked = ["n != 1001", *["o.o.o.o.o.o.o.o != 1"] * 98]
    versions = {"match": frozenset(range(1, 51)), "none_match": frozenset(range(100, 150))}
    every = (having(" and ".join(asked[:count]), **versions) for count in range(99, 0, -1))
    given = next(each for each in every if each.is_decidable)
    ways: list[Callable[[], Any]] = [
        lambda: records.replace(unbounded(made), "i", {"n": 1}, given),
        lambda: records.patch(unbounded(made), "i", {"n": 1}, given),
        lambda: records.delete(unbounded(made), "i", given),
    ]
    for write in ways:
        records.replace(unbounded(made), "i", {"n": 1001})
        with pytest.raises(PreconditionFailed):
            write()
        records.replace(unbounded(made), "i", {"n": 1})
        with main.session.recording() as recorder:
            write()
        assert recorder.operations in (["GetItem", "PutItem"], ["GetItem", "DeleteItem"])
    with pytest.raises(RecordNotFound):
        reading.read(unbounded(made), "i")


def test_a_collection_can_require_preconditions(table: str) -> None:
    made = collection(require_preconditions=True)
    records.create(unbounded(made), {"id": "i"})
    ways: list[Callable[[Preconditions], Any]] = [
        lambda p: records.replace(unbounded(made), "i", {}, p),
        lambda p: records.patch(unbounded(made), "i", {}, p),
        lambda p: records.delete(unbounded(made), "i", p),
    ]
    for write in ways:
        for too_little in (NONE, having("true")):
            with pytest.raises(PreconditionRequired):
                write(too_little)
        write(Preconditions(match=ANY))
    assert records.replace(unbounded(made), "i", {}, Preconditions(none_match=ANY)).created


@pytest.fixture
def ending(table: str) -> Collection:
    made = collection(ttl="until")
    Record(
        partition=made.partition("gone"), id="gone", version=5, created_at="2020-01-01T00:00:00.000Z",
        updated_at="2020-01-01T00:00:00.000Z", expires_at=int(time.time()) - 1, doc={"old": True},
    ).put()  # fmt: skip
    return made


def test_a_record_that_has_ended_is_not_there(ending: Collection) -> None:
    ways: list[Callable[[], Any]] = [
        lambda: reading.read(unbounded(ending), "gone"),
        lambda: reading.read(unbounded(ending), "gone", consistent=True),
        lambda: records.patch(unbounded(ending), "gone", {"a": 1}),
        lambda: records.patch(unbounded(ending), "gone", {"a": {"$remove": [1]}}),
        lambda: records.delete(unbounded(ending), "gone"),
    ]
    for call in ways:
        with pytest.raises(RecordNotFound):
            call()
    with pytest.raises(PreconditionFailed):
        records.replace(unbounded(ending), "gone", {}, Preconditions(match=ANY))
    with pytest.raises(PreconditionFailed):
        records.replace(unbounded(ending), "gone", {}, Preconditions(match=frozenset({5})))


@pytest.mark.parametrize("way", ["create", "replace", "replace only create"])
def test_a_record_that_has_ended_is_created_over(ending: Collection, way: str) -> None:
    if way == "create":
        outcome = records.create(unbounded(ending), {"id": "gone", "new": True})
    else:
        only = Preconditions(none_match=ANY) if way == "replace only create" else NONE
        outcome = records.replace(unbounded(ending), "gone", {"new": True}, only)
    assert outcome.created
    assert outcome.version == 1
    stored = reading.read(unbounded(ending), "gone")
    assert stored.doc == {"new": True}
    assert stored.created_at > "2020-01-02"
    assert stored.expires_at is None


@pytest.mark.parametrize("until", ["2099-01-01T00:00:00Z", 4_070_908_800, 4_070_908_800.9])
def test_the_end_of_a_record_follows_its_property(ending: Collection, until: Any) -> None:
    records.create(unbounded(ending), {"id": "i", "until": until})
    assert reading.read(unbounded(ending), "i").expires_at == 4_070_908_800
    records.patch(unbounded(ending), "i", {"n": 1})
    assert reading.read(unbounded(ending), "i").expires_at == 4_070_908_800
    records.patch(
        unbounded(ending), "i", {"until": {"$inc": 1}} if not isinstance(until, str) else {"until": 4_070_908_801}
    )
    assert reading.read(unbounded(ending), "i").expires_at == 4_070_908_801
    records.patch(unbounded(ending), "i", {"until": None})
    assert reading.read(unbounded(ending), "i").expires_at is None
    records.replace(unbounded(ending), "i", {"until": until})
    assert reading.read(unbounded(ending), "i").expires_at == 4_070_908_800
    records.replace(unbounded(ending), "i", {})
    assert reading.read(unbounded(ending), "i").expires_at is None
    records.patch(unbounded(ending), "i", {"until": until})
    records.patch(unbounded(ending), "i", {"until": {"$unset": True}})
    assert reading.read(unbounded(ending), "i").expires_at is None


@pytest.mark.parametrize("until", ["soon", "2099-01-01", True, [], {"a": 1}, -1])
def test_a_property_that_says_no_time_is_refused(ending: Collection, until: Any) -> None:
    records.create(unbounded(ending), {"id": "i"})
    ways: list[Callable[[], Any]] = [
        lambda: records.create(unbounded(ending), {"until": until}),
        lambda: records.replace(unbounded(ending), "i", {"until": until}),
        lambda: records.patch(unbounded(ending), "i", {"until": until}),
    ]
    for write in ways:
        with pytest.raises(ValidationFailed) as refused:
            write()
        assert refused.value.failures[0]["pointer"] == "/until"


def test_a_patch_can_end_a_record_at_once(ending: Collection) -> None:
    records.create(unbounded(ending), {"id": "i"})
    records.patch(unbounded(ending), "i", {"until": 1})
    with pytest.raises(RecordNotFound):
        reading.read(unbounded(ending), "i")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(-1e100, 1e100, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-100)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(min_size=1, max_size=5).filter(lambda name: name[0] != "$"), inner, max_size=3)
    ),
    max_leaves=10,
)
SERVER_SET = ("id", "version", "created_at", "updated_at")


def in_digits(value: Any) -> Any:
    """The value with each number as JSON has it: in decimal digits, which are what is kept."""
    if isinstance(value, dict):
        return {name: in_digits(member) for name, member in value.items()}
    if isinstance(value, list):
        return [in_digits(element) for element in value]
    return value if isinstance(value, (bool, str)) or value is None else Decimal(str(value))


@law(150)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5).filter(lambda name: name[0] != "$" and name not in SERVER_SET),
        VALUES,
        max_size=5,
    )
)
def test_what_is_written_is_what_is_read(table: str, document: dict[str, Any]) -> None:
    made = collection()
    records.create(unbounded(made), {"id": "i", **document})
    stored = reading.read(unbounded(made), "i")
    assert in_digits(stored.doc) == in_digits(document)
    records.replace(unbounded(made), "i", stored.document())
    assert reading.read(unbounded(made), "i").doc == stored.doc


def test_reading_is_one_call_and_a_consistent_one_costs_twice(books: Collection) -> None:
    records.create(unbounded(books), {"id": "i", "title": "a"})
    costs = []
    for consistent in (False, True):
        with main.session.recording() as recorder:
            reading.read(unbounded(books), "i", consistent=consistent)
        assert recorder.operations == ["GetItem"]
        costs.append(recorder.units)
    assert costs == [0.5, 1.0]
