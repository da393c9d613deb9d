from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

import pytest

from chalicelib.dynamo.errors import ConditionFailed, ConstraintViolated, NotStored, Refused, TransactionFailed
from chalicelib.dynamo.expressions import Path
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.hooks import (
    Creation,
    Deletion,
    Event,
    Kind,
    Loading,
    Querying,
    Updating,
    Validation,
    after,
    before,
    remove,
)
from chalicelib.dynamo.keys import Index, Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.plugins import Registry
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import main
from chalicelib.dynamo.transactions import transaction

KINDS: tuple[Kind, ...] = get_args(Kind)
Register = Callable[..., None]


class Book(Model, table=main, type="book"):
    isbn: Attr[str]
    title: Attr[str] = field(default="Emma")
    stock: Attr[int] = field(default=0, le=9)
    key = Key(pk="BOOK#{isbn}")
    by_title = Index("gsi1", hash="titles", range="{title}")


class Atlas(Book, type="atlas"):
    pass


class Audit(Model, table=main, type="audit"):
    of: Attr[str]
    key = Key(pk="AUDIT#{of}")


@pytest.fixture
def register() -> Iterator[Register]:
    """Registers a function until the test ends: ``register("before", "create", function, Book)``."""
    registered: list[tuple[Any, tuple[type[Model], ...]]] = []

    def registering(
        when: Literal["before", "after"], kind: Any, function: Any, *models: type[Model], order: int = 0
    ) -> None:
        registered.append((function, models))
        decorate: Any = before if when == "before" else after
        decorate(kind, *models, order=order)(function)

    yield registering
    for function, models in registered:
        remove(function, *models)


@pytest.fixture
def events(register: Register, recorder: Recorder) -> list[str]:
    """What happens to books, and between which calls."""
    happened: list[str] = []

    def note(when: str, kind: Kind) -> Callable[[Event], None]:
        return lambda _: happened.append(f"{when} {kind}, {len(recorder.calls)} calls")

    for kind in KINDS:
        register("before", kind, note("before", kind), Book)
        register("after", kind, note("after", kind), Book)
    return happened


def refuse(_: Event) -> None:
    raise Refused("not today")


def test_functions_are_called_around_a_creation(events: list[str]) -> None:
    Book(isbn="1").create()
    assert events == [
        "before create, 0 calls",
        "before validate, 0 calls",
        "after validate, 0 calls",
        "after create, 1 calls",
    ]


def test_functions_are_called_around_an_update_by_key(events: list[str]) -> None:
    Book.upsert(isbn="1").set(Book.stock, 1).run("none")
    assert events == ["before update, 0 calls", "after update, 1 calls"]


def test_functions_are_called_around_a_save(events: list[str]) -> None:
    book = Book(isbn="1")
    book.create()
    events.clear()
    book.stock = 3
    book.save()
    assert events[:3] == ["before validate, 1 calls", "after validate, 1 calls", "before update, 1 calls"]
    assert events[-1] == "after update, 2 calls"
    events.clear()
    book.save()
    assert [event for event in events if "update" in event] == []


@pytest.mark.parametrize("delete", [lambda: Book.delete(isbn="1"), lambda: Book(isbn="1").destroy()])
def test_functions_are_called_around_a_deletion(delete: Callable[[], object], events: list[str]) -> None:
    delete()
    assert events == ["before delete, 0 calls", "after delete, 1 calls"]


def test_functions_are_called_around_loading_and_queries(events: list[str]) -> None:
    Book(isbn="1").put()
    events.clear()
    Book.get(isbn="1")
    assert events == ["before load, 2 calls", "after load, 2 calls"]
    events.clear()
    Book.by_title.query().run()
    Book.scan().all()
    loading = ["before load, {} calls", "after load, {} calls"]
    assert events == [
        *["before query, 2 calls", *[each.format(3) for each in loading], "after query, 3 calls"],
        *["before query, 3 calls", *[each.format(4) for each in loading], "after query, 4 calls"],
    ]


def test_a_transaction_calls_them_when_planned_and_when_done(events: list[str]) -> None:
    Book(isbn="2").put()
    events.clear()
    with transaction() as t:
        t.create(Book(isbn="1"))
        t.update(Book.update(isbn="2").set(Book.stock, 1))
        t.delete(Book, isbn="3")
        t.check(Audit, Path[str]("of").missing(), of="1")
    kinds = [event for event in events if "validate" not in event]
    assert kinds == [
        *["before create, 1 calls", "before update, 1 calls", "before delete, 1 calls"],
        *["after create, 2 calls", "after update, 2 calls", "after delete, 2 calls"],
    ]


def test_a_function_may_be_of_several_models_and_is_of_no_others(register: Register, recorder: Recorder) -> None:
    seen: list[type[Model]] = []
    register("before", "create", lambda event: seen.append(event.model), Book, Audit)
    for model in (Book(isbn="1"), Audit(of="1"), Other(id="1")):
        model.put()
    assert seen == [Book, Audit]


class Other(Model, table=main, type="other"):
    id: Attr[str]
    key = Key(pk="OTHER#{id}")


def test_one_without_models_is_of_all_and_of_those_to_come(register: Register, recorder: Recorder) -> None:
    seen: list[str] = []
    register("before", "create", lambda event: seen.append(event.model.__name__))

    class Later(Other):
        pass

    for model in (Book(isbn="1"), Later(id="1")):
        model.put()
    assert seen == ["Book", "Later"]


def test_a_function_that_was_removed_is_called_no_more(recorder: Recorder) -> None:
    seen: list[Event] = []
    models: list[tuple[type[Model], ...]] = [(), (Other,), (Other, Audit)]
    for given in models:
        before("create", *given)(seen.append)
        remove(seen.append, *given)
    Other(id="1").put()
    Audit(of="1").put()
    assert seen == []


def test_the_order_is_by_number_then_all_models_inherited_plugins_own(register: Register, recorder: Recorder) -> None:
    seen: list[str] = []

    def note(name: str) -> Callable[[Event], None]:
        return lambda _: seen.append(name)

    class Plugin:
        def register(self, registry: Registry) -> None:
            registry.before("create", note(f"plugin of {registry.model.__name__}"))

    class Base(Model, plugins=[Plugin()]):
        pass

    class Derived(Base, table=main):
        id: Attr[str]
        key = Key(pk="{id}")

    register("before", "create", note("own"), Derived)
    register("before", "create", note("own second"), Derived)
    register("before", "create", note("own early"), Derived, order=-1)
    register("before", "create", note("inherited"), Base)
    register("before", "create", note("inherited late"), Base, order=1)
    register("before", "create", note("all"))
    Derived(id="1").put()
    own = ["own", "own second"]
    assert seen == ["own early", "all", "inherited", "plugin of Derived", *own, "inherited late"]


def test_models_inherit_what_any_of_their_bases_is_given_later(register: Register, recorder: Recorder) -> None:
    class First(Model):
        pass

    class Second(Model):
        pass

    class Both(First, Second, table=main):
        id: Attr[str]
        key = Key(pk="{id}")

    seen: list[str] = []
    register("before", "create", lambda _: seen.append("own"), Both)
    register("before", "create", lambda _: seen.append("first"), First)
    register("before", "create", lambda _: seen.append("second"), Second)
    Both(id="1").put()
    assert seen == ["second", "first", "own"]


def test_a_derived_model_s_functions_are_not_its_base_s(register: Register, recorder: Recorder) -> None:
    seen: list[type[Model]] = []
    register("before", "create", lambda event: seen.append(event.model), Book)
    register("before", "create", refuse, Atlas)
    Book(isbn="1").put()
    with pytest.raises(Refused):
        Atlas(isbn="2").put()
    assert seen == [Book, Atlas]


def test_what_models_do_not_do_cannot_be_hooked() -> None:
    with pytest.raises(TypeError, match="models do not destroy; they validate, create"):
        before("destroy", Book)  # type: ignore[call-overload]


WRITES: dict[str, tuple[Kind, Callable[[], object]]] = {
    "create": ("create", lambda: Book(isbn="1").create()),
    "put": ("create", lambda: Book(isbn="1").put()),
    "put_many": ("create", lambda: Book.put_many([Book(isbn="1")])),
    "save of a new one": ("create", lambda: Book(isbn="1").save()),
    "update": ("update", lambda: Book.update(isbn="1").set(Book.stock, 1).run()),
    "upsert": ("update", lambda: Book.upsert(isbn="1").set(Book.stock, 1).run()),
    "delete": ("delete", lambda: Book.delete(isbn="1")),
    "destroy": ("delete", lambda: Book(isbn="1").destroy()),
    "delete_many": ("delete", lambda: Book.delete_many([{"isbn": "1"}])),
    "validate": ("validate", lambda: Book(isbn="1").validate()),
    "query": ("query", lambda: Book.by_title.query().all()),
    "transaction": ("create", lambda: transacted(Book(isbn="1"))),
}


def transacted(book: Book) -> None:
    with transaction() as t:
        t.put(Audit(of="1"))
        t.put(book)


@pytest.mark.parametrize("write", WRITES)
def test_what_is_refused_before_makes_no_call(write: str, register: Register, recorder: Recorder) -> None:
    kind, function = WRITES[write]
    register("before", kind, refuse, Book)
    with pytest.raises(Refused, match="not today"):
        function()
    assert recorder.calls == []


def test_what_is_refused_afterwards_has_happened(register: Register, recorder: Recorder) -> None:
    register("after", "create", refuse, Book)
    register("after", "update", refuse, Book)
    book = Book(isbn="1")
    with pytest.raises(Refused):
        book.create()
    book.stock = 3
    with pytest.raises(Refused):
        book.save()
    assert Book.get(isbn="1") == book
    assert book.stored is not None
    assert book.stored["stock"] == {"N": "3"}


def test_functions_before_may_change_what_is_written(register: Register, recorder: Recorder) -> None:
    def shout(event: Creation) -> None:
        event.item.title = event.item.title.upper()

    def count(event: Updating) -> None:
        event.update.add(Book.stock, 1)

    register("before", "create", shout, Book)
    register("before", "update", count, Book)
    book = Book(isbn="1", title="Emma")
    book.create()
    assert (book.title, Book.get(isbn="1")) == ("EMMA", book)
    book.title = "Persuasion"
    book.save()
    assert (book.stock, Book.get(isbn="1")) == (1, book)
    assert Book.update(isbn="1").set(Book.title, "Emma").run().stock == 2
    assert Book.upsert(isbn="2").set(Book.title, "Emma").run().stock == 1


def test_an_index_follows_what_functions_change_of_an_object_that_is_saved(
    register: Register, recorder: Recorder
) -> None:
    Book(isbn="1", title="Emma").create()
    register("before", "update", lambda event: event.update.set(Book.title, "Persuasion"), Book)
    book = Book.get(isbn="1")
    assert book is not None
    book.stock = 3
    book.save()
    assert Book.by_title.query(title="Persuasion").all() == [book]
    assert book.title == "Persuasion"


def test_functions_before_may_add_a_condition(register: Register, recorder: Recorder) -> None:
    Book(isbn="1", stock=3).put()
    register("before", "create", lambda event: event.write.require(Book.stock == 0), Book)
    register("before", "update", lambda event: event.update.when(Book.stock < 3), Book)
    register("before", "delete", lambda event: event.write.require(Book.stock < 3), Book)
    for write in ("put", "update", "delete"):
        with pytest.raises(ConditionFailed) as refused:
            WRITES[write][1]()
        assert refused.value.item is not None
    assert Book.get(isbn="1") == Book(isbn="1", stock=3)


def test_what_functions_make_invalid_is_not_written(register: Register, recorder: Recorder) -> None:
    register("before", "validate", lambda event: setattr(event.item, "stock", 10), Book)
    with pytest.raises(ConstraintViolated, match="stock"):
        Book(isbn="1").put()
    assert recorder.calls == []


def test_a_creation_knows_whether_it_replaces_and_afterwards_what_is_stored(
    register: Register, recorder: Recorder
) -> None:
    seen: list[tuple[bool, Any]] = []
    register("after", "create", lambda event: seen.append((event.replaces, event.stored["stock"])), Book)
    Book(isbn="1", stock=1).create()
    Book(isbn="1", stock=2).put()
    assert seen == [(False, {"N": "1"}), (True, {"N": "2"})]


def test_after_an_update_the_item_is_what_it_has_become(register: Register, recorder: Recorder) -> None:
    seen: list[Any] = []
    register("after", "update", lambda event: seen.append(event.item), Book)
    book = Book(isbn="1")
    book.create()
    new = Book.update(isbn="1").set(Book.stock, 1).run()
    Book.update(isbn="1").set(Book.stock, 2).run("old")
    Book.update(isbn="1").set(Book.stock, 3).run("none")
    book.stock = 4
    book.save()
    assert seen == [new, None, None, book]


def test_after_a_deletion_the_item_is_what_was_there(register: Register, recorder: Recorder) -> None:
    seen: list[Any] = []
    register("after", "delete", lambda event: seen.append(event.item), Book)
    book = Book(isbn="1", stock=3)
    book.create()
    Book.delete(isbn="1")
    Book.delete(isbn="1")
    book.destroy()
    assert seen == [book, None, book]
    assert book.stored is None


def test_functions_may_change_what_is_loaded(register: Register, recorder: Recorder) -> None:
    def rename(event: Loading) -> None:
        event.stored["title"] = {"S": event.stored["title"]["S"] + "!"}

    Book(isbn="1", title="Emma").put()
    register("before", "load", rename, Book)
    register("after", "load", lambda event: setattr(event.item, "stock", 7), Book)
    loaded = Book.get(isbn="1")
    assert loaded == Book(isbn="1", title="Emma!", stock=7)
    assert loaded.stored is not None
    assert loaded.stored["title"] == {"S": "Emma"}
    loaded.save()
    remove(rename, Book)
    assert Book.get(isbn="1") == Book(isbn="1", title="Emma!", stock=7)


def test_functions_may_change_a_query_and_what_it_found(register: Register, recorder: Recorder) -> None:
    for isbn in "123":
        Book(isbn=isbn).put()

    def limit(event: Querying) -> None:
        event.request["Limit"] = 2

    def drop(event: Querying) -> None:
        del event.items[0]

    register("before", "query", limit, Book)
    register("after", "query", drop, Book)
    assert len(Book.by_title.query().run().items) == 1
    assert len(Book.by_title.query().all()) == 1


def audit(event: Creation | Updating | Deletion) -> None:
    event.write.also.put(Audit(of=event.model.__name__))


@pytest.mark.parametrize("write", ["create", "put", "save of a new one", "upsert", "delete", "destroy", "transaction"])
def test_further_writes_happen_with_the_write(write: str, register: Register, recorder: Recorder) -> None:
    kind, function = WRITES[write]
    register("before", kind, audit, Book)
    if kind == "delete":
        Book(isbn="1").put()
    function()
    assert (Book.get(isbn="1") is None) == (kind == "delete")
    assert Audit.get(of="Book") is not None
    assert recorder.operations.count("TransactWriteItems") == 1


def test_a_saved_object_is_what_is_stored_when_further_writes_happened(register: Register, recorder: Recorder) -> None:
    book = Book(isbn="1")
    book.create()
    register("before", "update", audit, Book)
    book.stock = 3
    book.save()
    assert Book.get(isbn="1") == book
    assert Book.update(isbn="1").add(Book.stock, 1).run().stock == 4


def test_neither_happens_when_one_is_refused(register: Register, recorder: Recorder) -> None:
    def require(event: Creation) -> None:
        event.write.also.update(Book.update(isbn="2").set(Book.stock, 1))

    register("before", "create", require, Book)
    done: list[Event] = []
    register("after", "create", done.append, Book)
    with pytest.raises(NotStored):
        Book(isbn="1").create()
    with pytest.raises(TransactionFailed), transaction() as t:
        t.create(Book(isbn="1"))
    assert (Book.scan().all(), done) == ([], [])


def test_functions_of_the_further_writes_models_are_called(register: Register, recorder: Recorder) -> None:
    register("before", "create", audit, Book)
    register("before", "create", lambda event: event.write.also.put(Other(id="1")), Audit)
    Book(isbn="1").create()
    assert Other.get(id="1") == Other(id="1")


@pytest.mark.parametrize("write", ["update", "delete", "create"])
def test_nothing_is_called_after_a_failure(write: str, register: Register, recorder: Recorder) -> None:
    kind, function = WRITES[write]
    done: list[Event] = []
    register("after", kind, done.append, Book)
    register("before", kind, fail, Book)
    with pytest.raises(ConditionFailed):
        function()
    assert done == []


def fail(event: Creation | Updating | Deletion) -> None:
    event.write.require(Book.title == "Nothing")


def test_validation_is_told_the_object(register: Register) -> None:
    seen: list[Validation] = []
    register("after", "validate", seen.append, Book)
    book = Book(isbn="1")
    book.validate()
    assert [event.item for event in seen] == [book]
