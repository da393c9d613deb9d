from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.collections import planning
from chalicelib.collections.definitions import Collection
from chalicelib.collections.indexes import Index, assigned, keys
from chalicelib.collections.key_texts import LAST, order
from chalicelib.collections.planning import Plan, Sort, plan
from chalicelib.dynamo.bindings import Bindings
from chalicelib.dynamo.stretches import Stretch
from chalicelib.where import ast
from chalicelib.where.ast import (
    And,
    Between,
    Compare,
    Constant,
    Contains,
    Has,
    In,
    Node,
    Not,
    Or,
    Reference,
    StartsWith,
)
from chalicelib.where.evaluate import evaluate
from chalicelib.where.fold import fold
from chalicelib.where.parser import parse

TIME = "2026-01-01T00:00:00.000Z"
DECLARED = {
    "by_author": {"hash": "author", "range": "year"},
    "of_state": {"hash": "state"},
    "by_year": {"range": "year"},
}


def collection(
    indexes: Mapping[str, Mapping[str, str]] | Sequence[Index] = DECLARED, *, shards: int = 1, building: str = ""
) -> Collection:
    """Books with these indexes, one of them still being built."""
    made = assigned(indexes, (), filled=True) if isinstance(indexes, Mapping) else indexes
    given_indexes = tuple(index._replace(is_ready=False) if index.name == building else index for index in made)
    return Collection("books", 1, TIME, TIME, {"schema": {}}, [[0, shards]], given_indexes)


BOOKS = collection()


def planned(text: str = "true", sort: str | None = None, books: Collection = BOOKS, **options: Any) -> Plan:
    asked = None if sort is None else Sort(sort.removeprefix("-"), forward=not sort.startswith("-"))
    return plan(books, fold(parse(text)), asked, **options)


def chosen(made: Plan) -> str | None:
    return None if made.index is None else made.index.name


def filter_of(made: Plan) -> str | None:
    """The text of the condition that is left, None if nothing is."""
    return None if made.compiled.condition is None else Bindings().expression(made.compiled.condition)


# The laws

names = st.sampled_from(["a", "b", "c"])
common: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 1, 1.0, -2, "", "a", "a\0", "ab", "a" + LAST, "b", "x" * 219 + "\0", "x" * 221, [1], {}]
)
literals = common.map(lambda value: Constant(tuple(value) if isinstance(value, list) else value))
found_ids = st.sampled_from(["a", "a+", "a~", "ab", "b", "~" * 128, "0190-x", "A"])
id_literals = found_ids.map(Constant) | st.sampled_from([Constant("a!"), Constant(""), Constant("é"), Constant(1)])
references = names.map(lambda name: Reference("record", (name,)))
paths = st.sampled_from([("version",), ("created_at",), ("a", "b"), ("c", 0)]).map(
    lambda path: Reference("record", path)
)
comparators: st.SearchStrategy[Any] = st.sampled_from(["==", "==", "==", "!=", "<", "<=", ">", ">="])
ID = Reference("record", ("id",))


def lists(elements: st.SearchStrategy[Constant]) -> st.SearchStrategy[Constant]:
    return st.lists(elements, max_size=4).map(lambda given_: Constant(tuple(each.value for each in given_)))


simple: st.SearchStrategy[Node] = st.one_of(
    st.builds(Compare, comparators, references, literals),
    st.builds(Compare, st.just("=="), references, literals),
    st.builds(Compare, comparators, literals, references),
    st.builds(Compare, comparators, references | paths, references | paths | literals),
    st.builds(Between, references, literals, literals),
    st.builds(In, references, lists(literals)),
    st.builds(StartsWith, references, literals),
    st.builds(Contains, references, literals),
    references.map(Has),
    st.builds(Compare, comparators, st.just(ID), id_literals),
    st.builds(In, st.just(ID), lists(id_literals)),
    st.builds(StartsWith, st.just(ID), id_literals),
    st.builds(Between, st.just(ID), id_literals, id_literals),
)
expressions: st.SearchStrategy[Node] = st.recursive(
    simple,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda operands: And(tuple(operands))),
        st.lists(inner, min_size=2, max_size=3).map(lambda operands: And(tuple(operands))),
        st.lists(inner, min_size=2, max_size=3).map(lambda operands: Or(tuple(operands))),
    ),
    max_leaves=6,
)
index_names = st.sampled_from(["a", "b", "c", "created_at"])
parts: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.fixed_dictionaries({"hash": index_names, "range": index_names}),
    st.fixed_dictionaries({"hash": index_names}),
    st.fixed_dictionaries({"range": index_names}),
)
collections: st.SearchStrategy[Collection] = st.builds(
    lambda declared, shards, building: collection(declared, shards=shards, building=building),
    st.dictionaries(st.sampled_from(["i", "j", "k", "l", "m"]), parts, max_size=5),
    st.sampled_from([1, 1, 3, 64]),
    st.sampled_from(["i", ""]),
)
records = st.builds(
    lambda properties, record_id: {"id": record_id, "version": 1, "created_at": TIME, "updated_at": TIME, **properties},
    st.dictionaries(names, common),
    found_ids,
)
sorts = st.none() | st.builds(Sort, st.sampled_from(["id", "a", "b", "created_at", "version"]), st.booleans())


def holding(stretches: Sequence[Stretch], books: Collection, record: Mapping[str, Any]) -> list[Stretch]:
    """The stretches that have the record."""
    record_keys = keys(books.name, books.indexes, record["id"], record)
    found: dict[str | None, tuple[str | None, str | None]] = {None: (books.partition(record["id"]), record["id"])}
    for index in books.indexes:
        hash_attribute, range_attribute = index.attributes
        found[index.table_index] = record_keys[hash_attribute], record_keys[range_attribute]
    return [each for each in stretches if _is_within(each, *found[each.index_name])]


def _is_within(stretch: Stretch, partition: str | None, key: str | None) -> bool:
    if partition != stretch.partition or key is None:
        return False
    return stretch.low.encode() <= key.encode() <= stretch.high.encode()


@settings(max_examples=800)
@given(collections, expressions, st.lists(records, min_size=3, max_size=6))
@example(
    collection({"i": {"range": "a"}}),
    StartsWith(Reference("record", ("a",)), Constant("a")),
    [{"id": "a", "a": "a" + LAST}],
)
def test_each_way_has_every_matching_record_once_and_its_terms_say_no_more(
    books: Collection, where: Node, found: list[dict[str, Any]]
) -> None:
    terms = list(planning._conjuncts(fold(where)))
    for way in planning._candidates(books, terms)[0]:
        left = [term for number, term in enumerate(terms) if number not in way.used]
        for record in found:
            within = holding(way.stretches, books, record)
            matches = all(evaluate(term, record) for term in terms)
            assert len(within) == 1 or not (matches or within)
            assert (bool(within) and all(evaluate(term, record) for term in left)) == matches


@settings(max_examples=800)
@given(collections, expressions, sorts, st.lists(records, min_size=3, max_size=6))
def test_a_plan_has_every_matching_record_once(
    books: Collection, where: Node, sort: Sort | None, found: list[dict[str, Any]]
) -> None:
    where = fold(where)
    made = plan(books, where, sort)
    for record in found:
        if evaluate(where, record):
            assert len(holding(made.stretches, books, record)) == 1
            assert made.compiled.rest is None or evaluate(made.compiled.rest, record)


@settings(max_examples=500)
@given(collections, expressions, sorts)
def test_the_stretches_of_a_plan_are_apart_and_within_dynamodbs_limits(
    books: Collection, where: Node, sort: Sort | None
) -> None:
    made = plan(books, fold(where), sort)
    ascending = sorted(made.stretches, key=lambda each: (each.partition, each.low.encode()))
    for one, other in zip(ascending, ascending[1:], strict=False):
        assert one.partition != other.partition or one.high.encode() < other.low.encode()
    for each in made.stretches:
        assert each.index_name == (None if made.index is None else made.index.table_index)
        assert each.low.encode() <= each.high.encode()
        assert 0 < len(each.low.encode()) <= len(each.high.encode().ljust(1024)) == 1024
        assert len(each.partition.encode()) <= 2048
    assert made.index is None or made.index.is_ready


@settings(max_examples=500)
@given(collections, expressions, sorts, st.lists(records, min_size=2, max_size=8))
def test_keys_are_in_the_order_that_a_plan_serves(
    books: Collection, where: Node, sort: Sort | None, found: list[dict[str, Any]]
) -> None:
    where = fold(where)
    made = plan(books, where, sort)
    if sort is None or not made.serves_sort or sort.name not in ("a", "b"):
        return
    attribute = None if made.index is None else made.index.attributes[1]
    matching = [each for each in found if evaluate(where, each)]
    places = {
        order(each.get(sort.name)): each["id"]
        if attribute is None
        else str(keys("books", books.indexes, each["id"], each)[attribute])
        for each in matching
    }
    if len(places) > 1:
        assert list(places) == sorted(places, key=lambda place: places[place]) or sorted(places) == sorted(
            places, key=lambda place: places[place]
        )
    assert made.forward is sort.forward


@settings(max_examples=500)
@given(collections, expressions, sorts)
def test_the_index_to_declare_serves(books: Collection, where: Node, sort: Sort | None) -> None:
    where = fold(where)
    made = plan(books, where, sort)
    if made.declare is None:
        return
    ((name, declared),) = made.declare.items()
    index = Index(name, declared.get("hash"), declared.get("range"), 6, is_ready=True)
    after = plan(collection([*books.indexes, index]), where, sort)
    assert after.serves_sort
    assert (after.serves or not made.serves_sort) and after.declare is None


@settings(max_examples=300)
@given(collections, expressions, sorts, sorts)
def test_a_plan_goes_on_in_the_way_it_began_whatever_else_is_there_by_then(
    books: Collection, where: Node, sort: Sort | None, other: Sort | None
) -> None:
    where = fold(where)
    made = plan(books, where, sort)
    assert plan(books, where, sort, made.access).stretches == made.stretches
    more = Index("z", "a", "b", 6, is_ready=True)
    if where != ast.FALSE:
        again = plan(collection([*books.indexes, more], shards=books.epochs[0][1]), where, sort, made.access)
        assert (again.stretches, again.forward, again.order) == (made.stretches, made.forward, made.order)
