"""Right and wrong uses of the data layer, for type checkers; see ``test_typing``.

What mypy and pyright have to refuse is marked at the end of its line, and with the checker's name if only one of them
sees it. Everything else they have to accept. Of what is here only declarations are run.
"""

from __future__ import annotations

from concurrent.futures import Future
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from typing_extensions import assert_type

from chalicelib.dynamo import (
    Attr,
    Condition,
    Document,
    Index,
    Key,
    Model,
    Path,
    after,
    before,
    combined,
    expiry,
    field,
    main,
    submit,
    timestamp,
    transaction,
    version,
)
from chalicelib.dynamo.expressions import Expression
from chalicelib.dynamo.futures import Pending
from chalicelib.dynamo.hooks import Creation, Deletion, Loading, Querying, Updating, Validation
from chalicelib.dynamo.keys import BoundIndex
from chalicelib.dynamo.reading import Page
from chalicelib.dynamo.transactions import Fetched
from chalicelib.dynamo.updates import Update


class Address(Document):
    street: Attr[str]
    city: Attr[str | None] = field(default=None)


class Book(Model, table=main, type="book"):
    isbn: Attr[str]
    title: Attr[str] = field(max_length=200)
    stock: Attr[int] = field(default=0, ge=0)
    price: Attr[Decimal | None] = field(default=None)
    weight: Attr[float] = field(default=0.0)
    note: Attr[str | None] = field(default=None)
    cover: Attr[Literal["hard", "soft"]] = field(default="soft", aliases=("binding",))
    tags: Attr[list[str]] = field(default=list)
    awards: Attr[list[str] | None] = field(default=None)
    genres: Attr[set[str] | None] = field(default=None)
    sales: Attr[dict[str, int]] = field(default=dict)
    origin: Attr[Address | None] = field(default=None)
    loans: Attr[int | None] = field(default=None)
    label: Attr[str] = combined("{title} ({isbn})")
    ver: Attr[int] = version()
    created: Attr[datetime] = timestamp(on="create")
    ends: Attr[datetime | None] = expiry(name="_ttl", after=timedelta(days=1))
    key = Key(pk="BOOK#{isbn}")
    by_title = Index("gsi1", hash="{title}", range="{stock}")


class Shop(Model, table=main, type="shop"):
    id: Attr[str]
    open: Attr[bool]
    key = Key(pk="SHOP#{id}")


def fields(book: Book) -> None:
    assert_type(Book.title, Attr[str])
    assert_type(book.title, str)
    assert_type(Book.note, Attr[str | None])
    assert_type(book.note, str | None)
    assert_type(book.tags, list[str])
    assert_type(book.created, datetime)
    assert_type(Book.by_title, BoundIndex[Book])
    book.stock += 1
    book.note = None
    book.weight = 3
    book.title = 3  # error
    book.title = None  # error
    book.tags.append(3)  # error
    book.titel = "Emma"  # error
    book.cover = "paper"  # error
    print(Book.titel)  # error


def constructors(now: datetime) -> None:
    Book(isbn="1", title="Emma")
    Book(
        isbn="1",
        title="Emma",
        stock=1,
        price=Decimal(1),
        weight=2,
        tags=["a"],
        genres={"a"},
        origin=Address(street="a"),
        ends=now,
        cover="hard",
    )
    Book(isbn="1")  # error
    Book("1", "Emma")  # error
    Book(isbn="1", title=3)  # error
    Book(isbn="1", title="Emma", stock="1")  # error
    Book(isbn="1", title="Emma", tags=[1])  # error
    Book(isbn="1", title="Emma", cover="paper")  # error
    Book(isbn="1", title="Emma", colour="red")  # error
    Book(isbn="1", title="Emma", binding="hard")  # error
    Book(isbn="1", title="Emma", ver=1)  # error
    Book(isbn="1", title="Emma", created=now)  # error
    Book(isbn="1", title="Emma", label="Emma (1)")  # error
    Book(isbn="1", title="Emma", origin=Shop(id="1", open=True))  # error
    Address(city="a")  # error


def conditions(condition: Condition) -> None:
    query = Book.query(isbn="1")
    assert_type(Book.title == "Emma", Condition)
    assert_type((Book.stock > 3) & ~(Book.note == None) | Book.tags.contains("a"), Condition)  # noqa: E711
    query.where(Book.stock >= Book.loans.size())
    query.where(Book.weight > 3)
    query.where(Book.stock.between(1, 3)).where(Book.title.is_in(["a", "b"])).where(None)
    query.where(Book.title.begins_with("E")).where(Book.note.begins_with("E"))
    query.where(Book.awards.contains("a")).where(Book.genres.contains("a")).where(Book.note.contains("a"))
    query.where(Book.tags.size() > 3).where(Book.note.exists()).where(Path[str]("doc", "owner") == "me")
    query.where(Book.title == 3)  # error
    query.where(Book.title == Book.stock)  # error
    query.where(Book.stock != "3")  # error
    query.where(Book.stock > "3")  # error
    query.where(Book.stock <= None)  # error
    query.where(Book.stock.between(1, "3"))  # error
    query.where(Book.stock.is_in(["3"]))  # error
    query.where(Book.tags.size() > "3")  # error
    query.where(Book.stock.begins_with("3"))  # error
    query.where(Book.title.begins_with(3))  # error
    query.where(Book.tags.contains(3))  # error
    query.where(Book.stock.contains(3))  # error
    query.where(Book.titel == "Emma")  # error
    query.where(True)  # error
    query.where((Book.stock > 3) & True)  # error
    query.where(not (Book.stock > 3))  # error
    if Book.stock > 3:  # error: pyright
        pass
    if condition:  # error: pyright
        pass  # error: mypy


def paths() -> None:
    assert_type(Book.tags[0], Path[str])
    assert_type(Book.awards[0], Path[str])
    assert_type(Book.sales["a"], Path[int])
    assert_type(Book.origin[Address.street], Path[str])
    assert_type(Path[Any]("doc")["a"][0], Path[Any])
    Book.query(isbn="1").where(Book.origin[Address.street] == "a").where(Book.sales["a"] > 3)
    Book.query(isbn="1").where(Book.sales["a"] > "3")  # error
    Book.query(isbn="1").where(Book.tags[0] == 3)  # error
    Book.tags["a"]  # error: pyright
    Book.sales[0]  # error
    Book.title[0]  # error
    Book.origin["street"].begins_with("a")
    Book.origin[0]  # error


async def reads(cursor: str | None) -> None:
    assert_type(Book.get(isbn="1"), Book | None)
    assert_type(Book.get_many([{"isbn": "1"}]), list[Book | None])
    query = Book.by_title.query(title="Emma").where(Book.stock > 3).limit(3).descending()
    assert_type(query.first(), Book | None)
    assert_type(query.one(), Book)
    assert_type(query.all(), list[Book])
    assert_type(query.count(), int)
    assert_type([book.title for book in query], list[str])
    assert_type(query.page(20, cursor), Page[Book])
    assert_type(query.page(20).items[0], Book)
    assert_type(query.page(20).cursor, str | None)
    assert_type(query.submit(), Pending[list[Book]])
    assert_type(await query.submit(), list[Book])
    assert_type(query.submit().result(), list[Book])
    assert_type(await submit(Book.get, isbn="1"), Book | None)
    assert_type(Book.scan().parallel(2).all(), list[Book])
    Book.query(isbn="1").sort(Book.stock, descending=True).fields(Book.title, Book.origin[Address.street])
    Book.scan().using(Book.by_title)
    future: Future[list[Book]] = query.submit()
    future.add_done_callback(lambda done: print(done.result()[0].title))
    print(Book.get(isbn="1").title)  # error
    print(query.first().title)  # error
    query.page("20")  # error
    query.where("stock > 3")  # error
    query.sort("stock")  # error
    print((await query.submit()).title)  # error
    Book.by_titel.query(title="Emma")  # error
    submit(Book.get, consistent="yes")  # error


def writes(book: Book) -> None:
    assert_type(book.put(), Book | None)
    assert_type(Book.delete(isbn="1", when=Book.stock == 0), Book | None)
    book.create(when=Book.title.missing())
    book.save(Book.stock == 3)
    Book.put_many([book])
    book.save(Book.stock == "3")  # error
    book.create(when=True)  # error
    Book.delete(isbn="1", when="stock = 0")  # error
    Book.put_many([Shop(id="1", open=True)])  # error


def updates() -> None:
    update = Book.update(isbn="1")
    assert_type(update, Update[Book])
    assert_type(update.run(), Book)
    assert_type(update.run("new"), Book)
    assert_type(update.run("old"), Book | None)
    assert_type(update.run("none"), None)
    assert_type(update.submit(), Pending[Book])
    assert_type(Book.stock + 1, Expression[int])
    update.set(Book.title, "Emma").set(Book.note, None).set(Book.note, "a").set(Book.weight, 3)
    update.set(Book.stock, Book.stock + 1).set(Book.stock, Book.stock.or_else(0) - 1).set(Book.title, Book.label)
    update.set(Book.note, Book.title).set(Book.loans, Book.stock + 1).set(Book.cover, "hard")
    update.set(Book.loans, Book.loans.or_else(0) + 1)
    update.set(Book.origin[Address.street], "a").set(Book.sales["a"], 3)
    update.add(Book.stock, -1).add(Book.loans, 1).add(Book.price, Decimal(1)).add(Book.weight, 1)
    update.add(Book.genres, {"a"}).delete(Book.genres, {"a"})
    update.append(Book.tags, "a", "b").prepend(Book.tags, "a").append(Book.awards, "a")
    update.remove(Book.note, Book.tags[0]).if_not_exists(Book.stock, 3).if_not_exists(Book.note, "a")
    update.when(Book.stock >= 1).when(None)
    update.set(Book.title, 3)  # error
    update.set(Book.title, None)  # error
    update.set(Book.stock, Book.title)  # error
    update.set(Book.title, Book.stock + 1)  # error
    update.set(Book.stock, Book.stock + "1")  # error
    update.set(Book.title, Book.title + "a")  # error: pyright
    update.set(Book.sales["a"], "3")  # error
    update.set(Book.cover, "paper")  # error
    update.set(Book.note, 3)  # error
    update.set("title", "Emma")  # error
    update.add(Book.title, 1)  # error
    update.add(Book.title, "a")  # error
    update.add(Book.stock, "1")  # error
    update.add(Book.stock, {1})  # error
    update.add(Book.genres, 1)  # error
    update.add(Book.genres, {1})  # error
    update.delete(Book.tags, {"a"})  # error
    update.append(Book.title, "a")  # error
    update.append(Book.tags, 3)  # error
    update.append(Book.awards, 3)  # error
    update.prepend(Book.stock, 3)  # error
    update.if_not_exists(Book.stock, "3")  # error
    update.remove("title")  # error
    update.when(Book.title == 3)  # error
    update.run("all")  # error


def transactions(book: Book) -> None:
    with transaction() as t:
        t.put(book, when=Book.stock == 0)
        t.update(Book.update(isbn="2").set(Book.title, "Emma"))
        t.delete(Book, isbn="3", when=Book.stock == 0)
        t.check(Shop, id="1", when=Shop.open == True)  # noqa: E712
        t.check(Shop, id="1", when=Shop.open == "yes")  # error
        t.check(Shop, id="1")  # error
        t.put("book")  # error
        t.update(book)  # error
    with transaction() as t:
        fetched = t.get(Book, isbn="1")
        assert_type(fetched, Fetched[Book])
    assert_type(fetched.value, Book | None)
    print(fetched.value.title)  # error


def hooks() -> None:
    @before("validate", Book)
    def validating(event: Validation) -> None: ...

    @before("create", Book, Shop, order=3)
    def creating(event: Creation) -> None:
        event.write.also.put(Shop(id="1", open=True))
        print(event.item.anything)  # an event's item is of any model

    @before("update")
    def updating(event: Updating) -> None:
        event.update.set(Book.title, "Emma").when(Book.stock == 3)

    @after("delete", Book)
    def deleting(event: Deletion) -> None: ...

    @after("load", Book)
    def loading(event: Loading) -> None: ...

    @after("query", Book)
    def querying(event: Querying) -> None: ...


def wrong_hooks() -> None:
    @before("create", Book)  # error
    def updating_at_creation(event: Updating) -> None: ...

    @after("delete", Book)  # error
    def deleting_and_telling(event: Deletion, more: str) -> None: ...

    @before("destroy", Book)  # error
    def no_kind(event: Deletion) -> None: ...

    @before("create", "Book")  # error
    def no_model(event: Creation) -> None: ...


def declarations() -> None:
    class Loose(Model, table="books"):  # error
        id: Attr[str]
        key = Key(pk="{id}")

    class Counted(Model, table=main):
        id: Attr[str]
        times: Attr[datetime] = timestamp(on="read")  # error
        keyed: Attr[str] = field(max_length="3")  # error
        key = Key("{id}", pk="{id}")  # error
        by_times = Index("gsi1", hash="{id}", sort="{times}")  # error
