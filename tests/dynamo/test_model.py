from __future__ import annotations

import importlib.util
from pathlib import Path as File
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo.errors import ConditionFailed, Rejected
from chalicelib.dynamo.expressions import Path
from chalicelib.dynamo.model import Key
from chalicelib.dynamo.session import Recorder

from .books import Book, book
from .values import json_values, meaning, names


def test_a_field_is_a_path_on_the_class_and_a_value_on_an_instance() -> None:
    assert isinstance(Book.title, Path)
    assert Book.title.names == ("title",)
    assert Book.isbn.names == ("sk",)
    assert book().title == "Emma"


def test_a_field_can_be_assigned() -> None:
    one = book()
    one.stock = 3
    assert one == book(stock=3)
    assert one != book()


def test_a_model_needs_every_field_that_has_no_default() -> None:
    with pytest.raises(TypeError, match="Book needs title"):
        Book(shelf="A", isbn="1")  # type: ignore[call-arg]


def test_a_model_has_no_fields_but_its_own() -> None:
    with pytest.raises(TypeError, match="Book has no colour, size"):
        book(colour="red", size=3)


def test_a_field_has_its_default() -> None:
    assert (book().stock, book().note) == (0, None)


def test_models_are_equal_by_class_and_fields_and_cannot_be_hashed() -> None:
    assert book() == book()
    assert book() != object()
    with pytest.raises(TypeError, match="unhashable"):
        hash(book())


def test_the_representation_has_every_field() -> None:
    assert repr(book()) == "Book(shelf='A', isbn='1', title='Emma', stock=0, note=None, doc=None)"


def test_the_key_is_composed_of_fields() -> None:
    item = book("0-1").to_item()
    assert item["pk"] == {"S": "book#A"}
    assert item["sk"] == {"S": "0-1"}
    assert Key(pk="a#{x}", sk="-").item({"x": "{x}{0}", "y": 1}) == {"pk": {"S": "a#{x}{0}"}, "sk": {"S": "-"}}


def test_none_is_stored_as_an_absent_attribute() -> None:
    assert book().to_item() == {
        "pk": {"S": "book#A"},
        "sk": {"S": "1"},
        "shelf": {"S": "A"},
        "title": {"S": "Emma"},
        "stock": {"N": "0"},
    }


@given(st.text(), st.integers(), st.none() | st.text(), st.dictionaries(names, json_values))
def test_an_item_is_the_model_again(title: str, stock: int, note: str | None, doc: dict[str, Any]) -> None:
    stock %= 2**63
    before = book(title=title, stock=stock, note=note, doc=doc)
    after = Book.from_item(before.to_item())
    assert meaning(after.doc) == meaning(doc)
    after.doc = doc
    assert after == before


def test_an_attribute_that_is_no_field_is_left_out() -> None:
    assert Book.from_item({**book().to_item(), "_new": {"S": "x"}}) == book()


def test_an_absent_attribute_has_its_default_or_is_not_there() -> None:
    partial = Book.from_item({"sk": {"S": "1"}})
    assert (partial.isbn, partial.stock) == ("1", 0)
    with pytest.raises(AttributeError, match=r"Book\.title was not loaded"):
        _ = partial.title
    assert not hasattr(partial, "title")


def test_fields_are_found_without_postponed_annotations(tmp_path: File) -> None:
    source = tmp_path / "eager.py"
    source.write_text(
        "from chalicelib.dynamo.model import Attr, Key, Model, field\n"
        "from chalicelib.dynamo.tables import main\n"
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


def test_put_replaces_what_is_there(recorder: Recorder) -> None:
    book(note="old").put()
    book(title="Persuasion").put()
    assert Book.get(shelf="A", isbn="1") == book(title="Persuasion")


def test_a_put_whose_condition_fails_has_the_stored_item(recorder: Recorder) -> None:
    book(stock=5, doc={"a": b"\x00\xff"}).put(Book.isbn.missing())
    with pytest.raises(ConditionFailed) as refused:
        book(stock=6).put(Book.isbn.missing())
    assert refused.value.item is not None
    assert Book.from_item(refused.value.item) == book(stock=5, doc={"a": b"\x00\xff"})
    assert Book.get(shelf="A", isbn="1") == book(stock=5, doc={"a": b"\x00\xff"})


def test_a_put_whose_condition_fails_without_an_item_has_none(recorder: Recorder) -> None:
    with pytest.raises(ConditionFailed) as refused:
        book().put(Book.isbn.exists())
    assert refused.value.item is None


def test_an_update_gives_the_object_as_it_is_after(recorder: Recorder) -> None:
    book(stock=5, note="x").put()
    after = (
        Book.update(shelf="A", isbn="1")
        .set(Book.stock, Book.stock.plus(-1))
        .set(Book.title, "Persuasion")
        .remove(Book.note)
        .when(None)
        .when(Book.stock >= 1)
        .when(Book.note == "x")
        .run()
    )
    assert after == book(stock=4, title="Persuasion")
    assert Book.get(shelf="A", isbn="1") == after


def test_an_update_makes_an_item_that_is_not_there(recorder: Recorder) -> None:
    after = Book.update(shelf="A", isbn="1").set(Book.stock, Book.stock.or_else(10).plus(1)).run()
    assert (after.isbn, after.stock) == ("1", 11)


def test_an_update_appends_to_a_list(recorder: Recorder) -> None:
    tags = Path("_doc", "tags")
    book(doc={}).put()
    for more in ([1], [2, 3]):
        Book.update(shelf="A", isbn="1").set(tags, tags.followed_by(more)).run()
    after = Book.get(shelf="A", isbn="1")
    assert after is not None
    assert after.doc == {"tags": [1, 2, 3]}


def test_an_update_whose_condition_fails_has_the_stored_item(recorder: Recorder) -> None:
    book(stock=0).put()
    with pytest.raises(ConditionFailed) as refused:
        Book.update(shelf="A", isbn="1").set(Book.stock, Book.stock.plus(-1)).when(Book.stock >= 1).run()
    assert refused.value.item is not None
    assert Book.from_item(refused.value.item) == book(stock=0)


def test_an_update_through_what_is_no_map_is_rejected(recorder: Recorder) -> None:
    book().put()
    with pytest.raises(Rejected, match="UpdateItem: "):
        Book.update(shelf="A", isbn="1").set(Path("title", "inner"), 1).run()


def test_delete_gives_what_was_there(recorder: Recorder) -> None:
    book().put()
    assert Book.delete(shelf="A", isbn="1") == book()
    assert Book.delete(shelf="A", isbn="1") is None
    assert Book.get(shelf="A", isbn="1") is None


def test_a_delete_whose_condition_fails_has_the_stored_item(recorder: Recorder) -> None:
    book(stock=1).put()
    with pytest.raises(ConditionFailed) as refused:
        Book.delete(when=Book.stock == 0, shelf="A", isbn="1")
    assert refused.value.item == book(stock=1).to_item()
    assert Book.get(shelf="A", isbn="1") == book(stock=1)
