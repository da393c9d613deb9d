from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.access.rules import unbounded
from chalicelib.collections import patches, reading, record, records
from chalicelib.collections.definitions import Collection
from chalicelib.collections.preconditions import NONE
from chalicelib.dynamo.errors import ConditionFailed, Rejected
from chalicelib.dynamo.tables import main
from chalicelib.errors import InvalidOperation, ValidationFailed
from chalicelib.schema.compiled import CompiledSchema
from tests.support.stores import BOOK_SCHEMA, collection, law

RFC_7396_APPENDIX_A = [
    # original, patch, result; those whose original or patch is no object are below
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

OPERATORS = [
    # original, patch, result
    ({"n": 1}, {"n": {"$inc": 2}}, {"n": 3}),
    ({"n": 1}, {"n": {"$inc": -2.5}}, {"n": -1.5}),
    ({}, {"n": {"$inc": 2}}, {"n": 2}),
    ({"n": None}, {"n": {"$inc": 2}}, {"n": 2}),
    ({"n": 0.1}, {"n": {"$inc": 0.2}}, {"n": 0.3}),
    ({"l": [1]}, {"l": {"$append": [2, 1]}}, {"l": [1, 2, 1]}),
    ({}, {"l": {"$append": [{"a": None}]}}, {"l": [{"a": None}]}),
    ({"l": None}, {"l": {"$append": []}}, {"l": []}),
    ({"l": [1, 2, 1, True, "1", 1.0]}, {"l": {"$remove": [1]}}, {"l": [2, True, "1"]}),
    ({"l": [{"a": 1}, [2]]}, {"l": {"$remove": [{"a": 1.0}, [2], 9]}}, {"l": []}),
    ({}, {"l": {"$remove": [1]}}, {}),
    ({"l": None}, {"l": {"$remove": [1]}}, {"l": []}),
    ({"a": 1}, {"a": {"$unset": True}}, {}),
    ({}, {"a": {"$unset": True}}, {}),
    ({"a": {"n": 1, "m": 2}}, {"a": {"n": {"$inc": 1}, "m": {"$unset": True}}}, {"a": {"n": 2}}),
    ({"a": 1}, {"a": {"b": {"c": {"$inc": 1}}}}, {"a": {"b": {"c": 1}}}),
]


@pytest.fixture
def free(table: str) -> Collection:
    return collection()


@pytest.mark.parametrize(("original", "patch", "result"), RFC_7396_APPENDIX_A + OPERATORS)
def test_a_patch_means_what_rfc_7396_and_the_operators_say(original: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy(original)
    patches.check(patch)
    assert patches.apply(original, patch) == result
    assert original == before


@pytest.mark.parametrize(("original", "patch", "result"), RFC_7396_APPENDIX_A + OPERATORS)
def test_the_store_does_the_same(free: Collection, original: Any, patch: Any, result: Any) -> None:
    records.create(unbounded(free), {"id": "i", **original})
    outcome = records.patch(unbounded(free), "i", patch)
    assert outcome.version == 2
    assert reading.read(unbounded(free), "i").doc == result
    assert outcome.document is not None
    assert record.properties_of(dict(outcome.document)) == result


@pytest.mark.parametrize(
    ("original", "patch", "result"),
    [([1, 2], {"a": "b", "c": None}, {"a": "b"}), ("a", {"a": 1}, {"a": 1}), (None, {}, {})],
)
def test_a_patch_of_what_is_no_object_begins_with_an_empty_one(original: Any, patch: Any, result: Any) -> None:
    assert patches.apply(original, patch) == result


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ([], ""),
        ("a", ""),
        (None, ""),
        ({"$inc": 1}, ""),
        ({"$unset": True}, ""),
        ({"a": {"$set": 1}}, "/a"),
        ({"a": {"b": {"$push": [1]}}}, "/a/b"),
        ({"a": {"$inc": 1, "$append": [1]}}, "/a"),
        ({"a": {"$inc": 1, "b": 2}}, "/a"),
        ({"a": {"b": 2, "$inc": 1}}, "/a"),
        ({"a": {"$inc": "1"}}, "/a"),
        ({"a": {"$inc": True}}, "/a"),
        ({"a": {"$inc": None}}, "/a"),
        ({"a": {"$inc": {"$inc": 1}}}, "/a"),
        ({"a": {"$inc": Decimal("1E+999999999")}}, "/a"),
        ({"a": {"$inc": 10**40 + 1}}, "/a"),
        ({"a": {"$append": 1}}, "/a"),
        ({"a": {"$append": {"b": 1}}}, "/a"),
        ({"a": {"$remove": "x"}}, "/a"),
        ({"a/b": {"$unset": False}}, "/a~1b"),
        ({"a": {"$unset": 1}}, "/a"),
    ],
)
def test_what_is_no_patch(patch: Any, pointer: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        patches.check(patch)
    assert [failure["pointer"] for failure in refused.value.failures] == [pointer]


def test_everything_wrong_with_a_patch_is_said_at_once() -> None:
    with pytest.raises(ValidationFailed) as refused:
        patches.check({"a": {"$inc": ""}, "b": {"c": {"$append": 1}}, "d": {"$unset": True}})
    assert [failure["pointer"] for failure in refused.value.failures] == ["/a", "/b/c"]


@pytest.mark.parametrize("levels", [40, 500, 900])
def test_a_patch_deeper_than_any_record_is_refused(levels: int) -> None:
    patch: Any = {"a": 1}
    for _ in range(levels):
        patch = {"a": patch}
    with pytest.raises(ValidationFailed):
        patches.check(patch)


def test_the_deepest_list_that_a_record_can_have_can_be_appended_to(free: Collection) -> None:
    def nested(innermost: Any) -> Any:
        for _ in range(30):
            innermost = {"a": innermost}
        return innermost

    records.create(unbounded(free), {"id": "i", **nested([1])})
    records.patch(unbounded(free), "i", nested({"$append": [2]}))
    assert reading.read(unbounded(free), "i").doc == nested([1, 2])
    with pytest.raises(ValidationFailed):
        records.patch(unbounded(free), "i", nested({"$append": [[]]}))


@pytest.mark.parametrize(
    ("stored", "patch", "pointer"),
    [
        ({"a": "x"}, {"a": {"$inc": 1}}, "/a"),
        ({"a": True}, {"a": {"$inc": 1}}, "/a"),
        ({"a": [1]}, {"a": {"$inc": 1}}, "/a"),
        ({"a": {"b": {}}}, {"a": {"b": {"$inc": 1}}}, "/a/b"),
        ({"a": 1}, {"a": {"$append": [1]}}, "/a"),
        ({"a": {"b": "x"}}, {"a": {"b": {"$append": [1]}}}, "/a/b"),
        ({"a": "x"}, {"a": {"$remove": ["x"]}}, "/a"),
    ],
)
def test_an_operator_that_does_not_fit_the_stored_value_is_refused(
    free: Collection, stored: Any, patch: Any, pointer: str
) -> None:
    records.create(unbounded(free), {"id": "i", **stored})
    with pytest.raises(InvalidOperation) as refused:
        records.patch(unbounded(free), "i", patch)
    assert [failure["pointer"] for failure in refused.value.failures] == [pointer]
    assert reading.read(unbounded(free), "i").version == 1


BOUNDS = [
    # schema, stored value (... for none), amount, new value (None: refused)
    ({"minimum": 0}, 3, -3, 0),
    ({"minimum": 0}, 3, -4, None),
    ({"minimum": 0}, ..., -1, None),
    ({"minimum": 0}, ..., 1, 1),
    ({"minimum": 5}, ..., 1, None),
    ({"maximum": 10}, 9, 1, 10),
    ({"maximum": 10}, 9, 2, None),
    ({"maximum": 10}, ..., 11, None),
    ({"exclusiveMinimum": 0}, 3, -3, None),
    ({"exclusiveMinimum": 0}, 3, -2, 1),
    ({"exclusiveMaximum": 10}, 9, 1, None),
    ({"exclusiveMaximum": 10}, 8, 1, 9),
    ({"exclusiveMaximum": 10}, ..., 10, None),
    ({"minimum": 0, "maximum": 10, "type": "integer"}, 5, 5, 10),
    ({"minimum": 0, "maximum": 10, "type": "integer"}, 5, 6, None),
    ({"type": "integer"}, 5, 0.5, None),
    ({"type": "integer"}, 5, 2.0, 7),
    ({"type": "number", "minimum": 0.1}, 0.3, -0.2, 0.1),
    ({"type": "number"}, 5, 0.5, 5.5),
    ({"multipleOf": 5}, 5, 5, 10),
    ({"multipleOf": 5}, 5, 4, None),
    ({"enum": [1, 3]}, 1, 2, 3),
    ({"enum": [1, 3]}, 1, 1, None),
    ({"type": ["integer", "null"], "minimum": 0}, None, -1, None),
    ({"type": ["integer", "null"], "minimum": 0}, None, 1, 1),
    ({"type": "string"}, ..., 1, None),
    ({"minimum": 0, "description": "pieces"}, 1, -1, 0),
    (False, ..., 1, None),
    (True, 1, 1, 2),
    ({"minimum": Decimal("1E+200")}, ..., 1, None),
    ({"maximum": Decimal("1E+9999999")}, 1, 1, 2),
    ({"minimum": Decimal("0.1")}, 1, Decimal(12345678901234567890123456789012345678), "any"),
]


@pytest.mark.parametrize(("schema", "stored", "amount", "expected"), BOUNDS)
def test_an_increment_keeps_to_the_bounds(table: str, schema: Any, stored: Any, amount: Any, expected: Any) -> None:
    bounded = collection({"properties": {"n": schema}})
    records.create(unbounded(bounded), {"id": "i"} if stored is ... else {"id": "i", "n": stored})
    if expected is None:
        with pytest.raises(ValidationFailed):
            records.patch(unbounded(bounded), "i", {"n": {"$inc": amount}})
        assert reading.read(unbounded(bounded), "i").version == 1
    else:
        outcome = records.patch(unbounded(bounded), "i", {"n": {"$inc": amount}})
        assert outcome.document is not None
        assert expected in ("any", outcome.document["n"])


@pytest.mark.parametrize(
    ("schema", "stored", "appended", "fits"),
    [
        ({"type": "array", "maxItems": 3}, [1], [2, 3], True),
        ({"type": "array", "maxItems": 3}, [1], [2, 3, 4], False),
        ({"type": "array", "maxItems": 3}, ..., [1, 2, 3], True),
        ({"type": "array", "maxItems": 3}, ..., [1, 2, 3, 4], False),
        ({"type": "array", "maxItems": 3}, [], [1, 2, 3, 4], False),
        ({"type": "array", "maxItems": 0}, ..., [], True),
        ({"type": "array", "items": {"type": "string"}}, ["a"], ["b"], True),
        ({"type": "array", "items": {"type": "string"}}, ["a"], [1], False),
        ({"type": "array", "uniqueItems": True}, [1], [2], True),
        ({"type": "array", "uniqueItems": True}, [1], [1], False),
        ({"type": "array", "minItems": 2}, ..., [1], False),
        ({"type": "array", "contains": {"const": 1}}, ..., [1], True),
        ({"type": "array", "prefixItems": [{"type": "string"}]}, ["a"], [1], True),
        ({"type": "array", "prefixItems": [{"type": "string"}]}, ..., [1], False),
        ({"type": "string"}, ..., [1], False),
        (False, ..., [1], False),
    ],
)
def test_what_is_appended_keeps_to_the_schema(
    table: str, schema: Any, stored: Any, appended: list[Any], fits: bool
) -> None:
    bounded = collection({"properties": {"l": schema}})
    records.create(unbounded(bounded), {"id": "i"} if stored is ... else {"id": "i", "l": stored})
    if fits:
        records.patch(unbounded(bounded), "i", {"l": {"$append": appended}})
        assert reading.read(unbounded(bounded), "i").doc["l"] == ([] if stored is ... else stored) + appended
    else:
        with pytest.raises(ValidationFailed):
            records.patch(unbounded(bounded), "i", {"l": {"$append": appended}})


NESTED_REQUIRED = {
    "required": ["address"],
    "properties": {
        "address": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}},
    },
}


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"address": {"city": None}}, "/address/city"),
        ({"address": {"city": {"$unset": True}}}, "/address/city"),
        ({"address": None}, "/address"),
        ({"address": {"$unset": True}}, "/address"),
        ({"address": {"city": 5}}, "/address/city"),
        ({"address": 5}, "/address"),
    ],
)
def test_what_is_required_cannot_be_removed(table: str, patch: Any, pointer: str) -> None:
    made = collection(NESTED_REQUIRED)
    records.create(unbounded(made), {"id": "i", "address": {"city": "Oslo", "zip": "1"}})
    with pytest.raises(ValidationFailed) as refused:
        records.patch(unbounded(made), "i", patch)
    assert [failure["pointer"] for failure in refused.value.failures] == [pointer]
    records.patch(unbounded(made), "i", {"address": {"zip": None}})
    assert reading.read(unbounded(made), "i").doc == {"address": {"city": "Oslo"}}


def test_a_nested_object_that_a_patch_begins_is_held_against_its_own_requirements(table: str) -> None:
    made = collection({"properties": NESTED_REQUIRED["properties"]})
    records.create(unbounded(made), {"id": "i"})
    with pytest.raises(ValidationFailed) as refused:
        records.patch(unbounded(made), "i", {"address": {"zip": "1"}})
    assert [failure["pointer"] for failure in refused.value.failures] == ["/address/city"]
    records.patch(unbounded(made), "i", {"address": {"city": "Oslo"}})
    assert reading.read(unbounded(made), "i").doc == {"address": {"city": "Oslo"}}


ACROSS = [
    # a schema that says something across properties, a valid record, a patch that breaks it, one that keeps it
    (
        {"if": {"properties": {"a": {"const": 1}}, "required": ["a"]}, "then": {"required": ["b"]}},
        {"a": 0}, {"a": 1}, {"a": 1, "b": 1},
    ),
    ({"dependentRequired": {"a": ["b"]}}, {}, {"a": 1}, {"a": 1, "b": 2}),
    ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1}, {"b": 1}, {"b": 1, "a": None}),
    ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1}, {"a": None}, {"a": None, "b": 1}),
    ({"not": {"required": ["a", "b"]}}, {"a": 1}, {"b": 1}, {"c": 1}),
    ({"minProperties": 1}, {"a": 1}, {"a": None}, {"a": None, "b": 1}),
    ({"maxProperties": 1}, {"a": 1}, {"b": 1}, {"a": {"$inc": 1}}),
    ({"properties": {"child": {"$ref": "#"}}, "required": ["n"]}, {"n": 1}, {"child": {}}, {"child": {"n": 2}}),
    ({"patternProperties": {"^x": {"type": "string"}}}, {}, {"x1": 1}, {"x1": "a"}),
    ({"propertyNames": {"maxLength": 2}}, {}, {"abc": 1}, {"ab": 1}),
    (
        {"properties": {"o": {"type": "object", "minProperties": 1}}},
        {"o": {"a": 1}}, {"o": {"a": None}}, {"o": {"a": None, "b": 1}},
    ),
    (
        {"properties": {"o": {"dependentRequired": {"a": ["b"]}}}},
        {"o": {}}, {"o": {"a": 1}}, {"o": {"a": 1, "b": 1}},
    ),
    (
        {"$defs": {"o": {"type": "object", "required": ["a"]}}, "properties": {"o": {"$ref": "#/$defs/o"}}},
        {"o": {"a": 1}}, {"o": {"a": None}}, {"o": {"b": 1}},
    ),
    ({"unevaluatedProperties": False, "properties": {"a": {}}}, {}, {"b": 1}, {"a": 1}),
    (
        {"properties": {"o": {"type": "object", "additionalProperties": {"type": "object", "required": ["k"]}}}},
        {"o": {"x": {"k": 1}}}, {"o": {"x": {"k": None}}}, {"o": {"y": {"k": 1}}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "stored", "breaking", "keeping"), ACROSS)
def test_what_a_schema_says_across_properties_holds_after_a_patch(
    table: str, schema: Any, stored: Any, breaking: Any, keeping: Any
) -> None:
    made = collection(schema)
    records.create(unbounded(made), {"id": "i", **stored})
    with pytest.raises(ValidationFailed):
        records.patch(unbounded(made), "i", breaking)
    assert reading.read(unbounded(made), "i").doc == stored
    records.patch(unbounded(made), "i", keeping)
    assert reading.read(unbounded(made), "i").doc == patches.apply(stored, keeping)


@pytest.mark.parametrize("stored", [{}, {"a": None}, {"a": 1}, {"a": {}}, {"a": {"b": 1}}, {"a": {"b": {"d": 1}}}])
def test_two_levels_that_are_missing_are_made(free: Collection, stored: Any) -> None:
    records.create(unbounded(free), {"id": "i", **stored})
    patch = {"a": {"b": {"c": {"$inc": 1}}}}
    records.patch(unbounded(free), "i", patch)
    assert reading.read(unbounded(free), "i").doc == patches.apply(stored, patch)


@pytest.mark.parametrize("name", ["", "x" * 256, "é" * 128])
@pytest.mark.parametrize("value", [1, {"$inc": 1}, {"$append": [1]}, {"a": 1}])
@pytest.mark.parametrize("nested", [False, True])
def test_a_patch_brings_in_no_name_that_a_record_cannot_have(
    free: Collection, name: str, value: Any, nested: bool
) -> None:
    records.create(unbounded(free), {"id": "i", "o": {}})
    with pytest.raises(ValidationFailed):
        records.patch(unbounded(free), "i", {"o": {name: value}} if nested else {name: value})
    assert reading.read(unbounded(free), "i").doc == {"o": {}}


@pytest.mark.parametrize("value", [[{"$inc": 1}], [{"a": {"$x": 1}}], {"$append": [{"$unset": True}]}])
def test_an_operator_is_not_hidden_in_a_list(free: Collection, value: Any) -> None:
    records.create(unbounded(free), {"id": "i", "l": []})
    with pytest.raises(ValidationFailed):
        records.patch(unbounded(free), "i", {"l": value})


def test_as_many_properties_as_one_update_takes_and_more_than_that(free: Collection) -> None:
    records.create(unbounded(free), {"id": "i"})
    for count in (patches.MAX_ACTIONS, patches.MAX_ACTIONS + 1, 1000):
        with main.session.recording() as recorder:
            records.patch(unbounded(free), "i", {f"property{number}": count for number in range(count)})
        assert len(recorder.calls) == (1 if count <= patches.MAX_ACTIONS else 2)
    assert set(reading.read(unbounded(free), "i").doc.values()) == {1000}


def test_as_many_conditions_as_one_update_takes_and_more_than_that(free: Collection) -> None:
    records.create(unbounded(free), {"id": "i"})
    for count in (10, 60, 100, 300):
        records.patch(unbounded(free), "i", {f"counter{number}": {"$inc": 1} for number in range(count)})
    doc = reading.read(unbounded(free), "i").doc
    assert (doc["counter0"], doc["counter50"], doc["counter99"], doc["counter299"]) == (4, 3, 2, 1)


def test_deep_paths_within_an_expression(free: Collection) -> None:
    stored = {f"object{number}": {"a": {"b": {"n": 1}}} for number in range(60)}
    records.create(unbounded(free), {"id": "i", **stored})
    patch = {name: {"a": {"b": {"n": {"$inc": 1}, "m": [1]}}} for name in stored}
    records.patch(unbounded(free), "i", patch)
    assert reading.read(unbounded(free), "i").doc == patches.apply(stored, patch)


NAMES = st.sampled_from(["a", "b", "size", "a.b", "#", ":", "é"])
NUMBERS = st.integers(-1000, 1000) | st.decimals(-100, 100, places=2).map(float)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OPERATIONS = (
    st.builds(lambda n: {"$inc": n}, NUMBERS)
    | st.builds(lambda e: {"$append": e}, st.lists(VALUES, max_size=2))
    | st.builds(lambda e: {"$remove": e}, st.lists(VALUES, max_size=2))
    | st.just({"$unset": True})
)
PATCHES = st.recursive(
    st.dictionaries(NAMES, OPERATIONS | VALUES, max_size=4),
    lambda inner: st.dictionaries(NAMES, inner | OPERATIONS | SCALARS, max_size=4),
    max_leaves=6,
)


def applied(document: Any, patch: Any) -> tuple[Any, InvalidOperation | None]:
    try:
        return patches.apply(document, patch), None
    except InvalidOperation as misfit:
        return None, misfit


@law(200)
@given(document=st.dictionaries(NAMES, VALUES, max_size=5), patch=PATCHES)
def test_the_one_call_update_gives_what_applying_the_patch_gives(table: str, document: Any, patch: Any) -> None:
    free = collection()
    records.create(unbounded(free), {"id": "i", **document})
    expected, misfit = applied(document, patch)
    if misfit is not None:
        with pytest.raises(InvalidOperation) as refused:
            records.patch(unbounded(free), "i", patch)
        assert refused.value.failures == misfit.failures
        return
    outcome = records.patch(unbounded(free), "i", patch)
    stored = reading.read(unbounded(free), "i", consistent=True)
    assert stored.doc == expected
    assert outcome.document == stored.document()
    assert stored.version == 2


BOOKS = st.fixed_dictionaries(
    {"title": st.text(max_size=3)},
    optional={
        "stock": st.integers(0, 1000),
        "tags": st.lists(st.text(max_size=2), max_size=5),
        "address": st.dictionaries(st.sampled_from(["city", "zip"]), st.text(max_size=2), max_size=2),
        "isbn": st.none() | st.text(max_size=2),
    },
)
BOOK_PATCHES = st.fixed_dictionaries(
    {},
    optional={
        "title": st.none() | st.text(max_size=3) | st.integers(),
        "stock": st.builds(lambda n: {"$inc": n}, st.integers(-1100, 1100) | st.just(0.5))
        | st.none()
        | st.integers(-5, 1005),
        "tags": st.builds(lambda added: {"$append": added}, st.lists(st.text(max_size=1) | st.integers(), max_size=4))
        | st.builds(lambda gone: {"$remove": gone}, st.lists(st.text(max_size=1), max_size=4))
        | st.lists(st.text(max_size=1), max_size=6),
        "address": st.dictionaries(st.sampled_from(["city", "zip"]), st.none() | st.text(max_size=2) | st.integers())
        | st.fixed_dictionaries({"floor": st.builds(lambda n: {"$inc": n}, st.integers(-3, 3))})
        | st.none()
        | st.just({"$unset": True}),
        "isbn": st.none() | st.text(max_size=2) | st.just({"$inc": 1}),
        "strange": st.none() | st.integers(),
    },
)  # fmt: skip


@law(250)
@given(document=BOOKS, patch=BOOK_PATCHES)
def test_a_patch_is_refused_exactly_when_its_result_is_no_valid_record(table: str, document: Any, patch: Any) -> None:
    books = collection(BOOK_SCHEMA)
    records.create(unbounded(books), {"id": "i", **document})
    try:
        expected = patches.apply(document, patch)
        record.validate(books, expected)
    except ValidationFailed:
        with pytest.raises(ValidationFailed):
            records.patch(unbounded(books), "i", patch)
        assert reading.read(unbounded(books), "i", consistent=True).doc == document
    else:
        records.patch(unbounded(books), "i", patch)
        assert reading.read(unbounded(books), "i", consistent=True).doc == expected


@law(150)
@given(document=st.dictionaries(NAMES, VALUES, max_size=5), patch=PATCHES)
def test_a_plan_that_dynamodb_carries_out_is_never_wrong(table: str, document: Any, patch: Any) -> None:
    """The plan alone, without the slow way behind it."""
    free = collection()
    update = records._update_of_patch(unbounded(free), "i", patch, NONE)
    assume(update is not None)
    assert update is not None
    records.create(unbounded(free), {"id": "i", **document})
    try:
        stored = update.run()
    except (ConditionFailed, Rejected):
        return
    assert stored.doc == patches.apply(document, patch)


def test_a_plan_says_what_is_known_without_the_record() -> None:
    plan = patches.plan({"title": None, "stock": {"$inc": -1}}, CompiledSchema(BOOK_SCHEMA))
    assert plan is not None
    assert plan.failures == [{"pointer": "/title", "detail": "is required"}]
    assert [path.names for path in plan.removals] == [("doc", "title")]
