from __future__ import annotations

import threading
import time
from collections.abc import Generator
from typing import Any, cast

import pytest

from chalicelib.dynamo.errors import NoIndex, Rejected
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Index, Key
from chalicelib.dynamo.layout import Layout, SecondaryIndex
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.scan import Rate
from chalicelib.dynamo.session import PARALLEL_CALLS, Recorder, Session
from chalicelib.dynamo.tables import Table, main

from .books import book
from .products import Product, product
from .wire import Stub, refusal


@pytest.fixture(autouse=True)
def _items(recorder: Recorder) -> None:
    Product.put_many([product(shop=shop, id=f"{number}", stock=number) for shop in "ABCD" for number in range(15)])
    type(book()).put_many([book(f"{number}") for number in range(20)])
    recorder.calls.clear()


def keys(found: list[Product]) -> list[tuple[str, int]]:
    return sorted((each.shop, int(each.id)) for each in found)


EVERY = sorted((shop, number) for shop in "ABCD" for number in range(15))


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.mark.parametrize("segments", [1, 2, 7, 40])
def test_a_scan_finds_every_item_of_its_model_once(recorder: Recorder, segments: int) -> None:
    scan = Product.scan().parallel(segments)
    assert keys(scan.all()) == EVERY
    assert keys(list(scan.limit(3))) == EVERY
    assert scan.count() == scan.limit(3).count() == len(EVERY)
    assert keys(scan.where(Product.stock < 3).all()) == [key for key in EVERY if key[1] < 3]
    assert {call.parameters.get("TotalSegments") for call in recorder.calls} == {None if segments == 1 else segments}


@pytest.mark.parametrize("segments", [0, -1, 1_000_001])
def test_the_number_of_segments_is_dynamodbs(segments: int) -> None:
    with pytest.raises(Rejected, match=f"1 to 1000000 segments, not {segments}"):
        Product.scan().parallel(segments)


def test_a_scan_of_an_index_finds_what_is_in_it() -> None:
    Product.update(shop="A", id="1").set(Product.shelf, "S").run()
    assert keys(Product.scan().using(Product.by_shelf).all()) == [("A", 1)]
    assert keys(Product.scan().using(Product.by_shelf).parallel(3).all()) == [("A", 1)]


def test_pages_go_on_by_cursor() -> None:
    found, page = [], Product.scan().page(7)
    while page.cursor is not None:
        found += page.items
        page = Product.scan().page(7, page.cursor)
    assert keys(found + page.items) == EVERY


def test_a_page_reads_more_than_its_size_where_a_filter_leaves_less(recorder: Recorder) -> None:
    class Untyped(Model, table=main):
        id: Attr[str]
        key = Key(pk="untyped#{id}")

    class Claimed(Model, table=main):
        id: Attr[str]
        name: Attr[str] = field(default=None, unique=True)
        key = Key(pk="claimed#{id}")

    scans: list[Any] = [Untyped.scan(), Untyped.scan().where(Untyped.id == "1"), Claimed.scan(), Product.scan()]
    assert [scan.filtered() for scan in scans] == [False, True, True, True]
    assert [scan.filter is not None for scan in scans] == [False, True, True, True]
    Product.scan().page(7)
    assert recorder.calls[-1].parameters["Limit"] == 100


def test_an_index_without_what_has_to_be_filtered_by_is_refused() -> None:
    layout = Layout(indexes=[SecondaryIndex("gsi1", "g", projection="KEYS_ONLY")])

    class Song(Model, table=Table("songs", layout), type="song"):
        id: Attr[str]
        key = Key(pk="{id}")
        by_id = Index("gsi1", hash="{id}")

    with pytest.raises(NoIndex, match="gsi1 does not hold _type"):
        Song.scan().using(Song.by_id).all()


def test_a_rate_makes_who_consumed_wait_until_it_is_paid_for() -> None:
    clock = Clock()
    rate = Rate(10, clock, clock.sleep)
    rate.consumed(5)
    rate.consumed(20)
    assert clock.slept == [0.5, 2.0]
    clock.now += 60
    rate.consumed(1)
    assert clock.slept[2] == pytest.approx(0.1)


def test_those_who_share_a_rate_wait_for_each_other() -> None:
    pauses: list[float] = []
    rate = Rate(10, lambda: 0.0, pauses.append)
    for _ in range(3):
        rate.consumed(5)
    assert pauses == [0.5, 1.0, 1.5]


@pytest.mark.parametrize("segments", [1, 4])
def test_a_limited_scan_takes_as_long_as_its_units(recorder: Recorder, segments: int) -> None:
    clock = Clock()
    scan = Product.scan().limited_to(2, Rate(2, clock, clock.sleep)).parallel(segments).limit(10)
    assert keys(scan.all()) == EVERY
    assert clock.now - 100 >= recorder.units / 2 > 0
    assert all(call.parameters["ReturnConsumedCapacity"] == "TOTAL" for call in recorder.calls)


def test_a_rate_is_more_than_nothing() -> None:
    with pytest.raises(Rejected):
        Product.scan().limited_to(0)


def busy() -> int:
    """The threads of the pool that do something."""
    pool = main.session.pool
    done = threading.Barrier(PARALLEL_CALLS + 1)
    for _ in range(PARALLEL_CALLS):
        pool.submit(done.wait, 5)
    done.wait(5)
    return pool._work_queue.qsize()


def test_who_stops_early_leaves_no_thread_waiting() -> None:
    for _ in Product.scan().parallel(30).limit(1):
        break
    pages = cast("Generator[Any, None, None]", Product.scan().parallel(30).limit(1).pages())
    next(pages)
    started = time.monotonic()
    pages.close()
    assert busy() == 0
    assert time.monotonic() - started < 3


def test_an_error_in_a_part_reaches_the_caller(unconnected: Session) -> None:
    class Elsewhere(Product, table=Table("t", main.layout, lambda: unconnected)):
        pass

    Stub(unconnected, (200, {"Items": [], "Count": 0}), refusal("ValidationException", "no"))
    with pytest.raises(Rejected, match="Scan: no"):
        Elsewhere.scan().parallel(5).all()
    with pytest.raises(Rejected, match="Scan: no"):
        Elsewhere.scan().parallel(5).count()
