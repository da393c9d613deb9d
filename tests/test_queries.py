"""Forty queries of a real data set give what filtering and sorting in Python gives, and read no more than they may."""

from __future__ import annotations

import gzip
import itertools
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.collections import definitions, imports, jobs, listing, queries, records
from chalicelib.collections.definitions import Collection
from chalicelib.collections.record import Record, made
from chalicelib.dynamo import batches
from chalicelib.dynamo.tables import main
from tests.support.client import Client, administrator
from tests.support.listings import listed, naive, query
from tests.support.stores import collection

HERE = Path(__file__).parent
QUERIES: list[dict[str, Any]] = json.loads((HERE / "queries.json").read_text())
INDEXES = {"by_genre": {"hash": "Major Genre", "range": "IMDB Rating"}, "by_gross": {"range": "US Gross"}}
LIMITS = (1, 2, 3, 7, 13, 37, 101, 389, 1000)
PAGES = {True: 5, False: 2}
"""How many pages a listing is read in, about, if it is served: the embedded store takes its time for large filters."""


def films() -> list[dict[str, Any]]:
    """The data set, with ids that tell the line."""
    with gzip.open(HERE / "data/movies.ndjson.gz") as file:
        return [{"id": f"m{number:04}", **json.loads(line)} for number, line in enumerate(file)]


def load(into: Collection, documents: list[dict[str, Any]]) -> None:
    """Store records as a creation would, many at a time."""

    def put(part: list[dict[str, Any]]) -> None:
        properties = [{name: value for name, value in each.items() if name != "id"} for each in part]
        batches.put_many(Record, [made(into, d["id"], p, None) for d, p in zip(part, properties, strict=True)])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(put, [documents[n : n + 400] for n in range(0, len(documents), 400)]))


def read_all(of: Collection) -> list[dict[str, Any]]:
    """Every record, as the API shows it, in no order, without a listing."""
    found = [Record.query(partition=pk).consistent().pages() for pk in of.partitions]
    return [record.document() for page in itertools.chain(*found) for record in page.items]


@pytest.fixture(scope="module")
def own_table(store: str) -> Iterator[None]:
    from chalicelib.dynamo import provisioning, tables  # noqa: PLC0415 - as in conftest

    with settings.override(table=f"test-{uuid.uuid4().hex}"):
        provisioning.ensure(tables.main)
        yield


@pytest.fixture(scope="module")
def _one_shard(own_table: None) -> None:
    collection(name="one_shard", indexes=INDEXES)
    report = imports.run("one_shard", b"\n".join(json.dumps(film).encode() for film in films()), seconds=100)
    assert (report.created, report.failed, report.next) == (3201, [], None)


@pytest.fixture(scope="module")
def _four_shards(own_table: None) -> None:
    load(collection(name="four_shards", indexes=INDEXES, shards=4), films())


@pytest.fixture(scope="module")
def _indexed_later(own_table: None) -> None:
    load(collection(name="indexed_later", shards=2), films())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(definitions, "CACHE_SECONDS", -1.0)
        definitions.put("indexed_later", {"schema": {}, "shards": 2, "indexes": INDEXES})
        assert jobs.run_pending(100) == 1
    assert all(index.is_ready for index in definitions.current("indexed_later").indexes)


@pytest.fixture(scope="module")
def documents(request: pytest.FixtureRequest) -> Callable[[str], list[dict[str, Any]]]:
    """The records of a collection, read once."""
    kept: dict[str, list[dict[str, Any]]] = {}

    def of(name: str) -> list[dict[str, Any]]:
        if name not in kept:
            request.getfixturevalue(f"_{name}")
            kept[name] = read_all(definitions.get(name))
        return kept[name]

    return of


@pytest.fixture
def client(own_table: None) -> Iterator[Client]:
    with administrator() as client:
        yield client


@contextmanager
def scanning() -> Iterator[list[int]]:
    """How many records each Query looks at, as DynamoDB says it."""
    counts: list[int] = []

    def note(parsed: dict[str, Any], **_: Any) -> None:
        counts.append(parsed["ScannedCount"])

    events = main.session.client.meta.events
    events.register("after-call.dynamodb.Query", note)
    try:
        yield counts
    finally:
        events.unregister("after-call.dynamodb.Query", note)


def limits(case: dict[str, Any]) -> tuple[int, int]:
    """A small page size and the next one."""
    small = next(n for n, limit in enumerate(LIMITS) if limit * PAGES[case["served"]] >= case["matches"])
    return LIMITS[small], LIMITS[min(small + 1, len(LIMITS) - 1)]


def test_there_are_forty_different_queries() -> None:
    assert len(QUERIES) == 40
    assert len({json.dumps([each.get("where"), each.get("params"), each.get("sort")]) for each in QUERIES}) == 40
    assert {each["index"] for each in QUERIES} == {None, *INDEXES}


def named(each: dict[str, Any]) -> str:
    return f"{each.get('where', '')} {each.get('sort', '')}"


@pytest.mark.parametrize("case", QUERIES, ids=map(named, QUERIES))
@pytest.mark.parametrize(("name", "which"), [("one_shard", 0), ("four_shards", 1)])
def test_a_query_gives_what_python_gives_within_its_budget(
    client: Client, documents: Callable[[str], list[dict[str, Any]]], case: dict[str, Any], name: str, which: int
) -> None:
    every = documents(name)
    expected = naive(
        every, query(definitions.get(name), case.get("where"), case.get("sort"), case.get("params")), case["order"]
    )
    assert len(expected) == case["matches"]
    limit = limits(case)[which]
    asked = {member: case[member] for member in ("where", "params", "sort") if member in case}
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        with scanning() as scanned:
            answer = client.post(f"/v1/collections/{name}/query", {**asked, "limit": limit, "cursor": cursor})
        index = f'index="{case["index"]}", ' if case["index"] else ""
        assert answer.headers["portico-plan"] == f"{index}served=?{int(case['served'])}, scanned={sum(scanned)}"
        assert sum(scanned) <= listing.MAX_SCANNED
        body = answer.json()
        assert len(body["items"]) <= limit
        found += body["items"]
        cursor = body["next"]
        if cursor is None:
            break
    assert [each["id"] for each in found] == expected
    by_id = {each["id"]: each for each in every}
    assert all(each == by_id[each["id"]] for each in found)


@pytest.mark.parametrize("case", QUERIES, ids=map(named, QUERIES))
def test_a_query_of_what_was_indexed_later_gives_the_same(
    own_table: None, documents: Callable[[str], list[dict[str, Any]]], case: dict[str, Any]
) -> None:
    every = documents("indexed_later")
    asked = query(definitions.get("indexed_later"), case.get("where"), case.get("sort"), case.get("params"))
    plan = asked.plan()
    assert (plan.index.name if plan.index else None) == case["index"]
    expected = naive(every, asked, case["order"])
    assert len(expected) == case["matches"]
    assert listed(asked, 1000) == expected
    assert queries.count(asked)[0] == case["matches"]


@contextmanager
def writers(busy: Collection, documents: list[dict[str, Any]]) -> Iterator[list[int]]:
    """Others who create, replace and delete records of their own all the time; how many writes there were."""
    stop = threading.Event()
    written: list[int] = []

    def write(writer: int) -> None:
        own: list[str] = []
        for number in itertools.count(writer):
            if stop.is_set():
                return
            film = documents[number * 37 % len(documents)]
            record_id = f"{film['id']}-{writer}-{number}"
            records.create(busy, {**film, "id": record_id, "by": writer})
            own.append(record_id)
            if number % 3 == 0:
                other = documents[number * 101 % len(documents)]
                records.replace(busy, own[0], {**other, "id": own[0], "by": writer})
            if len(own) > 20:
                records.delete(busy, own.pop(0))
            written.append(number)

    threads = [threading.Thread(target=write, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield written
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("shards", [1, 3])
def test_records_that_exist_throughout_are_there_once_while_others_come_and_go(own_table: None, shards: int) -> None:
    busy = collection(indexes=INDEXES, shards=shards)
    some = films()[::10]
    load(busy, some)
    cases = [QUERIES[number] for number in (0, 2, 3, 5, 13, 18, 24, 26, 27, 33, 36, 39)]
    with writers(busy, some) as written:
        for case in cases:
            asked = query(busy, case.get("where"), case.get("sort"), case.get("params"))
            expected = naive(some, asked, case["order"])
            before = len(written)
            found = [each for each in listed(asked, max(1, len(expected) // 7)) if len(each) == 5]
            assert found == expected, case
            assert len(written) > before, "nothing was written meanwhile"


COSTS: list[tuple[str | None, str | None]] = [
    (None, None),
    (None, "-rank"),
    ("rank > 150000", "-rank"),
    ("team == 't7'", "-rank"),
    ("team in ['t7', 't8', 't9'] and odd == true", "-rank"),
]


def test_a_page_of_a_large_collection_costs_what_one_of_a_small_one_costs(own_table: None) -> None:
    """The small one's records are the last thousand of the large one's, so that a page is the same."""
    indexes = {"by_rank": {"range": "rank"}, "by_team": {"hash": "team", "range": "rank"}}
    costs: dict[str, list[Any]] = {}
    for name, size in (("small", 1_000), ("large", 100_000)):
        filled = collection(name=name, indexes=indexes)
        numbers = range(200_000 - size, 200_000)
        load(filled, [{"id": f"i{n}", "rank": n, "team": f"t{n % 500}", "odd": n % 1000 > 500} for n in numbers])
        costs[name] = []
        for where, sort in COSTS:
            page, plan = queries.page(query(filled, where, sort), 10, None)
            assert plan.serves
            assert page.next is not None
            costs[name].append(([record.id for record in page.records], page.cost))
    assert costs["small"] == costs["large"]
