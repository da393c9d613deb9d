from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chalicelib.dynamo import planner, provisioning, session
from chalicelib.dynamo.errors import Invalid, KeyTooLong, MissingAttribute, NoIndex, WrongType
from chalicelib.dynamo.expressions import Condition, Path, all_of
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Index, Key
from chalicelib.dynamo.layout import Layout, SecondaryIndex
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.ordering import rank
from chalicelib.dynamo.query import Query
from chalicelib.dynamo.tables import Table

from .wire import assert_all_valid

FILMS = Layout(
    hash="studio",
    range="reel",
    indexes=[
        SecondaryIndex("gsi1", "h1", "r1"),
        SecondaryIndex("gsi2", "h2", "length"),
        SecondaryIndex("gsi3", "h3", "hash"),
        SecondaryIndex("gsi4", "h4"),
        SecondaryIndex("gsi5", "h5", "r5", projection=("title", "_type")),
    ],
    types={"length": "N", "hash": "B"},
)


class Film(Model, table=Table("films", FILMS), type="film"):
    """A film, found in every way."""

    studio: Attr[str]
    reel: Attr[str]
    title: Attr[str]
    genre: Attr[str] = field(default="drama")
    year: Attr[int] = field(default=1950)
    shown: Attr[date] = field(default=date(1950, 1, 1))
    length: Attr[Decimal] = field(default=Decimal(90))
    hash: Attr[bytes] = field(default=b"-")
    award: Attr[str | None] = field(default=None)
    by_year = Index("gsi1", hash="genre#{genre}", range="{year}#{title}")
    by_length = Index("gsi2", hash="{genre}", range="{length}")
    by_hash = Index("gsi3", hash="{genre}", range="{hash}")
    by_award = Index("gsi4", hash="{award}")
    by_show = Index("gsi5", hash="{title}", range="{shown}")


class Talk(Model, table=Table("films", FILMS)):
    """What is sorted by several fields."""

    studio: Attr[str]
    reel: Attr[str]
    room: Attr[str]
    day: Attr[date]
    number: Attr[int]
    by_room = Index("gsi1", hash="{room}", range="{day}#{number}|{reel}")
    by_number = Index("gsi2", hash="{room}-{day}", range="{number}")


def told(query: Query[Any]) -> tuple[str | None, str | None, str | None]:
    """The index, the key condition and the filter."""
    explained = query.explain()
    return explained["index"], explained["key_condition"], explained["filter"]


KIND = "_type = 'film'"


@pytest.mark.parametrize("count", range(4))
def test_conjuncts_are_what_a_condition_is_all_of(count: int) -> None:
    a, b, c = Path[int]("a") == 1, (Path[int]("b") == 2) | (Path[int]("c") == 3), ~(Path[int]("d") == 4)
    given = [a, b, c][:count]
    found = planner.conjuncts(all_of(given))
    assert len(found) == count
    assert all(one is other for one, other in zip(found, given, strict=True))
    assert planner.conjuncts((a & b) & (c & a)) == (a, b, c, a)


@pytest.mark.parametrize(
    ("condition", "asked"),
    [
        (None, None),
        (Film.reel == "1", "reel = '1'"),
        (Film.reel < "1", "reel < '1'"),
        (Film.reel >= "1", "reel >= '1'"),
        (Film.reel.begins_with("1"), "begins_with(reel, '1')"),
        (Film.reel.between("1", "2"), "reel BETWEEN '1' AND '2'"),
        ((Film.reel >= "1") & (Film.reel <= "2"), "reel BETWEEN '1' AND '2'"),
        ((Film.reel > "1") & (Film.reel <= "2"), "reel BETWEEN '1\\x00' AND '2'"),
        ((Film.reel >= "1") & (Film.reel < "2"), "reel BETWEEN '1' AND '1\\U0010ffff'"),
    ],
)
def test_a_sort_key_that_is_a_field_takes_over_one_condition_or_two_bounds(
    condition: Condition | None, asked: str | None
) -> None:
    query = Film.query(studio="A").where(condition)
    expected = "studio = 'A'" if asked is None else f"studio = 'A' AND {asked}"
    assert told(query) == (None, expected, KIND)


@pytest.mark.parametrize(
    "condition",
    [
        Film.reel != "1",
        Film.reel.is_in(["1", "2"]),
        (Film.reel == "1") | (Film.reel == "2"),
        ~(Film.reel == "1"),
        (Film.reel == "1") & (Film.reel == "2"),
        Film.reel.begins_with("1") & (Film.reel > "11"),
        Film.reel > Film.title,
        Film.reel.size() > 3,
        Film.studio.begins_with("A"),
    ],
)
def test_what_is_asked_of_a_key_attribute_besides_cannot_be_filtered(condition: Condition) -> None:
    with pytest.raises(NoIndex, match=r"key: (reel|studio) is its key, and what is asked of that can only be filtered"):
        Film.query(studio="A").where(condition).explain()


@pytest.mark.parametrize(
    ("condition", "asked"),
    [
        (None, "begins_with(r1, '21331942!#')"),
        (Film.title == "Emma", "r1 = '21331942!#Emma'"),
        (Film.title.begins_with("Em"), "begins_with(r1, '21331942!#Em')"),
        (Film.title > "Em", "r1 BETWEEN '21331942!#Em\\x00' AND '21331942!#\\U0010ffff'"),
        (Film.title >= "Em", "r1 BETWEEN '21331942!#Em' AND '21331942!#\\U0010ffff'"),
        (Film.title < "Em", "r1 BETWEEN '21331942!#' AND '21331942!#El\\U0010ffff'"),
        (Film.title <= "Em", "r1 BETWEEN '21331942!#' AND '21331942!#Em'"),
        (Film.title.between("A", "B"), "r1 BETWEEN '21331942!#A' AND '21331942!#B'"),
        ((Film.title > "A") & (Film.title < "B"), "r1 BETWEEN '21331942!#A\\x00' AND '21331942!#A\\U0010ffff'"),
    ],
)
def test_a_composed_sort_key_takes_over_the_fields_from_the_first_on(condition: Condition | None, asked: str) -> None:
    query = Film.query(genre="noir", year=1942).where(condition)
    assert told(query) == ("gsi1", f"h1 = 'genre#noir' AND {asked}", KIND)


def test_a_composed_sort_key_is_bounded_by_its_last_field_only() -> None:
    query = Film.query(genre="noir").where(Film.year > 1942).using(Film.by_year)
    assert told(query) == ("gsi1", "h1 = 'genre#noir'", f"(year > 1942 AND {KIND})")


def test_a_field_that_a_sort_key_does_not_begin_with_is_filtered() -> None:
    query = Film.query(genre="noir", title="Emma").using(Film.by_year)
    assert told(query) == ("gsi1", "h1 = 'genre#noir'", f"(title = 'Emma' AND {KIND})")


def test_a_text_within_a_composed_key_says_its_field_only_together_with_the_filter() -> None:
    one = Film.query(genre="noir", year=1942, title="a").using(Film.by_year)
    assert told(one)[2] == KIND
    talks = Talk.query(room="a", day=date(2024, 5, 1), number=7)
    assert told(talks.where(Talk.reel == "x")) == ("gsi1", "h1 = 'a' AND r1 = '2024-05-01#21307!|x'", None)
    assert told(talks.using(Talk.by_number)) == ("gsi2", "h2 = 'a-2024-05-01' AND length = 7", "room = 'a'")


def test_the_longest_known_beginning_of_a_sort_key_is_used_where_the_rest_is_open() -> None:
    talks = Talk.query(room="a", day=date(2024, 5, 1))
    assert told(talks) == ("gsi1", "h1 = 'a' AND begins_with(r1, '2024-05-01#')", None)
    assert told(talks.where(Talk.number > 7)) == (
        "gsi1",
        "h1 = 'a' AND begins_with(r1, '2024-05-01#')",
        "number > 7",
    )


@pytest.mark.parametrize(
    ("condition", "asked"),
    [
        (Film.length == Decimal(91), "length = 91"),
        (Film.length > Decimal(91), "length > 91"),
        ((Film.length >= Decimal(91)) & (Film.length <= Decimal(101)), "length BETWEEN 91 AND 101"),
        (
            (Film.length > Decimal(91)) & (Film.length < Decimal(101)),
            f"length BETWEEN 91.{'0' * 35}1 AND 100.{'9' * 35}",
        ),
        ((Film.length > Decimal(0)) & (Film.length < Decimal(1)), f"length BETWEEN 1E-130 AND 0.{'9' * 38}"),
        (Film.hash == b"a", "hash = 'YQ=='"),
        ((Film.hash > b"a") & (Film.hash <= b"b"), "hash BETWEEN 'YQA=' AND 'Yg=='"),
        ((Film.hash >= b"a") & (Film.hash < b"b\0"), "hash BETWEEN 'YQ==' AND 'Yg=='"),
    ],
)
def test_a_sort_key_of_numbers_or_bytes_is_compared_as_such(condition: Condition, asked: str) -> None:
    found = told(Film.query(genre="noir").where(condition))
    assert found == (
        "gsi2" if "length" in asked else "gsi3",
        f"{'h2' if 'length' in asked else 'h3'} = 'noir' AND {asked}",
        KIND,
    )


@pytest.mark.parametrize(
    "condition",
    [
        Film.reel.between("2", "1"),
        (Film.reel > "1") & (Film.reel <= "1"),
        (Film.reel >= "1") & (Film.reel < "1"),
        (Film.reel >= "1") & (Film.reel < "\0"),
        Film.reel < "",
        Film.reel <= "",
    ],
)
def test_an_interval_without_keys_is_asked_for_in_a_way_that_dynamodb_takes(condition: Condition) -> None:
    assert told(Film.query(studio="A").where(condition))[1] == "studio = 'A' AND reel < '\\x00'"


@pytest.mark.parametrize("condition", [Film.reel >= "", Film.reel > "", Film.reel.begins_with("")])
def test_every_key_comes_after_the_empty_text(condition: Condition) -> None:
    assert told(Film.query(studio="A").where(condition)) == (None, "studio = 'A'", KIND)


def test_what_leaves_least_to_the_filter_is_chosen() -> None:
    explained = Film.query(genre="noir", length=Decimal(90)).explain()
    assert (explained["index"], explained["why"]) == ("gsi2", "genre is given, and the whole sort key")
    assert explained["rejected"] == {
        "key": "studio is not given",
        "by_year": "by_length reads less",
        "by_hash": "by_length reads no more",
        "by_award": "award is not given",
        "by_show": "title is not given",
    }


def test_the_tables_key_comes_before_indexes_that_read_no_less() -> None:
    assert Film.query(studio="A", genre="noir").plan.index is None
    assert Film.query(studio="A", genre="noir", year=1942).plan.index == "gsi1"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (Film.query(studio="A"), "studio is given"),
        (Film.query(studio="A", reel="1"), "studio is given, and the whole sort key"),
        (Film.query(studio="A").where(Film.reel > "1"), "studio is given, and reel bounds the sort key"),
        (Film.query(studio="A").where(Film.reel.begins_with("1")), "studio is given, and reel begins with a text"),
        (Film.query(genre="noir", year=1), "genre is given, and the beginning of the sort key"),
        (Talk.query(room="a", day=date(1, 1, 1)).using(Talk.by_number), "room, day are given"),
    ],
)
def test_a_plan_says_why(query: Query[Any], why: str) -> None:
    assert query.explain()["why"] == why


def test_an_explanation_is_for_people_and_has_the_request() -> None:
    explained = Film.query(studio="A").where(Film.title == "#0 :0").fields(Film.title).explain()
    assert explained["filter"] == "(title = '#0 :0' AND _type = 'film')"
    assert explained["request"]["KeyConditionExpression"] == "#0 = :0"
    assert explained["request"]["ProjectionExpression"] == "#1, #0, #3"


def test_without_an_access_the_error_says_what_each_lacks() -> None:
    with pytest.raises(NoIndex) as refused:
        Film.query(year=1942).where(Film.genre.is_in(["noir"])).explain()
    assert str(refused.value) == (
        "Nothing serves this query of Film (key: studio is not given; by_year: genre is not given; "
        "by_length: genre is not given; by_hash: genre is not given; by_award: award is not given; "
        "by_show: title is not given). Give what is missing, or scan."
    )


def test_a_query_is_of_the_models_own_fields() -> None:
    with pytest.raises(NoIndex, match="Film has no field colour"):
        Film.query(colour="red").explain()
    stranger = Talk.query(studio="A").where(Path[str]("reel") == "1")
    with pytest.raises(NoIndex, match="reel is its key"):
        stranger.explain()


def test_sort_chooses_the_access_and_refuses_others() -> None:
    assert Film.query(genre="noir").sort(Film.length).plan.index == "gsi2"
    assert Film.query(genre="noir").sort(Film.year).plan.index == "gsi1"
    assert Film.query(genre="noir", year=1942).sort(Film.title).plan.index == "gsi1"
    assert Film.query(genre="noir").sort(Film.genre).plan.index == "gsi1"
    with pytest.raises(NoIndex, match="by_length: it is not sorted by title"):
        Film.query(genre="noir").sort(Film.title).explain()


def test_a_consistent_query_is_the_tables() -> None:
    assert Film.query(studio="A", genre="noir", year=1942).consistent().plan.index is None
    with pytest.raises(NoIndex, match="by_year: an index cannot be read consistently"):
        Film.query(genre="noir").consistent().explain()


def test_using_takes_this_access_and_no_other() -> None:
    query = Film.query(studio="A", genre="noir")
    assert query.using(Film.by_year).plan.index == "gsi1"
    assert Film.by_year.query(studio="A", genre="noir").plan.index == "gsi1"
    assert query.using(Film.key).plan.index is None
    with pytest.raises(NoIndex, match=r"\(by_award: award is not given\)"):
        query.using(Film.by_award).explain()


def test_an_index_that_lacks_items_serves_only_queries_that_do_not_want_them() -> None:
    class Prize(Model, table=Table("films", FILMS)):
        studio: Attr[str]
        reel: Attr[str]
        genre: Attr[str]
        year: Attr[int | None] = field(default=None)
        by_year = Index("gsi1", hash="{genre}", range="{year}")

    with pytest.raises(NoIndex, match="by_year: items without year are not in it"):
        Prize.query(genre="noir").explain()
    assert Prize.query(genre="noir").where(Prize.year > 1900).plan.index == "gsi1"
    assert Prize.by_year.query(genre="noir").plan.index == "gsi1"


def test_an_index_that_holds_parts_serves_only_queries_that_want_no_more() -> None:
    query = Film.query(title="Emma")
    with pytest.raises(NoIndex, match="by_show: it holds only parts of the items"):
        query.explain()
    assert query.fields(Film.title).plan.index == "gsi5"
    assert query.using(Film.by_show).plan.index == "gsi5"
    with pytest.raises(NoIndex, match="by_show: it does not hold year, which has to be filtered by"):
        query.using(Film.by_show).where(Film.year == 1942).explain()


@pytest.mark.parametrize(
    ("query", "error", "path"),
    [
        (Film.query(studio=1), WrongType, ["studio"]),
        (Film.query(studio=None), MissingAttribute, ["studio"]),
        (Film.query(studio=""), KeyTooLong, ["studio"]),
        (Film.query(studio="A", reel="x" * 1025), KeyTooLong, ["reel"]),
        (Film.query(studio="A").where(Film.reel > "x" * 1025), KeyTooLong, ["reel"]),
        (Film.query(studio="A").where(Film.reel.begins_with("x" * 1025)), KeyTooLong, ["reel"]),
        (Film.query(studio="A").where(Film.year == "1942"), WrongType, ["year"]),  # type: ignore[arg-type]
    ],
)
def test_a_value_that_its_field_cannot_have_is_an_error(
    query: Query[Film], error: type[Invalid], path: list[str]
) -> None:
    with pytest.raises(error) as refused:
        query.explain()
    assert refused.value.path == path


ROOMS = Layout(
    indexes=[SecondaryIndex("gsi1", "h1", "r1"), SecondaryIndex("gsi2", "h2", "score")], types={"score": "N"}
)


class Thing(Model, table=Table("unnamed", ROOMS)):
    """What the law is about: texts that are beginnings of each other, with the separator in them."""

    id: Attr[str]
    group: Attr[str]
    kind: Attr[str]
    name: Attr[str]
    year: Attr[int]
    score: Attr[Decimal | None] = field(default=None)
    key = Key(pk="thing#{group}", sk="{name}#{id}")
    by_kind = Index("gsi1", hash="{kind}", range="{year}#{name}")
    by_group = Index("gsi2", hash="{group}#{kind}", range="{score}")


TEXTS = ["a", "a#", "a#b", "b", "é", "\U0001f600"]
YEARS = [-2, 0, 1, 40, 42]
SCORES = [Decimal(text) for text in ("-1.5", "0", "1E-9", "3", "3.5", "1E30")]
_dice = random.Random(7)
THINGS = [
    Thing(
        id=_dice.choice(TEXTS) + str(number),
        group=_dice.choice(TEXTS[:3]),
        kind=_dice.choice(TEXTS[:3]),
        name=_dice.choice(["", *TEXTS]),
        year=_dice.choice(YEARS),
        score=_dice.choice([None, *SCORES]),
    )
    for number in range(120)
]
POOLS: dict[str, list[Any]] = {
    "group": TEXTS[:3],
    "kind": TEXTS[:3],
    "name": ["", *TEXTS],
    "year": YEARS,
    "score": SCORES,
    "id": [thing.id for thing in THINGS] + TEXTS,
}
COMPARED: dict[str, Callable[[Any, Any], Any]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
Test = Callable[[Thing], bool]


def ranked(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


@st.composite
def conditions(draw: st.DrawFn) -> tuple[Condition, Test]:
    """A condition on one field, and the same in Python."""
    name = draw(st.sampled_from(["name", "name", "name", *POOLS]))
    path: Any = getattr(Thing, name)
    operators = ["=", *COMPARED, "BETWEEN", "IN"] + (["begins_with"] if isinstance(POOLS[name][0], str) else [])
    operator = draw(st.sampled_from(operators))
    one, other = draw(st.sampled_from(POOLS[name])), draw(st.sampled_from(POOLS[name]))
    low, high = sorted([one, other], key=ranked)

    def holds(test: Callable[[Any], bool]) -> Test:
        return lambda thing: getattr(thing, name) is not None and test(ranked(getattr(thing, name)))

    if operator == "=":
        return path == one, holds(lambda value: bool(value == ranked(one)))
    if operator == "BETWEEN":
        return path.between(low, high), holds(lambda value: bool(ranked(low) <= value <= ranked(high)))
    if operator == "IN":
        return path.is_in([low, high]), holds(lambda value: value in (ranked(low), ranked(high)))
    if operator == "begins_with":
        return path.begins_with(one), holds(lambda value: bool(value.startswith(ranked(one))))
    compared = COMPARED[operator]
    return compared(path, one), holds(lambda value: compared(value, ranked(one)))


@st.composite
def queries(draw: st.DrawFn) -> tuple[Query[Thing], Test]:
    """A query that determines a partition, and what it asks for in Python."""
    partitions = ["kind year", "kind year", "kind year", "kind", "group", "group name", "kind year name", "group kind"]
    partition = draw(st.sampled_from(partitions)).split()
    values = {name: draw(st.sampled_from(POOLS[name])) for name in partition}
    query = Thing.query(**values)
    tests: list[Test] = [lambda thing: all(getattr(thing, name) == value for name, value in values.items())]
    for condition, test in draw(st.lists(conditions(), max_size=3)):
        query = query.where(condition)
        tests.append(test)
    if draw(st.booleans()):
        query = query.descending()
    return query, lambda thing: all(test(thing) for test in tests)


@pytest.fixture(scope="module")
def things(store: str) -> list[Thing]:
    Thing.table = Table(f"things-{random.getrandbits(64)}", ROOMS)
    provisioning.ensure(Thing.table)
    Thing.put_many(THINGS)
    return THINGS


@hypothesis_settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=queries(), size=st.integers(3, 12))
def test_a_query_finds_what_a_filter_over_everything_finds_whatever_its_access(
    things: list[Thing], case: tuple[Query[Thing], Test], size: int
) -> None:
    query, test = case
    try:
        access = query.plan.access
    except NoIndex:
        return
    expected = {thing.id for thing in things if test(thing)}
    with session.default().recording() as recorder:
        found = query.all()
        pages, cursor = [query.page(size)], None
        while (cursor := pages[-1].cursor) is not None:
            pages.append(query.page(size, cursor))
        assert query.count() == len(expected)
    assert_all_valid(recorder.calls[:3])
    assert {thing.id for thing in found} == expected
    assert len(found) == len(expected)
    keys = [rank(access.range.value(thing.__dict__)) for thing in found if access.range is not None]
    assert keys == sorted(keys, reverse=not query.forward)
    assert [thing for page in pages for thing in page.items] == found
    assert all(len(page.items) == size for page in pages[:-1])
