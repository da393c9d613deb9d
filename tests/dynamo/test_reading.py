from __future__ import annotations

from typing import Any

import pytest

from chalicelib.dynamo import provisioning
from chalicelib.dynamo.errors import InvalidCursor, NotOne
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Index, Key
from chalicelib.dynamo.layout import Layout, SecondaryIndex
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.query import Query
from chalicelib.dynamo.reading import CALLS_A_PAGE
from chalicelib.dynamo.session import Recorder, Session
from chalicelib.dynamo.tables import Table, main

from .products import Product, product
from .wire import Stub


@pytest.fixture(autouse=True)
def _products(recorder: Recorder) -> None:
    Product.put_many([product(id=f"{number:03}", stock=number % 3, name=f"n{number:03}") for number in range(30)])
    product(shop="B", shelf="S", log=["x"]).put()
    recorder.calls.clear()


def ids(found: list[Product]) -> list[int]:
    return [int(each.id) for each in found]


ALL = Product.query(shop="A")
NONE = ALL.where(Product.name == "none")
FEW = ALL.where(Product.stock == 1).using(Product.key)


@pytest.mark.parametrize("size", [1, 7, 30, 31])
@pytest.mark.parametrize("query", [ALL, FEW, NONE, ALL.descending()])
def test_every_way_of_reading_gives_the_same(query: Query[Product], size: int) -> None:
    everything = query.all()
    assert ids(everything) == [number for number in sorted(ids(ALL.all()), reverse=not query.forward) if
                               number in ids(everything)]  # fmt: skip
    assert list(query) == everything
    assert [each for page in query.limit(size).pages() for each in page.items] == everything
    assert query.limit(size).all() == everything
    assert query.count() == query.limit(size).count() == len(everything)
    assert query.submit().result() == everything


def test_a_limited_call_reads_so_many_whatever_the_filter_leaves(recorder: Recorder) -> None:
    page = FEW.limit(6).run()
    assert ids(page.items) == [1, 4]
    assert page.last == "005"
    assert recorder.operations == ["Query"]


@pytest.mark.parametrize("size", [1, 3, 9, 10, 11])
@pytest.mark.parametrize("query", [ALL, FEW, Product.query(shop="A", stock=1), Product.by_stock.query(shop="A")])
def test_pages_with_cursors_are_full_and_together_everything(query: Query[Product], size: int) -> None:
    pages = [query.page(size)]
    while pages[-1].cursor is not None:
        pages.append(query.page(size, pages[-1].cursor))
    assert [each for page in pages for each in page.items] == query.all()
    assert all(len(page.items) == size for page in pages[:-1])


def test_a_page_is_given_out_short_when_a_filter_leaves_too_little(unconnected: Session) -> None:
    class Elsewhere(Product, table=Table("t", main.layout, lambda: unconnected)):
        pass

    last = {"pk": {"S": "product#A"}, "sk": {"S": "7"}}
    stub = Stub(unconnected, (200, {"Items": [], "Count": 0, "LastEvaluatedKey": last}))
    page = Elsewhere.query(shop="A").where(Elsewhere.name == "none").page(5)
    assert page.items == []
    assert len(stub.sent) == CALLS_A_PAGE
    assert page.cursor is not None
    assert page.last == "7"


def test_first_and_one() -> None:
    first = FEW.first()
    assert first is not None
    assert first.id == "001"
    assert FEW.descending().first() == FEW.all()[-1]
    assert NONE.first() is None
    assert ALL.where(Product.name == "n003").one().id == "003"
    with pytest.raises(NotOne, match="no Product where one is expected"):
        NONE.one()
    with pytest.raises(NotOne, match="several Product where one is expected"):
        FEW.one()


@pytest.mark.parametrize(
    "other",
    [
        Product.query(shop="B"),
        Product.by_stock.query(shop="A"),
        Product.scan().using(Product.by_stock),
        ALL.where(Product.id > "020"),
        ALL.where(Product.id < "002"),
        ALL.where(Product.id.between("010", "020")),
        ALL.where(Product.id.begins_with("01")),
        Product.query(shop="A", id="000"),
    ],
)
def test_a_cursor_of_another_query_is_refused_without_a_call(recorder: Recorder, other: Any) -> None:
    cursor = ALL.page(5).cursor
    assert cursor is not None
    recorder.calls.clear()
    with pytest.raises(InvalidCursor):
        other.page(5, cursor)
    assert recorder.calls == []


def test_a_cursor_serves_a_query_that_covers_it() -> None:
    cursor = ALL.page(5).cursor
    assert ids(ALL.where(Product.id >= "002").page(2, cursor).items) == [5, 6]
    assert ids(ALL.where(Product.id <= "005").page(2, cursor).items) == [5]
    assert ids(ALL.descending().page(2, cursor).items) == [3, 2]
    assert Product.scan().page(5, Product.scan().page(5).cursor).items


def test_only_what_was_asked_for_is_there() -> None:
    part = Product.query(shop="B").fields(Product.price, Product.log, Product.shelf).one()
    assert part.__dict__ == {"shop": "B", "id": "1", "price": None, "log": ["x"], "shelf": "S"}
    with pytest.raises(AttributeError, match=r"Product\.stock was not loaded"):
        _ = part.stock
    indexed = Product.by_stock.query(shop="A", stock=2).fields(Product.name).page(3)
    assert [each.__dict__.keys() for each in indexed.items] == [{"shop", "id", "name"}] * 3
    assert len(Product.by_stock.query(shop="A", stock=2).fields(Product.name).page(30, indexed.cursor).items) == 7


def test_a_condition_is_none_or_all_of_them() -> None:
    assert ids(ALL.where(None).where(Product.stock == 1).where(Product.name < "n005").all()) == [1, 4]


def test_an_index_that_holds_parts_gives_parts(table: str) -> None:
    layout = Layout(indexes=[SecondaryIndex("gsi1", "g", projection=("title",))])

    class Song(Model, table=Table(f"{table}-songs", layout)):
        id: Attr[str]
        singer: Attr[str]
        title: Attr[str]
        length: Attr[int] = field(default=180)
        key = Key(pk="song#{id}")
        by_singer = Index("gsi1", hash="{singer}")

    provisioning.ensure(Song.table)
    Song(id="1", singer="A", title="x", length=90).put()
    for found in (Song.by_singer.query(singer="A").one(), Song.scan().using(Song.by_singer).one()):
        assert found.title == "x"
        assert not hasattr(found, "length")
