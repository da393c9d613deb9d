from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo.errors import ConditionFailed, Invalid, MissingAttribute, WrongType
from chalicelib.dynamo.fields import Attr
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.references import Ref
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import main

from .library import Author, Novel, Place, Publisher, Review, novel


class Untied(Model):
    """A model for others to inherit from."""

    id: Attr[str]


class Bare(Model, table=main):
    id: Attr[str]
    other: Attr[Ref]  # type: ignore[type-arg]
    key = Key(pk="bare#{id}")


class Loose(Model, table=main):
    id: Attr[str]
    other: Attr[Ref[Untied]]
    key = Key(pk="loose#{id}")


class Episode(Model, table=main):
    """Whose key has a reference."""

    author: Attr[Ref[Author]]
    number: Attr[int]
    key = Key(pk="episode#{author}", sk="{number}")


ids = st.text(min_size=1, max_size=8)
references = (
    ids.map(lambda id_: Ref(Author, id=id_))
    | st.integers(-(10**9), 10**9).map(lambda number: Ref(Publisher, number=number))
    | st.builds(lambda country, number: Ref(Place, country=country, number=number), ids, st.integers(0, 99))
)


def stored(**values: Any) -> Any:
    return novel(**values).to_item()


def test_a_reference_to_a_key_of_one_string_is_stored_as_that_string() -> None:
    assert stored()["author"] == {"S": "a"}
    assert stored(editors=[Ref(Author, id="b")])["editors"] == {"L": [{"S": "b"}]}


def test_a_reference_to_another_key_is_stored_as_a_map_of_its_fields() -> None:
    scene: Ref[Any] = Ref(Place, number=2, country="gb")
    assert stored(scene=scene)["scene"] == {"M": {"country": {"S": "gb"}, "number": {"N": "2"}}}
    author = Author(id="a", publisher=Ref(Publisher, number=1))
    assert author.to_item()["publisher"] == {"M": {"number": {"N": "1"}}}


def test_references_are_stored_and_loaded(table: str) -> None:
    one = novel(
        editors=[Ref(Author, id="b"), Ref(Author, id="c")],
        scene=Ref(Place, country="gb", number=1),
        reviews=[Review(user=Ref(Author, id="d")), Review()],
        translators={"de": Ref(Author, id="e")},
        readers={Ref(Author, id="f"), Ref(Author, id="g")},
    )
    one.put()
    assert Novel.get(isbn="1") == one


@given(references)
def test_what_is_stored_is_the_reference(reference: Ref[Any]) -> None:
    type_ = Ref.reference_type((reference.model,))
    loaded = type_.load(type_.encode(reference))
    assert (loaded, hash(loaded)) == (reference, hash(reference))
    assert not loaded.loaded


@given(references, references)
def test_references_are_equal_when_they_are_stored_alike(one: Ref[Any], other: Ref[Any]) -> None:
    def where(reference: Ref[Any]) -> Any:
        return reference.model, reference.model.key.of(reference.key)

    assert (one == other) == (where(one) == where(other))
    assert one != other or hash(one) == hash(other)


def test_a_reference_equals_nothing_else() -> None:
    assert Ref(Author, id="a") != "a"
    assert Ref(Author, id="1") != Ref(Publisher, number=1)


def test_the_representation_says_the_model_and_the_key() -> None:
    assert repr(Ref(Place, number=1, country="gb")) == "Ref(Place, country='gb', number=1)"


def test_the_parts_of_the_key_are_checked() -> None:
    with pytest.raises(WrongType, match="number is of the type str, not a whole number"):
        Ref(Publisher, number="1")
    with pytest.raises(MissingAttribute, match="number is part of a key and required"):
        Ref(Place, country="gb")
    with pytest.raises(Invalid, match="size is not part of the key"):
        Ref(Author, id="a", size=1)


def test_a_value_that_is_no_reference_to_the_model_is_refused_where_it_is() -> None:
    wrong: Any = Ref(Publisher, number=1)
    for values, path, reason in [
        ({"author": wrong}, ["author"], "is a reference to Publisher, not to Author"),
        ({"editors": ["x"]}, ["editors", 0], "is of the type str, not a reference to Author"),
        ({"best": Review(user=wrong)}, ["best", "user"], "is a reference to Publisher, not to Author"),
    ]:
        with pytest.raises(WrongType) as refused:
            _with(values).validate()
        assert (refused.value.path, refused.value.reason) == (path, reason)


def _with(values: dict[str, Any]) -> Novel:
    one = novel()
    for name, value in values.items():
        setattr(one, name, value)
    return one


def test_a_part_that_was_changed_is_refused_where_it_is() -> None:
    one = novel(scene=Ref(Place, country="gb", number=1))
    assert one.scene is not None
    one.scene.key["number"] = "1"
    with pytest.raises(WrongType) as refused:
        one.validate()
    assert refused.value.path == ["scene", "number"]


@pytest.mark.parametrize("scene", [{"S": "gb"}, {"M": {"country": {"S": "gb"}}}, {"M": {"country": {"N": "1"}}}])
def test_what_is_stored_as_something_else_is_an_error_with_its_path(scene: Any) -> None:
    item = {**stored(), "scene": scene}
    with pytest.raises(WrongType, match=r"scene is stored as .*, which is not a reference to Place"):
        Novel.from_item(item)


def test_a_document_gives_a_reference_as_it_is_stored() -> None:
    document = {"isbn": "1", "author": "a", "scene": {"country": "gb", "number": 1}, "reviews": [{"user": "b"}]}
    assert Novel.parse(document) == novel(
        scene=Ref(Place, country="gb", number=1), reviews=[Review(user=Ref(Author, id="b"))]
    )
    with pytest.raises(WrongType, match="author is of the type int, not a reference to Author"):
        Novel.parse({"isbn": "1", "author": 1})


def test_a_reference_is_compared_in_conditions(table: str) -> None:
    novel(editors=[Ref(Author, id="b")], scene=Ref(Place, country="gb", number=1)).put()
    holds = (
        (Novel.author == Ref(Author, id="a"))
        & Novel.editors.contains(Ref(Author, id="b"))
        & (Novel.scene == Ref(Place, country="gb", number=1))
    )
    Novel.update(isbn="1").set(Novel.author, Ref(Author, id="c")).when(holds).run()
    with pytest.raises(ConditionFailed):
        Novel.update(isbn="1").set(Novel.title, "x").when(Novel.author == Ref(Author, id="a")).run()
    with pytest.raises(WrongType):
        Novel.update(isbn="1").when(Novel.author == Ref(Publisher, number=1)).run()  # type: ignore[arg-type]


def test_a_reference_can_be_part_of_a_key(table: str) -> None:
    Episode(author=Ref(Author, id="a"), number=1).put()
    assert [found.number for found in Episode.query(author=Ref(Author, id="a"))] == [1]


def test_an_item_that_was_not_loaded_is_an_attribute_error() -> None:
    author = novel().author
    assert not author.loaded
    with pytest.raises(AttributeError, match=r"Ref\(Author, id='a'\) was not loaded"):
        _ = author.item


def test_get_loads_the_item_with_one_call(recorder: Recorder) -> None:
    Author(id="a", name="Ann").put()
    recorder.calls.clear()
    author: Ref[Author] = novel().author
    found: Author | None = author.get(consistent=True)
    assert found is not None
    assert found.name == "Ann"
    assert author.item is found
    assert [(call.operation, call.parameters["ConsistentRead"]) for call in recorder.calls] == [("GetItem", True)]
    missing = Ref(Author, id="b")
    assert missing.get() is None
    assert missing.loaded
    assert missing.item is None


def test_a_reference_to_an_object_has_it() -> None:
    author = Author(id="a", name="Ann")
    assert Ref.to(author) == Ref(Author, id="a")
    assert Ref.to(author).item is author


@pytest.mark.parametrize("model", [Bare, Loose])
def test_a_reference_needs_a_model_that_has_a_key(model: type[Model]) -> None:
    with pytest.raises(TypeError, match=f"{model.__name__}.other: a reference needs the model that it leads to"):
        model.from_item({"pk": {"S": "x"}})
