from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise, product
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.collections import planning
from chalicelib.collections.conditions import place_in_filter
from chalicelib.collections.definitions import Collection
from chalicelib.collections.indexes import Index, assigned, keys
from chalicelib.collections.intervals import FIRST
from chalicelib.collections.key_texts import AFTER, LAST, order
from chalicelib.collections.planning import MAX_STRETCHES, Plan, Sort, plan
from chalicelib.dynamo import conditions
from chalicelib.dynamo.bindings import Bindings
from chalicelib.dynamo.stretches import Stretch
from chalicelib.errors import InvalidCursor
from chalicelib.schema import definition
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
from chalicelib.where.fold import bind, fold
from chalicelib.where.parser import parse
from chalicelib.where.values import equal
from tests.dynamo.values import nested_lists

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

VALUES: list[Any] = [None, True, 0, 1, "", "a", "a\0", "ab", "a" + LAST, "x" * 219 + "\0", "x" * 221, [1], [2], {}]
IDS = ["a", "a+", "a~", "ab", "b", "~" * 128, "0190-x", "A"]
FIXED = {"version": 1, "created_at": TIME, "updated_at": TIME}
RECORDS: list[dict[str, Any]] = [
    {"id": IDS[number % len(IDS)], **FIXED, **({} if pair == (None, None) else {"a": pair[0], "b": pair[1]})}
    for number, pair in enumerate(product(VALUES, [None, 1, "a", "ab", [1]]))
]
"""Records with all the values that the expressions are about."""

names = st.sampled_from(["a", "a", "b"])
common: st.SearchStrategy[Any] = st.sampled_from([*VALUES, 1, 1.0, "a", "a", "x" * 222])
literals = common.map(lambda value: Constant(tuple(value) if isinstance(value, list) else value))
id_literals = st.sampled_from(IDS).map(Constant) | st.sampled_from(
    [Constant("a!"), Constant(""), Constant("é"), Constant(1)]
)
references = names.map(lambda name: Reference("record", (name,)))
paths = st.sampled_from([("version",), ("created_at",), ("a", "b"), ("c", 0)]).map(
    lambda path: Reference("record", path)
)
comparators: st.SearchStrategy[Any] = st.sampled_from(["==", "==", "==", "!=", "<", "<=", ">", ">="])
ID = Reference("record", ("id",))


def lists(elements: st.SearchStrategy[Constant]) -> st.SearchStrategy[Constant]:
    return st.lists(elements, max_size=4).map(lambda given_: Constant(tuple(each.value for each in given_)))


def within(names_: st.SearchStrategy[Node], constants: st.SearchStrategy[Constant]) -> st.SearchStrategy[Node]:
    return st.builds(In, names_, lists(constants))


keyed: st.SearchStrategy[Node] = st.one_of(
    st.builds(Compare, comparators, references, literals),
    st.builds(Compare, comparators, literals, references),
    within(references, literals),
    st.builds(StartsWith, references, literals),
    references.map(Has),
)
other: st.SearchStrategy[Node] = st.one_of(
    st.builds(Compare, comparators, references | paths, references | paths | literals),
    st.builds(Between, references, literals, literals),
    st.builds(Contains, references, literals),
    st.builds(Compare, comparators, st.just(ID), id_literals),
    within(st.just(ID), id_literals),
    st.builds(StartsWith, st.just(ID), id_literals),
    st.builds(Between, st.just(ID), id_literals, id_literals),
)


def together(inner: st.SearchStrategy[Node], *kinds: type[And | Or]) -> st.SearchStrategy[Node]:
    return st.builds(
        lambda kind, operands: kind(tuple(operands)), st.sampled_from(kinds), st.lists(inner, min_size=2, max_size=3)
    )


# Not one_of, which makes one choice of all.
simple = st.integers(0, 3).flatmap(lambda kind: keyed if kind else other)
nested = st.recursive(simple, lambda inner: st.one_of(inner.map(Not), together(inner, And, Or)), max_leaves=5)
expressions = st.integers(0, 3).flatmap(
    lambda kind: together(simple, And) if kind > 1 else nested if kind else together(simple | nested, And)
)
index_names = st.sampled_from(["a", "a", "b", "created_at"])
parts: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.fixed_dictionaries({"hash": index_names, "range": index_names}),
    st.fixed_dictionaries({"hash": index_names}),
    st.fixed_dictionaries({"range": index_names}),
)
collections: st.SearchStrategy[Collection] = st.builds(
    lambda declared, shards, building: collection(declared, shards=shards, building=building),
    st.dictionaries(st.sampled_from(["i", "j", "k"]), parts, min_size=1),
    st.sampled_from([1, 1, 3, 64]),
    st.sampled_from(["i", "", ""]),
)
sorts = st.none() | st.builds(Sort, st.sampled_from(["id", "a", "b", "created_at", "version"]), st.booleans())


Places: TypeAlias = dict[str | None, tuple[str | None, str | None]]


def places(books: Collection, record: Mapping[str, Any]) -> Places:
    """The keys of a record in the base and in each index."""
    found: Places = {None: (books.partition(record["id"]), record["id"])}
    record_keys = keys(books.name, books.indexes, record["id"], record)
    for index in books.indexes:
        hash_attribute, range_attribute = index.attributes
        found[index.table_index] = record_keys[hash_attribute], record_keys[range_attribute]
    return found


def holding(stretches: Iterable[Stretch], found: Places) -> list[Stretch]:
    """The stretches that have the record of these places."""
    return [each for each in stretches if _is_within(each, *found[each.index_name])]


def ends(stretch: Stretch) -> tuple[bytes, bytes]:
    """The ends of a stretch; an open one is beyond all keys."""
    low, high = stretch.low, stretch.high
    return b"" if low is None else low.encode(), b"\xff" if high is None else high.encode()


def _is_within(stretch: Stretch, partition: str | None, key: str | None) -> bool:
    if partition != stretch.partition or key is None:
        return False
    low, high = ends(stretch)
    return low <= key.encode() <= high


@settings(max_examples=400)
@given(collections, expressions)
def test_each_way_has_every_matching_record_once_and_its_terms_say_no_more(books: Collection, where: Node) -> None:
    terms = list(planning._conjuncts(fold(where)))
    ways = planning._candidates(books, terms, ())[0]
    for record in RECORDS:
        found = places(books, record)
        holds = [evaluate(term, record) for term in terms]
        for way in ways:
            stretches = holding(way.stretches, found)
            left = all(each for number, each in enumerate(holds) if number not in way.used)
            assert len(stretches) == 1 or not all(holds), f"{record} is in {stretches} of {way}"
            assert len(stretches) <= 1
            assert (left and bool(stretches)) == all(holds), f"{way} says more than the terms {terms} of {record}"


@settings(max_examples=300)
@given(collections, expressions, sorts)
def test_a_plan_has_every_matching_record_once(books: Collection, where: Node, sort: Sort | None) -> None:
    where = fold(where)
    made = plan(books, where, sort)
    for record in RECORDS:
        if evaluate(where, record):
            assert len(holding(made.stretches, places(books, record))) == 1
            assert made.compiled.rest is None or evaluate(made.compiled.rest, record)


@settings(max_examples=300)
@given(collections, expressions, sorts)
def test_the_stretches_of_a_plan_are_apart_and_within_dynamodbs_limits(
    books: Collection, where: Node, sort: Sort | None
) -> None:
    made = plan(books, fold(where), sort)
    ascending = sorted(made.stretches, key=lambda each: (each.partition, ends(each)))
    for one, other in pairwise(ascending):
        assert one.partition != other.partition or ends(one)[1] < ends(other)[0]
    for each in made.stretches:
        assert each.index_name == (None if made.index is None else made.index.table_index)
        assert ends(each)[0] <= ends(each)[1]
        assert "" not in (each.low, each.high)
        assert all(len(end) <= 1024 for end in ends(each))
        assert len(each.partition.encode()) <= 2048
    assert made.index is None or made.index.is_ready


@settings(max_examples=300)
@given(collections, expressions, sorts)
def test_the_keys_of_what_a_plan_finds_are_in_the_order_that_was_asked_for(
    books: Collection, where: Node, sort: Sort | None
) -> None:
    where = fold(where)
    made = plan(books, where, sort)
    if sort is None or not made.serves_sort:
        return
    matching = [record for record in RECORDS if evaluate(where, record)]
    assert not matching or made.forward is sort.forward
    matching.sort(key=lambda record: key_in(made, books, record).encode())
    for one, other in pairwise(matching):
        if not equal(one.get(sort.name), other.get(sort.name)):
            assert order(one.get(sort.name)) + one["id"] <= order(other.get(sort.name)) + other["id"]


def key_in(made: Plan, books: Collection, record: Mapping[str, Any]) -> str:
    """The sort key of a record in the way that a plan goes."""
    if made.index is None:
        return str(record["id"])
    return str(keys(books.name, books.indexes, record["id"], record)[made.index.attributes[1]])


@settings(max_examples=300)
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
    assert after.serves or not made.serves_sort
    assert after.declare is None
    definition.check({"schema": {}, "indexes": made.declare})


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


# The choices


def spans(made: Plan) -> list[tuple[str, str | None, str | None]]:
    return [each[1:] for each in made.stretches]


def span(value: Any) -> tuple[str, str]:
    """The sort keys of the records that have this value."""
    return order(value), order(value) + AFTER


def sharing(author: Any) -> str:
    return BOOKS.indexes[0].partition("books", author)


def test_without_a_question_all_records_are_read_the_newest_first() -> None:
    made = planned()
    assert made.stretches == (Stretch(None, "r#books#0"),)
    assert (made.index, made.forward, made.order) == (None, False, ("id",))
    assert (made.serves, made.serves_sort, made.declare, made.compiled) == (True, True, None, conditions.Compiled())


@pytest.mark.parametrize("text", ["false", "year > 1 and false", "year between 2 and 1"])
def test_where_nothing_can_match_nothing_is_read(text: str) -> None:
    made = planned(text, sort="-title")
    assert made.stretches == ()
    assert made.compiled.never
    assert (made.serves, made.serves_sort, made.declare) == (True, True, None)


@pytest.mark.parametrize(
    "text",
    ["year < 1 and year > 2", "author == 'x' and year < 1 and year > 2", "id == 'a' and id == 'b'", "id == 5"],
)
def test_where_the_keys_contradict_each_other_nothing_is_read(text: str) -> None:
    assert planned(text).stretches == ()


def test_an_equality_takes_the_index_with_that_hash() -> None:
    made = planned("author == 'Jane'")
    assert chosen(made) == "by_author"
    assert spans(made) == [(sharing("Jane"), None, None)]
    assert (made.why, filter_of(made)) == ("author is given", None)
    assert (made.order, made.forward) == (("year", "id"), True)


def test_the_values_turned_around_are_as_good() -> None:
    assert planned("'Jane' == author").stretches == planned("author == 'Jane'").stretches


def test_a_bound_of_the_range_bounds_the_stretch() -> None:
    made = planned("author == 'Jane' and year between 1810 and 1815")
    assert chosen(made) == "by_author"
    assert spans(made) == [(sharing("Jane"), order(1810), order(1815) + AFTER)]
    assert (made.why, filter_of(made)) == ("author is given, year is bounded", None)


def test_several_bounds_of_the_range_are_taken_together() -> None:
    made = planned("author == 'Jane' and year >= 1810 and title == 'Emma' and year < 1820 and year < 1830")
    assert spans(made) == [(sharing("Jane"), order(1810), order(1820))]


def test_what_no_key_says_is_left_for_the_filter_and_nothing_else_is() -> None:
    left = conditions.compile(fold(parse("title == 'Emma' and size(tags) > 1")), place_in_filter).condition
    assert left is not None
    made = planned("title == 'Emma' and author == 'Jane' and size(tags) > 1 and year > 1")
    assert filter_of(made) == Bindings().expression(left)


def test_what_a_key_does_not_say_exactly_is_left_for_the_filter_too() -> None:
    made = planned("author == 'Jane' and year == [1815]")
    assert spans(made) == [(sharing("Jane"), *span([]))]
    assert filter_of(made) is not None


def test_in_gives_a_stretch_for_each_value_of_the_hash() -> None:
    made = planned("author in ['Jane', 'Mary', 'Jane', 1, 1.0] and year > 1800")
    assert chosen(made) == "by_author"
    assert spans(made) == [(sharing(author), order(1800) + AFTER, "3") for author in ("Jane", "Mary", 1)]


def test_an_or_of_equalities_is_an_in() -> None:
    text = "author == 'Jane' or author == 'Mary' or author in ['Ursula']"
    assert planned(text).stretches == planned("author in ['Jane', 'Mary', 'Ursula']").stretches


def test_in_of_the_range_gives_a_stretch_for_each_value() -> None:
    made = planned("author == 'Jane' and year in [1815, 1811, null]")
    assert spans(made) == [(sharing("Jane"), *span(year)) for year in (None, 1811, 1815)]


@pytest.mark.parametrize("text", ["author == null", "author in ['Jane', null]", "author == 'Jane' or year == 1"])
def test_an_index_has_no_records_without_its_hash(text: str) -> None:
    made = planned(text)
    assert chosen(made) is None
    assert made.rejected["by_author"] == "author is not given"


def test_an_index_of_a_hash_alone_has_its_records_by_id() -> None:
    made = planned("state == 'open'")
    assert chosen(made) == "of_state"
    assert spans(made) == [("books#of_state#sopen", None, None)]
    assert (made.order, made.forward) == (("id",), False)


def test_an_index_of_a_range_alone_serves_its_bounds() -> None:
    made = planned("year >= 1815")
    assert chosen(made) == "by_year"
    assert spans(made) == [("books#by_year#", order(1815), "3")]
    assert (made.why, made.serves) == ("year is bounded", True)


def test_an_index_of_a_range_alone_has_the_records_without_it() -> None:
    assert spans(planned("not has(year)")) == [("books#by_year#", "0", "1")]
    assert spans(planned("year == null")) == [("books#by_year#", *span(None))]


@pytest.mark.parametrize("sort", ["year", "-year"])
def test_an_index_of_a_range_alone_serves_a_bare_sort(sort: str) -> None:
    made = planned(sort=sort)
    assert chosen(made) == "by_year"
    assert spans(made) == [("books#by_year#", None, None)]
    assert (made.forward, made.serves, made.serves_sort, made.why) == (sort == "year", True, True, "its order")


@pytest.mark.parametrize("sort", ["year", "-year"])
def test_a_sort_takes_an_index_that_has_the_order_and_its_direction(sort: str) -> None:
    made = planned("author == 'Jane'", sort=sort)
    assert (chosen(made), made.forward, made.order) == ("by_author", sort == "year", ("year", "id"))


def test_a_sort_takes_an_index_that_reads_more_if_that_has_the_order() -> None:
    made = planned("state == 'open'", sort="year")
    assert (chosen(made), made.serves_sort) == ("by_year", True)
    assert made.rejected["of_state"] == "its order is another"
    assert made.rejected["*"] == "its order is another"
    assert filter_of(made) is not None


UNSTORABLE: list[Any] = [Decimal("1E+200"), -1e200, 10**38 + 1, Decimal(f"1.{'0' * 40}1"), (10**39 + 1,), "\ud800"]
UNSTORABLE += [("\ud800",), {"x": Decimal("1E-200")}, tuple(nested_lists(300))]


@pytest.mark.parametrize("value", UNSTORABLE)
@pytest.mark.parametrize("text", ["a == $x", "a in $list", "a < $x", "a > $x and b == 1", "a == $x or a == 1"])
def test_a_value_that_no_record_has_is_left_for_the_filter(text: str, value: Any) -> None:
    """A rule may compare with a claim of a token, which is any JSON."""
    where = fold(bind(parse(text), {"x": value, "list": (1, value)}))
    for declared in ({"i": {"hash": "a", "range": "b"}}, {"i": {"range": "a"}}, {}):
        books = collection(declared, shards=3)
        made = plan(books, where, Sort("b", forward=True))
        for record in RECORDS:
            if evaluate(where, record):
                assert len(holding(made.stretches, places(books, record))) == 1


@pytest.mark.parametrize("sort", ["id", "-id"])
def test_the_order_of_ids_is_the_bases_and_that_of_indexes_without_a_range(sort: str) -> None:
    assert (chosen(planned(sort=sort)), planned(sort=sort).forward) == (None, sort == "id")
    assert chosen(planned("state == 'open'", sort=sort)) == "of_state"
    assert chosen(planned("author == 'Jane'", sort=sort)) is None


@pytest.mark.parametrize("sort", ["author", "-author"])
def test_an_order_by_what_is_alike_in_all_is_any_order(sort: str) -> None:
    made = planned("author == 'Jane'", sort=sort)
    assert (chosen(made), made.serves_sort, made.forward) == ("by_author", True, sort == "author")


def test_an_order_by_one_of_several_values_is_an_order() -> None:
    assert not planned("author in ['Jane', 'Mary']", sort="author").serves_sort


@pytest.mark.parametrize(
    ("text", "sort", "declare"),
    [
        ("true", "title", {"by_title": {"range": "title"}}),
        ("true", "-created_at", {"by_created_at": {"range": "created_at"}}),
        ("state == 'open'", "title", {"by_state_title": {"hash": "state", "range": "title"}}),
        ("year > 1", "title", {"by_title": {"range": "title"}}),
        ("true", "version", None),
        ("state == 'open'", "version", None),
    ],
)
def test_a_sort_that_nothing_serves_names_the_index_to_declare(
    text: str, sort: str, declare: dict[str, dict[str, str]] | None
) -> None:
    made = planned(text, sort=sort)
    assert not made.serves_sort
    assert made.declare == declare


@pytest.mark.parametrize(
    ("text", "declare"),
    [
        ("isbn == '1'", {"by_isbn": {"hash": "isbn"}}),
        ("isbn == '1' and pages > 5", {"by_isbn_pages": {"hash": "isbn", "range": "pages"}}),
        ("pages > 5 and isbn in ['1', '2']", {"by_isbn_pages": {"hash": "isbn", "range": "pages"}}),
        ("pages > 5", {"by_pages": {"range": "pages"}}),
        ("isbn == null", {"by_isbn": {"range": "isbn"}}),
        ("title.startsWith('E')", {"by_title": {"range": "title"}}),
        ("title.contains('E')", None),
        ("isbn != '1'", None),
        ("address.city == 'Oslo'", None),
        ("version == 7", None),
        ("isbn == '1' or pages > 5", None),
    ],
)
def test_a_condition_that_nothing_serves_names_the_index_to_declare(
    text: str, declare: dict[str, dict[str, str]] | None
) -> None:
    made = planned(text)
    assert (chosen(made), made.serves, made.declare) == (None, False, declare)


@pytest.mark.parametrize("shards", [1, 4, 64])
def test_ids_that_are_given_are_points_in_their_own_shards(shards: int) -> None:
    books = collection(shards=shards)
    made = planned("id in ['b', 'a', 'c', 5] and year > 1", books=books)
    assert made.stretches == tuple(Stretch(None, books.partition(each), each, each) for each in "abc")
    assert all(each.is_point for each in made.stretches)
    assert (made.index, made.why, made.serves) == (None, "the ids are given", True)
    assert filter_of(made) is not None


def test_ids_that_are_given_read_less_than_any_index() -> None:
    assert chosen(planned("id == 'a' and author == 'Jane' and year == 1815")) is None


def test_a_bound_of_the_ids_bounds_every_shard() -> None:
    books = collection({}, shards=3)
    made = planned("id > 'a' and id <= 'b'", books=books)
    assert made.stretches == tuple(Stretch(None, partition, "a" + FIRST, "b") for partition in books.partitions)
    assert filter_of(made) is None


@pytest.mark.parametrize("shards", [1, 7])
def test_all_shards_are_read_from_end_to_end(shards: int) -> None:
    books = collection({}, shards=shards)
    assert planned(books=books).stretches == tuple(Stretch(None, partition) for partition in books.partitions)


@pytest.mark.parametrize(("name", "text"), [("by_author", "author == 'Jane'"), ("by_year", "year > 1")])
def test_an_index_that_is_being_built_is_not_used(name: str, text: str) -> None:
    made = planned(text, books=collection(building=name))
    assert chosen(made) is None
    assert made.rejected[name] == "it is being built"
    assert not made.serves


@pytest.mark.parametrize(("text", "sort"), [("true", "year"), ("year > 1", None), ("author == 'Jane'", "-year")])
def test_nothing_is_ordered_by_what_is_hidden(text: str, sort: str | None) -> None:
    made = planned(text, sort=sort, hidden={"year"})
    assert chosen(made) is None
    assert made.serves_sort is (sort is None)
    assert chosen(planned("state == 'open'", hidden={"year"})) == "of_state"


@pytest.mark.parametrize(("count", "name"), [(MAX_STRETCHES, "by_author"), (MAX_STRETCHES + 1, None)])
def test_an_index_is_not_used_for_more_than_100_queries(count: int, name: str | None) -> None:
    made = planned(f"author in {list(range(count))}")
    assert chosen(made) == name
    assert made.rejected.get("by_author") == (None if name else "it would take more than 100 queries")


def test_bounds_that_would_make_more_than_100_queries_are_left_for_the_filter() -> None:
    made = planned(f"author in {list(range(20))} and year in {list(range(6))}")
    assert chosen(made) == "by_author"
    assert spans(made) == [(sharing(author), None, None) for author in range(20)]
    assert filter_of(made) is not None
    assert len(planned(f"author in {list(range(20))} and year in {list(range(5))}").stretches) == 100


def test_bounds_of_ids_that_would_make_more_than_100_queries_are_left_for_the_filter() -> None:
    text = "id.startsWith('a') or id.startsWith('b')"
    assert len(planned(text, books=collection({}, shards=50)).stretches) == 100
    made = planned(text, books=collection({}, shards=51))
    assert made.stretches == tuple(Stretch(None, f"r#books#{shard}") for shard in range(51))
    assert made.compiled.rest is not None


def test_of_two_ways_the_one_that_reads_less_is_taken() -> None:
    both = collection({"a": {"hash": "author"}, "ay": {"hash": "author", "range": "year"}, "y": {"range": "year"}})
    made = planned("author == 'Jane' and year > 1", books=both)
    assert chosen(made) == "ay"
    assert made.rejected == {"*": "it reads no less", "a": "it reads no less", "y": "it reads no less"}
    assert chosen(planned("author in ['Jane', 'Mary'] and state == 'open'")) == "of_state"


@pytest.mark.parametrize("name", ["by_author", "by_year", None])
def test_a_cursors_way_is_taken_even_if_another_is_better(name: str | None) -> None:
    text = "author == 'Jane' and year > 1"
    index = next((each for each in BOOKS.indexes if each.name == name), None)
    made = planned(text, using=planning.access(index))
    assert chosen(made) == name
    assert made.access == planning.access(index)


@pytest.mark.parametrize(
    "using",
    [
        ("gone", "author", "year"),
        ("by_author", "author", None),
        ("by_author", "author", "title"),
        ("by_author", None, "year"),
    ],
)
def test_a_cursor_of_an_index_that_changed_is_refused(using: planning.Access) -> None:
    with pytest.raises(InvalidCursor, match="has changed"):
        planned("author == 'Jane'", using=using)


def test_a_cursor_of_an_index_that_is_built_anew_is_refused() -> None:
    with pytest.raises(InvalidCursor, match="has changed"):
        planned("author == 'Jane'", books=collection(building="by_author"), using=("by_author", "author", "year"))


properties = st.text(st.characters(codec="utf-8"), min_size=1, max_size=255).filter(lambda name: name[0] != "$")


@settings(max_examples=300)
@given(properties, properties, st.integers(0, 4))
@example("é", "日本", 4)
@example("a" * 255, "b", 4)
@example("US Gross", "_", 2)
@example("İ", "1", 1)
def test_the_name_of_the_index_to_declare_is_valid_and_free(hash_: str, range_: str, taken: int) -> None:
    where = fold(And((Compare("==", Reference("record", (hash_,)), Constant(1)), Has(Reference("record", (range_,))))))
    if {hash_, range_} & {"id", "version"}:
        return
    indexes: list[Index] = []
    for slot in range(taken + 1):
        declare = planning._declared(collection(indexes), list(planning._conjuncts(where)), None)
        assert declare is not None
        ((name, declared),) = declare.items()
        assert re.fullmatch("[a-z][a-z0-9_]{0,62}", name)
        assert name not in {index.name for index in indexes}
        indexes.append(Index(name, "other", f"{slot}", slot + 1, is_ready=True))
    expected = {"hash": hash_} if hash_ == range_ else {"hash": hash_, "range": range_}
    assert declared == expected
