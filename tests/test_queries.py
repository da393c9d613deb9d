"""Forty queries of a real data set give what filtering and sorting in Python gives, and read no more than they may."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.access.rules import unbounded
from chalicelib.collections import definitions, imports, jobs, listing, queries, records
from chalicelib.collections.definitions import Collection
from chalicelib.collections.indexes import keys
from chalicelib.collections.record import Record, made
from chalicelib.dynamo import batches, provisioning
from chalicelib.dynamo.codec import encode
from chalicelib.dynamo.errors import Item
from chalicelib.dynamo.session import Session
from chalicelib.dynamo.tables import main
from portico.embedded.process import EmbeddedStore
from tests.support.client import Client, administrator
from tests.support.listings import listed, naive, query
from tests.support.stores import collection, opened

HERE = Path(__file__).parent
QUERIES: list[dict[str, Any]] = json.loads((HERE / "queries.json").read_text())
INDEXES = {"by_genre": {"hash": "Major Genre", "range": "IMDB Rating"}, "by_gross": {"range": "US Gross"}}
LIMITS = (1, 2, 3, 7, 13, 37, 101, 389, 1000)
PAGES = 5
"""How many pages a listing is read in, about: the embedded store looks at all of a partition for each call."""


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
    with settings.override(table=f"test-{uuid.uuid4().hex}"):
        provisioning.ensure(main)
        yield


@pytest.fixture(scope="module")
def _one_shard(own_table: None) -> None:
    collection(name="one_shard", indexes=INDEXES)
    report = imports.run(opened("one_shard"), b"\n".join(json.dumps(film).encode() for film in films()), seconds=100)
    assert (report.created, report.failed, report.next) == (3201, [], None)


@pytest.fixture(scope="module")
def _four_shards(own_table: None) -> None:
    load(collection(name="four_shards", indexes=INDEXES, shards=4), films())


@pytest.fixture(scope="module")
def _indexed_later(own_table: None) -> None:
    load(collection(name="indexed_later", shards=2), films()[::4])
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


def limit_for(matches: int, larger: int = 0) -> int:
    """A page size with which a listing is read in about five pages, or a larger one."""
    return LIMITS[min(next(n for n, limit in enumerate(LIMITS) if limit * PAGES >= matches) + larger, len(LIMITS) - 1)]


def test_there_are_forty_different_queries() -> None:
    assert len(QUERIES) == 40
    assert len({json.dumps([each.get("where"), each.get("params"), each.get("sort")]) for each in QUERIES}) == 40
    assert {each["index"] for each in QUERIES} == {None, *INDEXES}


def named(each: dict[str, Any]) -> str:
    return f"{each.get('where', '')} {each.get('sort', '')}"


@pytest.mark.parametrize("case", QUERIES, ids=map(named, QUERIES))
@pytest.mark.parametrize(("name", "larger"), [("one_shard", 0), ("four_shards", 1)])
def test_a_query_gives_what_python_gives_within_its_budget(
    client: Client, documents: Callable[[str], list[dict[str, Any]]], case: dict[str, Any], name: str, larger: int
) -> None:
    every = documents(name)
    expected = naive(
        every, query(definitions.get(name), case.get("where"), case.get("sort"), case.get("params")), case["order"]
    )
    assert len(expected) == case["matches"]
    limit = limit_for(case["matches"], larger) if case["served"] else 389
    asked = {member: case[member] for member in ("where", "params", "sort") if member in case}
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        with scanning() as scanned:
            answer = client.post(f"/v1/collections/{name}/query", {**asked, "limit": limit, "cursor": cursor})
        index = f'index="{case["index"]}", ' if case["index"] else ""
        assert answer.headers["portico-plan"] == f"{index}served=?{int(case['served'])}, scanned={sum(scanned)}"
        assert sum(scanned) <= listing.MAX_SCANNED
        body = json.loads(answer.text)  # every number a float, as in what it is compared with
        assert len(body["items"]) <= limit
        found += body["items"]
        cursor = body["next"]
        if cursor is None:
            break
    assert [each["id"] for each in found] == expected
    by_id = {each["id"]: each for each in every}
    assert [each for each in found if each != by_id[each["id"]]] == []


@pytest.mark.parametrize("case", QUERIES, ids=map(named, QUERIES))
def test_a_query_of_what_was_indexed_later_gives_the_same(
    own_table: None, documents: Callable[[str], list[dict[str, Any]]], case: dict[str, Any]
) -> None:
    every = documents("indexed_later")
    asked = query(definitions.get("indexed_later"), case.get("where"), case.get("sort"), case.get("params"))
    plan = asked.plan()
    assert (plan.index.name if plan.index else None) == case["index"]
    expected = naive(every, asked, case["order"])
    assert listed(asked, limit_for(len(expected))) == expected
    assert queries.count(asked)[0] == len(expected)


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
            records.create(unbounded(busy), {**film, "id": record_id, "by": writer})
            own.append(record_id)
            if number % 3 == 0:
                other = documents[number * 101 % len(documents)]
                records.replace(unbounded(busy), own[0], {**other, "id": own[0], "by": writer})
            if len(own) > 20:
                records.delete(unbounded(busy), own.pop(0))
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
            while True:
                found = [each for each in listed(asked, max(1, len(expected) // 7)) if len(each) == 5]
                assert found == expected, case
                if len(written) > before:
                    break


COSTS: list[tuple[str | None, str | None]] = [
    (None, None),
    ("id between 'i199500' and 'i199800'", "id"),
    ("team == 't7'", "-rank"),
    ("team == 't7' and rank >= 199500", None),
    ("team in ['t7', 't8', 't9'] and odd == true", "-rank"),
]
OF_THE_WHOLE: list[tuple[str | None, str | None]] = [(None, "-rank"), ("rank > 199500 or rank == null", "-rank")]


def item_of(filled: Collection, number: int) -> Item:
    """What is stored of a record; as ``made`` makes it, and five times as fast."""
    record_id = f"i{number}"
    properties: dict[str, Any] = {"rank": number, "team": f"t{number % 8}", "odd": number % 40 > 20}
    created = {"S": "2026-01-01T00:00:00.000Z"}
    return {
        "pk": {"S": filled.partition(record_id)},
        "sk": {"S": record_id},
        "_version": {"N": "1"},
        "_created_at": created,
        "_updated_at": created,
        "doc": encode(properties),
        **{name: {"S": str(key)} for name, key in keys(filled.name, filled.indexes, record_id, properties).items()},
    }


def store_all(filled: Collection, numbers: range) -> None:
    """Store records in as few calls as there can be."""

    def put(part: range) -> None:
        requests = [{"PutRequest": {"Item": item_of(filled, number)}} for number in part]
        answer = main.session.call("BatchWriteItem", {"RequestItems": {main.name: requests}})
        assert not answer.get("UnprocessedItems")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, [numbers[n : n + 25] for n in range(0, len(numbers), 25)]))


def costs(filled: Collection, asked: list[tuple[str | None, str | None]]) -> list[Any]:
    """The first page of each listing, and what it took."""
    found = []
    for where, sort in asked:
        with main.session.recording() as recorder:
            page, plan = queries.page(query(filled, where, sort), 10, None)
        assert plan.serves
        assert (page.cost.calls, page.cost.units) == (len(recorder.calls), recorder.units)
        found.append((where, sort, [record.id for record in page.records], page.cost))
    return found


def numbers_of(size: int) -> range:
    """The small collection has the last records of the large one, so that a page of the newest is the same."""
    return range(200_000 - size, 200_000)


RANKED = {"by_rank": {"range": "rank"}, "by_team": {"hash": "team", "range": "rank"}}


@pytest.mark.usefixtures("own_table")
def test_a_page_costs_the_same_however_large_the_collection_is() -> None:
    sizes = (1000, 100_000) if "TRUTH_URL" in os.environ else (1000, 4000)
    found = []
    for name, size in zip(("small", "large"), sizes, strict=True):
        filled = collection(name=name, indexes=RANKED)
        store_all(filled, numbers_of(size))
        found.append(costs(filled, COSTS + OF_THE_WHOLE))
    assert found[0] == found[1]


def test_what_is_stored_is_what_a_creation_stores(table: str) -> None:
    filled = collection(indexes=RANKED, shards=16)
    properties = {"rank": 17, "team": "t1", "odd": False}
    times = {"_created_at", "_updated_at"}
    created = made(filled, "i17", properties, None).to_item()
    assert {name: value for name, value in created.items() if name not in times} == {
        name: value for name, value in item_of(filled, 17).items() if name not in times
    }


@pytest.mark.skipif("TRUTH_URL" in os.environ, reason="is about the embedded store's own state")
def test_a_page_of_a_hundred_thousand_records_costs_what_one_of_a_thousand_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records come to be in the store's snapshot: writing them takes it a minute.

    And for each call it looks at all of a partition, so that there are shards, and no index without a hash.
    """
    with EmbeddedStore(tmp_path / "store") as store, use(store, monkeypatch):
        provisioning.ensure(main)
        indexes = {"by_team": RANKED["by_team"]}
        filled = [collection(name=name, indexes=indexes, shards=16) for name in ("small", "large")]
    state = tmp_path / "store/state.json"
    document = json.loads(state.read_bytes())
    (stored,) = document["state"]["tables"]["data"].values()
    for of, size in zip(filled, (1_000, 100_000), strict=True):
        for number in numbers_of(size):
            item = item_of(of, number)
            stored["items"].setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item
    state.write_bytes(json.dumps(document).encode())
    with EmbeddedStore(tmp_path / "store") as store, use(store, monkeypatch):
        small, large = [costs(each, COSTS[:1] + COSTS[2:]) for each in filled]
    assert small == large


@contextmanager
def use(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another store than the other tests have."""
    session = Session(store.url)
    with monkeypatch.context() as patched:
        patched.setattr(main, "_connect", lambda: session)
        yield
    session.close()
