from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, cast

import pytest

from chalicelib.dynamo.errors import (
    ConditionFailed,
    ConstraintViolated,
    DependsOnStored,
    Invalid,
    KeyChange,
    LimitExceeded,
    MissingAttribute,
    NotStored,
    OverlappingPaths,
    ReadOnly,
    Rejected,
    UnknownAttribute,
    Unstorable,
    WrongType,
)
from chalicelib.dynamo.expressions import Path
from chalicelib.dynamo.fields import Attr, combined, field
from chalicelib.dynamo.keys import Index, Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import main
from chalicelib.dynamo.transactions import Transaction
from chalicelib.dynamo.updates import Update

from .books import Book
from .products import KEY, Product, placed, product, stored

Change = Callable[[Update[Product]], Any]


def update() -> Update[Product]:
    return Product.update(**KEY)


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        (lambda u: u.set(Product.name, "Ink"), "name", "Ink"),
        (lambda u: u.set(Product.stock, 9), "stock", 9),
        (lambda u: u.set(Product.shelf, "  B "), "shelf", "B"),
        (lambda u: u.set(Product.shelf, None), "shelf", None),
        (lambda u: u.remove(Product.shelf, Product.price), "shelf", None),
        (lambda u: u.set(Product.stock, Product.stock + 2), "stock", 7),
        (lambda u: u.set(Product.stock, Product.stock - 2), "stock", 3),
        (lambda u: u.set(Product.stock, Product.doc["n"] + Product.stock), "stock", 12),
        (lambda u: u.set(Product.name, Product.shelf), "name", "S"),
        (lambda u: u.add(Product.stock, -2), "stock", 3),
        (lambda u: u.add(Product.price, Decimal("0.2")), "price", Decimal("0.3")),
        (lambda u: u.add(Product.tags, {"b", "c"}), "tags", {"a", "b", "c"}),
        (lambda u: u.delete(Product.tags, {"b"}), "tags", {"a"}),
        (lambda u: u.delete(Product.tags, {"a", "b"}), "tags", None),
        (lambda u: u.append(Product.log, "y", "z"), "log", ["x", "y", "z"]),
        (lambda u: u.prepend(Product.log, "y", "z"), "log", ["y", "z", "x"]),
        (lambda u: u.if_not_exists(Product.shelf, "B"), "shelf", "S"),
        (lambda u: u.if_not_exists(Product.origin, "B"), "origin", "B"),
        (lambda u: u.set(Product.stock, Product.stock.or_else(3) + 1), "stock", 6),
        (lambda u: u.set(Product.log[0], "y"), "log", ["y"]),
        (lambda u: u.set(Product.doc["m"]["k"], [1]), "doc", {"n": 7, "m": {"k": [1]}}),
        (lambda u: u.remove(Product.doc["m"]), "doc", {"n": 7}),
        (lambda u: u.set(Product.doc["n"], Product.doc["n"] + 1), "doc", {"n": 8, "m": {"k": 1}}),
        (lambda u: u.append(Product.doc["l"], 1), "doc", {"n": 7, "m": {"k": 1}, "l": [1]}),
    ],
)
def test_an_update_changes_this_and_nothing_else_and_indexes_follow(
    recorder: Recorder, change: Change, field: str, value: Any
) -> None:
    before = product(stock=5, price=Decimal("0.1"), shelf="S", tags={"a", "b"}, log=["x"], doc={"n": 7, "m": {"k": 1}})
    before.put()
    made = update()
    change(made)
    after = made.run()
    assert after == stored()
    assert getattr(after, field) == value
    changed = {name for name, old in before.__dict__.items() if getattr(after, name) != old}
    assert changed <= {field, "price"}


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        (lambda u: u.add(Product.price, Decimal(2)), "price", 2),
        (lambda u: u.add(Product.tags, {"a"}), "tags", {"a"}),
        (lambda u: u.append(Product.log, "x"), "log", ["x"]),
        (lambda u: u.prepend(Product.log, "x"), "log", ["x"]),
        (lambda u: u.if_not_exists(Product.shelf, " B "), "shelf", "B"),
        (lambda u: u.set(Product.price, Product.price.or_else(Decimal(3)) - Decimal(1)), "price", 2),
        (lambda u: u.remove(Product.shelf), "shelf", None),
        (lambda u: u.delete(Product.tags, {"a"}), "tags", None),
    ],
)
def test_what_is_not_there_begins_as_nothing(recorder: Recorder, change: Change, field: str, value: Any) -> None:
    product().put()
    made = update()
    change(made)
    assert getattr(made.run(), field) == value
    stored()


def test_several_changes_are_one_call(recorder: Recorder) -> None:
    product(log=["x"]).put()
    after = (
        update().set(Product.name, "Ink").append(Product.log, "y").add(Product.tags, {"a"}).remove(Product.doc).run()
    )
    assert (after.name, after.log, after.tags) == ("Ink", ["x", "y"], {"a"})
    assert recorder.operations.count("UpdateItem") == 1


@pytest.mark.parametrize(
    ("change", "error", "path"),
    [
        (lambda u: u.set(Product.id, "2"), KeyChange, ["id"]),
        (lambda u: u.set(Product.shop, "B"), KeyChange, ["shop"]),
        (lambda u: u.set(Path("pk"), "x"), KeyChange, ["pk"]),
        (lambda u: u.remove(Product.id), KeyChange, ["id"]),
        (lambda u: u.set(Product.origin, "x"), ReadOnly, ["origin"]),
        (lambda u: u.remove(Product.origin), ReadOnly, ["origin"]),
        (lambda u: u.set(Product.parts["a"], "x"), ReadOnly, ["parts", "a"]),
        (lambda u: u.remove(Product.name), MissingAttribute, ["name"]),
        (lambda u: u.set(Product.name, None), MissingAttribute, ["name"]),
        (lambda u: u.set(Book.note, "x"), UnknownAttribute, ["note"]),
        (lambda u: u.set(Product.stock, "9"), WrongType, ["stock"]),
        (lambda u: u.set(Product.stock, 1001), ConstraintViolated, ["stock"]),
        (lambda u: u.if_not_exists(Product.stock, 1001), ConstraintViolated, ["stock"]),
        (lambda u: u.add(Product.stock, "9"), WrongType, ["stock"]),
        (lambda u: u.add(Product.stock, 0.5), WrongType, ["stock"]),
        (lambda u: u.add(Product.tags, {1}), WrongType, ["tags"]),
        (lambda u: u.add(Product.tags, set()), Unstorable, ["tags"]),
        (lambda u: u.add(Product.name, "9"), WrongType, ["name"]),
        (lambda u: u.delete(Product.tags, {1}), WrongType, ["tags"]),
        (lambda u: u.delete(Product.stock, 1), WrongType, ["stock"]),
        (lambda u: u.append(Product.log, 1).run(), WrongType, ["log", 0]),
        (lambda u: u.set(Product.log[3], 1).run(), WrongType, ["log", 3]),
        (lambda u: u.when(Product.stock > cast("Any", "1")).run(), WrongType, ["stock"]),
    ],
)
def test_what_cannot_be_is_an_error_with_its_path_before_any_call(
    recorder: Recorder, change: Change, error: type[Invalid], path: list[Any]
) -> None:
    with pytest.raises(error) as refused:
        change(update())
    assert refused.value.path == path
    assert recorder.calls == []


@pytest.mark.parametrize(
    "change",
    [
        lambda u: u.set(Product.name, "a").set(Product.name, "b"),
        lambda u: u.set(Product.stock, 1).add(Product.stock, 1),
        lambda u: u.set(Product.doc["a"], 1).set(Product.doc["a"]["b"], 1),
        lambda u: u.set(Product.doc["a"]["b"], 1).remove(Product.doc),
        lambda u: u.set(Product.log[0], "x").append(Product.log, "y"),
        lambda u: u.add(Product.tags, {"a"}).delete(Product.tags, {"b"}),
    ],
)
def test_paths_that_overlap_are_refused_before_the_call(recorder: Recorder, change: Change) -> None:
    made = update().set(Product.price, Decimal(1))
    change(made)
    with pytest.raises(OverlappingPaths):
        made.run()
    assert recorder.calls == []


def test_neighbouring_paths_do_not_overlap(recorder: Recorder) -> None:
    product(doc={"a": 1, "ab": 1}, log=["x", "y"]).put()
    after = (
        update()
        .set(Product.doc["a"], 2)
        .remove(Product.doc["ab"])
        .set(Product.log[0], "z")
        .remove(Product.log[1])
        .run()
    )
    assert (after.doc, after.log) == ({"a": 2}, ["z"])


@pytest.mark.parametrize("path", [Product.doc["n"], Product.log[0]])
def test_only_whole_attributes_are_added_to(path: Path[Any]) -> None:
    with pytest.raises(Rejected, match="whole attributes only"):
        update().add(path, 1)


def test_limits_of_expressions_are_known_before_the_call(recorder: Recorder) -> None:
    long = update()
    for number in range(500):
        long.set(Product.doc[f"n{number}"], number)
    with pytest.raises(LimitExceeded, match="bytes; DynamoDB takes 4096"):
        long.run()
    assert recorder.calls == []


def test_an_empty_update_only_requires_that_the_item_is_there(recorder: Recorder) -> None:
    with pytest.raises(NotStored):
        update().run()
    product().put()
    assert update().run() == product()
    assert "UpdateExpression" not in recorder.calls[-1].parameters


def test_it_returns_what_is_asked_for(recorder: Recorder) -> None:
    product().put()
    assert update().set(Product.name, "a").run() == product(name="a")
    assert update().set(Product.name, "b").run(returning="old") == product(name="a")
    assert update().set(Product.name, "c").run(returning="none") is None
    assert Product.upsert(shop="B", id="1").set(Product.name, "x").run(returning="old") is None


def test_an_update_of_what_is_not_there_makes_nothing(recorder: Recorder) -> None:
    for made in (update().set(Product.price, Decimal(1)), update().add(Product.stock, 1)):
        with pytest.raises(NotStored) as refused:
            made.run()
        assert refused.value.item is None
    assert Product.get(shop="A", id="1") is None


def test_conditions_have_to_hold_together(recorder: Recorder) -> None:
    product(stock=1).put()
    made = update().set(Product.price, Decimal(1)).when(None).when(Product.stock >= 1).when(Product.name == "Ink")
    with pytest.raises(ConditionFailed) as refused:
        made.run()
    assert refused.value.item == product(stock=1).to_item()
    assert type(refused.value) is ConditionFailed


def test_an_update_through_what_is_no_map_is_rejected(recorder: Recorder) -> None:
    product().put()
    with pytest.raises(Rejected, match="UpdateItem: "):
        update().set(Path("name", "inner"), 1).run()


def test_an_upsert_makes_an_item_with_key_type_defaults_and_index_attributes(recorder: Recorder) -> None:
    after = Product.upsert(**KEY).set(Product.name, "Pen").set(Product.shelf, "S").run()
    assert after == product(shelf="S") == stored()
    assert after.stored == product(shelf="S").to_item()


def test_an_upsert_of_what_is_there_keeps_the_rest(recorder: Recorder) -> None:
    product(stock=5, origin="x").put()
    after = Product.upsert(**KEY).set(Product.name, "Ink").run()
    assert after == product(name="Ink", stock=5, origin="x") == stored()


def test_an_upsert_adds_to_nothing(recorder: Recorder) -> None:
    after = Product.upsert(**KEY).set(Product.name, "Pen").add(Product.stock, 2).run()
    assert after == product(stock=2) == stored()


def test_a_field_set_to_a_value_takes_no_read(recorder: Recorder) -> None:
    product(shelf="S").put()
    update().set(Product.price, Decimal(2)).run()
    update().set(Product.shelf, "T").run()
    assert recorder.operations == ["PutItem", "UpdateItem", "UpdateItem"]
    stored()


def test_where_an_index_needs_what_is_stored_the_update_reads_it_and_requires_it(recorder: Recorder) -> None:
    product(stock=5).put()
    update().set(Product.name, "Ink").run()
    assert recorder.operations == ["PutItem", "GetItem", "UpdateItem"]
    request = recorder.calls[-1].parameters
    assert "stock" in request["ExpressionAttributeNames"].values()
    assert {"N": "5"} in request["ExpressionAttributeValues"].values()
    assert placed(stored().to_item())["_i2r"] == {"S": "Ink#21305!"}


def test_it_is_planned_anew_when_what_it_read_has_changed(recorder: Recorder) -> None:
    product(stock=5).put()
    made = update().set(Product.name, "Ink")
    made.seen = product(stock=4).to_item()
    assert made.run() == product(name="Ink", stock=5) == stored()
    assert recorder.operations == ["PutItem", "UpdateItem", "GetItem", "UpdateItem", "GetItem"]


def test_concurrent_additions_to_an_indexed_number_lose_nothing(table: str) -> None:
    product().put()

    def add(_: int) -> None:
        for _ in range(10):
            update().add(Product.stock, 1).run()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add, range(2)))
    assert stored().stock == 20


def test_a_transaction_does_not_read_for_an_index(recorder: Recorder) -> None:
    with pytest.raises(DependsOnStored, match="decides where the item is in the index") as refused:
        Transaction().update(update().add(Product.stock, 1))
    assert refused.value.path == ["stock"]
    assert recorder.calls == []


def test_an_update_can_be_submitted(recorder: Recorder) -> None:
    product().put()
    assert update().set(Product.price, Decimal(1)).submit().result().price == 1


class Person(Model, table=main, type="person"):
    id: Attr[str]
    first: Attr[str | None] = field(default=None)
    last: Attr[str] = field(default="-")
    name: Attr[str | None] = combined("{last}, {first}")
    key = Key(pk="person#{id}")
    by_name = Index("gsi1", hash="person", range="{name}")


def test_a_combined_field_follows_its_parts_and_its_index_follows_it(recorder: Recorder) -> None:
    Person(id="1", first="Jane", last="Austen").create()
    changed = Person.update(id="1").set(Person.first, "Janet").run()
    assert changed.name == "Austen, Janet"
    assert placed(changed.stored or {}) == placed(changed.to_item())
    assert recorder.operations == ["PutItem", "GetItem", "UpdateItem"]
    gone = Person.update(id="1").remove(Person.first).run()
    assert gone.name is None
    assert "_i1r" not in (gone.stored or {})


def test_a_combined_field_of_an_item_that_an_upsert_makes_is_there(recorder: Recorder) -> None:
    made = Person.upsert(id="2").set(Person.first, "Ann").set(Person.last, "B").run()
    assert made.name == "B, Ann"
    assert recorder.operations == ["UpdateItem"]
