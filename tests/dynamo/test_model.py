from __future__ import annotations

import importlib.util
from pathlib import Path as File
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo.errors import (
    AlreadyExists,
    ConditionFailed,
    ConstraintViolated,
    KeyTooLong,
    MissingAttribute,
    NotStored,
    UnknownAttribute,
    WrongType,
)
from chalicelib.dynamo.expressions import Path
from chalicelib.dynamo.fields import Attr
from chalicelib.dynamo.keys import Index, Key
from chalicelib.dynamo.layout import Layout
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import Table, main

from .books import Book, book
from .products import Product, product
from .values import json_values, meaning, names


def test_a_field_is_a_path_on_the_class_and_a_value_on_an_instance() -> None:
    assert isinstance(Book.title, Path)
    assert Book.title.names == ("title",)
    assert Book.isbn.names == ("sk",)
    assert book().title == "Emma"


def test_models_are_equal_by_class_and_fields_and_cannot_be_hashed() -> None:
    one = book()
    one.stock = 3
    assert one == book(stock=3) != book()
    assert one != object()
    with pytest.raises(TypeError, match="unhashable"):
        hash(book())


def test_a_model_needs_every_field_that_has_no_default_and_has_no_others() -> None:
    with pytest.raises(TypeError, match="Book needs title"):
        Book(shelf="A", isbn="1")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Book has no colour, size"):
        book(colour="red", size=3)
    assert (book().stock, book().note) == (0, None)


def test_the_representation_has_every_field() -> None:
    assert repr(book()) == "Book(shelf='A', isbn='1', title='Emma', stock=0, note=None, doc=None)"


def test_an_item_has_the_key_the_fields_that_are_not_none_the_indexes_and_the_type() -> None:
    assert book("0-1").to_item() == {
        "pk": {"S": "book#A"},
        "sk": {"S": "0-1"},
        "shelf": {"S": "A"},
        "title": {"S": "Emma"},
        "stock": {"N": "0"},
    }
    assert product(shelf="S").to_item() == {
        "pk": {"S": "product#A"},
        "sk": {"S": "1"},
        "shop": {"S": "A"},
        "id": {"S": "1"},
        "name": {"S": "Pen"},
        "stock": {"N": "0"},
        "shelf": {"S": "S"},
        "_i1h": {"S": "A"},
        "_i1r": {"S": "1"},
        "_i2h": {"S": "shelf#S"},
        "_i2r": {"S": "Pen#1"},
        "_i3h": {"S": "priced"},
        "_type": {"S": "product"},
    }


@given(st.text(), st.integers(), st.none() | st.text(), st.dictionaries(names, json_values))
def test_an_item_is_the_model_again(title: str, stock: int, note: str | None, doc: dict[str, Any]) -> None:
    stock %= 2**63
    before = book(title=title, stock=stock, note=note, doc=doc)
    after = Book.from_item(before.to_item())
    assert meaning(after.doc) == meaning(doc)
    after.doc = doc
    assert after == before


def test_an_absent_attribute_has_its_default_unless_it_was_not_asked_for() -> None:
    item = {"sk": {"S": "1"}, "_new": {"S": "x"}}
    whole, part = Book.from_item(item), Book.from_item(item, ["isbn", "note"])
    assert whole.__dict__ == {"isbn": "1", "stock": 0, "note": None, "doc": None}
    assert part.__dict__ == {"isbn": "1", "note": None}
    with pytest.raises(AttributeError, match=r"Book\.title was not loaded"):
        _ = whole.title
    with pytest.raises(MissingAttribute, match="shelf was not loaded"):
        whole.to_item()


def test_an_item_of_another_model_is_not_loaded() -> None:
    with pytest.raises(WrongType, match="_type is None, not 'product'"):
        Product.from_item(book().to_item())
    with pytest.raises(WrongType, match="stock is stored as S"):
        Book.from_item({**book().to_item(), "stock": {"S": "1"}})


def test_validate_is_what_a_write_would_check() -> None:
    product().validate()
    with pytest.raises(ConstraintViolated, match="stock"):
        product(stock=1001).validate()
    with pytest.raises(KeyTooLong):
        product(id="").validate()


def test_a_model_without_a_key_has_its_tables() -> None:
    class Plain(Model, table=Table("plain", Layout("id", "at", types={"at": "N"}))):
        id: Attr[str]
        at: Attr[int]

    assert Plain(id="a", at=5).to_item() == {"id": {"S": "a"}, "at": {"N": "5"}}
    with pytest.raises(TypeError, match="Other needs a key"):

        class Other(Model, table=main):
            id: Attr[str]


def test_a_model_inherits_fields_key_and_indexes_and_each_has_its_own() -> None:
    class Magazine(Product, type="magazine"):
        issue: Attr[int]
        by_stock = Index("gsi1", hash="{shop}", range="{issue}")

    item = Magazine(shop="A", id="1", name="x", issue=7).to_item()
    assert (item["pk"], item["_i1r"], item["_type"]) == ({"S": "product#A"}, {"S": "21307!"}, {"S": "magazine"})
    assert product(stock=7).to_item()["_i1r"] == {"S": "21307!"}
    assert Magazine.query(shop="A", issue=7).plan.index == "gsi1"


def test_fields_are_found_without_postponed_annotations(tmp_path: File) -> None:
    source = tmp_path / "eager.py"
    source.write_text(
        "from chalicelib.dynamo import Attr, Key, Model, field, main\n"
        "class Pen(Model, table=main):\n"
        "    colour: Attr[str] = field(name='sk')\n"
        "    key = Key(pk='pen', sk='{colour}')\n"
    )
    spec = importlib.util.spec_from_file_location("eager", source)
    assert spec is not None
    assert spec.loader is not None
    eager = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(eager)
    assert eager.Pen(colour="red").to_item() == {"pk": {"S": "pen"}, "sk": {"S": "red"}}


def test_what_was_put_is_got(recorder: Recorder) -> None:
    one = book(stock=2**63 - 1, doc={"a": [1.5, {"b": None}]})
    one.put()
    assert Book.get(shelf="A", isbn="1") == one
    assert Book.get(consistent=True, shelf="A", isbn="1") == one
    assert Book.get(shelf="A", isbn="2") is None
    assert recorder.operations == ["PutItem", "GetItem", "GetItem", "GetItem"]
    assert [call.parameters.get("ConsistentRead") for call in recorder.calls] == [None, False, True, False]


def test_what_is_got_in_part_is_a_part(recorder: Recorder) -> None:
    book(note="x").put()
    found = Book.get(shelf="A", isbn="1", fields=[Book.note])
    assert found is not None
    assert found.__dict__ == {"shelf": "A", "isbn": "1", "note": "x"}


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ({"shelf": "A"}, MissingAttribute),
        ({"shelf": "A", "isbn": None}, MissingAttribute),
        ({"shelf": "A", "isbn": 1}, WrongType),
        ({"shelf": "A", "isbn": ""}, KeyTooLong),
        ({"shelf": "A", "isbn": "1", "title": "Emma"}, UnknownAttribute),
    ],
)
def test_a_key_is_its_fields_and_no_others(recorder: Recorder, key: dict[str, Any], error: type[Exception]) -> None:
    for operation in (Book.get, Book.delete, Book.update, Book.upsert):
        with pytest.raises(error):
            operation(**key)
    assert recorder.calls == []


def test_create_stores_what_is_new(recorder: Recorder) -> None:
    book(note="old").create()
    with pytest.raises(AlreadyExists) as refused:
        book(note="new").create()
    assert refused.value.item == book(note="old").to_item()
    with pytest.raises(ConditionFailed) as failed:
        book("2").create(Book.stock.exists())
    assert type(failed.value) is ConditionFailed
    assert Book.query(shelf="A").all() == [book(note="old")]


def test_put_replaces_what_is_there_and_gives_it(recorder: Recorder) -> None:
    assert book(note="old").put() is None
    assert book(title="Persuasion").put() == book(note="old")
    assert Book.get(shelf="A", isbn="1") == book(title="Persuasion")


def test_a_put_whose_condition_fails_has_the_stored_item(recorder: Recorder) -> None:
    book(stock=5, doc={"a": b"\x00\xff"}).put(Book.isbn.missing())
    with pytest.raises(ConditionFailed) as refused:
        book(stock=6).put(Book.isbn.missing())
    assert refused.value.item is not None
    assert Book.from_item(refused.value.item) == book(stock=5, doc={"a": b"\x00\xff"})
    with pytest.raises(ConditionFailed) as absent:
        book("2").put(Book.isbn.exists())
    assert absent.value.item is None


def test_delete_gives_what_was_there(recorder: Recorder) -> None:
    book(stock=1).put()
    with pytest.raises(ConditionFailed) as refused:
        Book.delete(when=Book.stock == 0, shelf="A", isbn="1")
    assert refused.value.item == book(stock=1).to_item()
    assert Book.delete(shelf="A", isbn="1") == book(stock=1)
    assert Book.delete(shelf="A", isbn="1") is None
    assert Book.get(shelf="A", isbn="1") is None


def test_destroy_deletes_the_objects_item_and_the_object_is_new_again(recorder: Recorder) -> None:
    one = book()
    one.create()
    with pytest.raises(ConditionFailed):
        one.destroy(Book.stock > 0)
    one.destroy()
    assert Book.get(shelf="A", isbn="1") is None
    one.save()
    assert recorder.operations == ["PutItem", "DeleteItem", "DeleteItem", "GetItem", "PutItem"]


def test_update_and_upsert_differ_where_nothing_is_stored(recorder: Recorder) -> None:
    with pytest.raises(NotStored):
        Book.update(shelf="A", isbn="1").set(Book.title, "Emma").run()
    assert Book.upsert(shelf="A", isbn="1").set(Book.title, "Emma").run() == book()


def test_models_of_one_table_do_not_find_each_other(recorder: Recorder) -> None:
    class Box(Model, table=main, type="box"):
        shop: Attr[str]
        id: Attr[str]
        key = Key(pk="product#{shop}", sk="box#{id}")

    product().put()
    Box(shop="A", id="1").put()
    assert Product.query(shop="A").all() == [product()]
    assert Product.scan().all() == [product()]
    assert Box.query(shop="A").all() == [Box(shop="A", id="1")]
    assert Box.query(shop="A").count() == 1
