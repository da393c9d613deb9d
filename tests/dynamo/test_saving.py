from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.dynamo.errors import ConditionFailed, Invalid, KeyChange, MissingAttribute, NotStored, ReadOnly
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import main

from .products import KEY, Product, placed, product, stored

FULL: dict[str, Any] = {
    "stock": 5,
    "price": Decimal(2),
    "shelf": "S",
    "tags": {"a"},
    "log": ["x"],
    "doc": {"n": 7, "m": {"k": [1]}},
    "origin": "here",
}


def sent(recorder: Recorder) -> dict[str, Any]:
    """What the last update set, None for what it removed, by stored name."""
    request = recorder.calls[-1].parameters
    assert recorder.calls[-1].operation == "UpdateItem"
    text = request["UpdateExpression"]
    for placeholder, name in request["ExpressionAttributeNames"].items():
        text = text.replace(f"{placeholder} ", f"{name} ").replace(f"{placeholder},", f"{name},")
        text = text.removesuffix(placeholder) + (name if text.endswith(placeholder) else "")
    setting, _, removing = text.removeprefix("SET ").partition("REMOVE ")
    made: dict[str, Any] = dict.fromkeys(filter(None, removing.split(", ")))
    for assignment in filter(None, setting.strip().split(", ")):
        name, value = assignment.split(" = ")
        made[name] = request["ExpressionAttributeValues"][value]
    return made


def change(name: str, value: Any) -> Callable[[Product], None]:
    return lambda loaded: setattr(loaded, name, value)


@pytest.mark.parametrize(
    ("edit", "changes"),
    [
        (change("price", Decimal(3)), {"p": {"N": "3"}, "_i3r": {"S": "21303!"}}),
        (change("price", None), {"p": None, "_i3r": None}),
        (change("shelf", " T "), {"shelf": {"S": "T"}, "_i2h": {"S": "shelf#T"}}),
        (change("shelf", None), {"shelf": None, "_i2h": None}),
        (change("name", "Ink"), {"name": {"S": "Ink"}, "_i2r": {"S": "Ink#21305!"}}),
        (lambda loaded: loaded.log.append("y"), {"log": {"L": [{"S": "x"}, {"S": "y"}]}}),
        (lambda loaded: loaded.tags.add("b"), {"tags": {"SS": ["a", "b"]}}),
        (
            lambda loaded: loaded.doc["m"]["k"].append(2),
            {"doc": {"M": {"n": {"N": "7"}, "m": {"M": {"k": {"L": [{"N": "1"}, {"N": "2"}]}}}}}},
        ),
    ],
)
def test_only_what_changed_is_sent_and_index_attributes_follow(
    recorder: Recorder, edit: Callable[[Product], None], changes: dict[str, Any]
) -> None:
    product(**FULL).put()
    loaded = stored()
    edit(loaded)
    loaded.save()
    assert sent(recorder) == changes
    assert loaded == stored()
    assert loaded.stored == loaded.to_item()


def test_nothing_is_sent_when_nothing_changed(recorder: Recorder) -> None:
    made = product(**FULL)
    made.put()
    loaded = stored()
    recorder.calls.clear()
    made.save()
    loaded.log = list(loaded.log or [])
    loaded.save()
    assert recorder.calls == []


def test_a_new_object_is_created_and_then_updated(recorder: Recorder) -> None:
    made = product()
    made.save()
    made.stock = 3
    made.save()
    assert recorder.operations == ["PutItem", "UpdateItem"]
    assert stored() == product(stock=3)


def test_what_is_no_longer_there_is_not_made_again(recorder: Recorder) -> None:
    made = product()
    made.create()
    Product.delete(shop="A", id="1")
    made.price = Decimal(1)
    with pytest.raises(NotStored):
        made.save()
    made.name = "Ink"
    with pytest.raises(NotStored):
        made.save()


def test_a_save_may_have_a_condition(recorder: Recorder) -> None:
    made = product()
    made.create()
    made.price = Decimal(1)
    with pytest.raises(ConditionFailed):
        made.save(Product.stock > 0)
    made.save(Product.stock == 0)
    assert stored().price == 1


def test_what_others_changed_meanwhile_stays_and_is_taken_over(recorder: Recorder) -> None:
    product(shelf="S").put()
    loaded = stored()
    Product.update(**KEY).set(Product.stock, 9).run()
    loaded.name = "Ink"
    loaded.save()
    assert loaded == product(name="Ink", stock=9, shelf="S") == stored()


@pytest.mark.parametrize(
    ("edit", "error", "path"),
    [
        (change("id", "2"), KeyChange, ["sk"]),
        (change("shop", "B"), KeyChange, ["pk"]),
        (change("origin", "there"), ReadOnly, ["origin"]),
        (change("origin", None), ReadOnly, ["origin"]),
        (change("name", None), MissingAttribute, ["name"]),
    ],
)
def test_what_cannot_change_is_refused_without_a_call(
    recorder: Recorder, edit: Callable[[Product], None], error: type[Invalid], path: list[str]
) -> None:
    made = product(**FULL)
    made.put()
    recorder.calls.clear()
    edit(made)
    with pytest.raises(error) as refused:
        made.save()
    assert refused.value.path == path
    assert recorder.calls == []


def test_a_read_only_field_can_be_set_where_there_is_none(recorder: Recorder) -> None:
    made = product()
    made.put()
    made.origin = "here"
    made.save()
    assert stored().origin == "here"


def part(*paths: Any) -> Product:
    return Product.query(shop="A").fields(*paths).one()


def test_a_part_is_saved_as_a_part_and_stays_one(recorder: Recorder) -> None:
    product(**FULL).put()
    loaded = part(Product.price, Product.log)
    loaded.save()
    assert recorder.operations == ["PutItem", "Query"]
    loaded.price = Decimal(9)
    loaded.save()
    assert sent(recorder) == {"p": {"N": "9"}, "_i3r": {"S": "21309!"}}
    assert not hasattr(loaded, "stock")
    Product.update(**KEY).set(Product.shelf, "T").run()
    loaded.log = None
    loaded.save()
    assert sent(recorder) == {"log": None}
    assert stored() == product(**{**FULL, "price": Decimal(9), "shelf": "T", "log": None})


def test_the_indexes_of_a_part_follow_what_was_not_loaded(recorder: Recorder) -> None:
    product(**FULL).put()
    loaded = part(Product.name)
    loaded.name = "Ink"
    loaded.save()
    assert recorder.operations == ["PutItem", "Query", "GetItem", "UpdateItem"]
    assert placed(stored().to_item())["_i2r"] == {"S": "Ink#21305!"}


def test_a_field_that_was_not_loaded_can_be_set(recorder: Recorder) -> None:
    product(**FULL).put()
    loaded = part(Product.price)
    loaded.stock = 6
    loaded.save()
    assert stored() == product(**{**FULL, "stock": 6})


def test_what_was_loaded_in_part_is_not_stored_for_the_whole(recorder: Recorder) -> None:
    product(**FULL).put()
    loaded = part(Product.doc["n"])
    assert loaded.doc == {"n": 7}
    loaded.price = Decimal(3)
    loaded.save()
    assert loaded.doc == FULL["doc"]
    again = part(Product.doc["n"])
    again.doc = {"n": 8}
    with pytest.raises(MissingAttribute, match="doc was loaded in part"):
        again.save()


class Note(Model, table=main, unknown="keep"):
    """What keeps attributes that it does not know."""

    id: Attr[str] = field(name="sk")
    kind: Attr[str] = field(name="pk", default="note")
    text: Attr[str] = field(default="")


def test_unknown_attributes_are_saved_and_removed(recorder: Recorder) -> None:
    note = Note(id="1")
    note.extra = {"a": 1, "b": 2}
    note.save()
    loaded = Note.query(kind="note").one()
    loaded.extra["a"] = 3
    del loaded.extra["b"]
    loaded.save()
    assert sent(recorder) == {"a": {"N": "3"}, "b": None}
    assert Note.query(kind="note").one().extra == {"a": 3}
