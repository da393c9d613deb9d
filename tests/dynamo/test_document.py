from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path as File
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import pytest

from chalicelib import dynamo
from chalicelib.dynamo import Attr, Document, Key, Model, field, main
from chalicelib.dynamo.errors import ConstraintViolated, Invalid, MissingAttribute, UnknownAttribute, WrongType

from .everything import Address, Circle, Colour, Everything, Node, Square

NOON = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
MOON = {"moon": {"M": {"name": {"S": "Io"}}}}
DEFAULT_ADDRESS = Address(street="Main")


class Person(Document, unknown="keep"):
    """Defaults of all sorts, aliases, something hidden."""

    name: Attr[str] = field(aliases=("title", "label"))
    id: Attr[UUID] = field(default=uuid4)
    tags: Attr[list[list[str]]] = field(default=[["new"]])
    address: Attr[Address] = field(default=DEFAULT_ADDRESS)
    limit: Attr[int] = 3  # type: ignore[assignment]
    secret: Attr[str | None] = field(default=None, hidden=True)


class Strict(Document, unknown="reject"):
    """Takes nothing but its fields."""

    name: Attr[str]
    parts: Attr[list[Strict]] = field(default=list)


class Some(Document, unknown=("x_*", "address.*", "others.m*n")):
    """Keeps unknown attributes of some names."""

    address: Attr[Address | None] = field(default=None)
    others: Attr[dict[str, list[Address]] | None] = field(default=None)
    node: Attr[Node | None] = field(default=None)


class Qualified(dynamo.Document):
    """Annotated by way of the package."""

    name: dynamo.Attr[str]


class Base(Model, table=main):
    """What others inherit."""

    id: Attr[str] = field(name="sk")
    note: Attr[str | None] = field(default=None, max_length=3)
    key = Key(pk="base", sk="{id}")


class Mixed:
    """Has no fields."""

    shout = "!"


class Derived(Mixed, Base):
    """Adds a field and changes another."""

    count: Attr[int] = field(default=0)
    note: Attr[str] = field(default="none")


class Watched(Document):
    """Overrides what is called around storing and loading."""

    name: Attr[str]
    slug: Attr[str | None] = field(default=None)

    def storing(self) -> None:
        self.slug = self.name.lower()

    def check(self) -> None:
        if self.name == "root":
            raise ConstraintViolated("is taken", ["name"])

    def loaded(self) -> None:
        self.name += "!"


def test_an_object_needs_every_field_that_has_no_default() -> None:
    with pytest.raises(TypeError, match="Person needs name"):
        Person()  # type: ignore[call-arg]


def test_an_object_has_no_fields_but_its_own() -> None:
    with pytest.raises(TypeError, match="Person has no colour, size"):
        Person(name="a", colour="red", size=3)  # type: ignore[call-arg]


def test_a_field_has_its_default_however_it_is_written() -> None:
    person = Person(name="a")
    assert isinstance(person.id, UUID)
    assert (person.limit, person.address, person.secret) == (3, DEFAULT_ADDRESS, None)


def test_defaults_are_not_shared() -> None:
    first, second = Person(name="a"), Person(name="b")
    assert first.id != second.id
    first.tags[0].append("seen")
    first.address.street = "Side"
    assert (second.tags, second.address.street) == ([["new"]], "Main")
    assert Person(name="c").tags == [["new"]]


@pytest.mark.parametrize("alias", ["title", "label"])
def test_a_constructor_takes_aliases(alias: str) -> None:
    assert Person(**{alias: "a"}).name == "a"  # type: ignore[arg-type]


def test_objects_are_equal_by_class_and_fields_and_cannot_be_hashed() -> None:
    assert Address(street="a") == Address(street="a")
    assert Address(street="a") != Address(street="b")
    assert Circle(radius=1) != Square(side=1)
    assert Address(street="a") != object()
    with pytest.raises(TypeError, match="unhashable"):
        hash(Address(street="a"))


def test_the_representation_has_every_field_but_the_hidden_ones() -> None:
    shown = repr(Person(name="a", id=UUID(int=0), secret="s3"))
    assert shown == (
        "Person(name='a', id=UUID('00000000-0000-0000-0000-000000000000'), tags=[['new']], "
        "address=Address(street='Main', city=None), limit=3)"
    )


def test_fields_and_keys_are_inherited_and_can_be_changed() -> None:
    assert Derived(id="1").to_item() == {
        "pk": {"S": "base"},
        "sk": {"S": "1"},
        "note": {"S": "none"},
        "count": {"N": "0"},
    }
    assert Derived.shout == "!"
    Derived(id="1", note="long enough").validate()
    with pytest.raises(ConstraintViolated):
        Base(id="1", note="long").validate()
    assert list(Base.schema.fields) == ["id", "note"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("get", field()),
        ("schema", field()),
        ("extra", field()),
        ("key", field()),
        ("table", field()),
        ("shout", field()),
        ("colour", field(aliases="query")),
        ("colour", field(aliases="stored")),
    ],
)
def test_a_field_cannot_hide_a_member_of_models(name: str, options: Any) -> None:
    with pytest.raises(TypeError, match="models have a member of this name; give it with field"):
        type("Wrong", (Mixed, Model), {"__annotations__": {name: Attr[str]}, name: options})


def test_an_alias_cannot_be_a_field() -> None:
    with pytest.raises(TypeError, match=r"Wrong\.b is a field, and an alias of a"):
        type("Wrong", (Document,), {"__annotations__": {"a": Attr[str], "b": Attr[str]}, "a": field(aliases="b")})


def test_a_member_of_models_can_be_a_stored_name() -> None:
    kind: Any = type("Right", (Document,), {"__annotations__": {"got": Attr[str]}, "got": field(name="get")})
    assert kind.schema.encode({"got": "a"}) == {"get": {"S": "a"}}


def test_a_document_without_fields_is_an_empty_map() -> None:
    kind: Any = type("Empty", (Document,), {})
    assert kind.schema.item(kind()) == {}


def test_annotations_may_name_the_package() -> None:
    assert Qualified.schema.encode({"name": "a"}) == {"name": {"S": "a"}}


@pytest.fixture
def eager(tmp_path: File) -> Iterator[ModuleType]:
    """A module whose annotations are evaluated at once."""
    source = tmp_path / "eager.py"
    source.write_text(
        "from chalicelib.dynamo import Attr, Document, field\n"
        "class Tree(Document):\n"
        "    name: Attr[str]\n"
        "    parent: Attr['Tree | None'] = field(default=None)\n"
        "    fruit: Attr['Fruit | None'] = field(default=None)\n"
        "class Fruit(Document):\n"
        "    weight: Attr[int]\n"
    )
    spec = importlib.util.spec_from_file_location("eager", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["eager"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["eager"]


def test_annotations_may_be_evaluated_at_once_and_refer_to_what_comes_later(eager: ModuleType) -> None:
    tree = eager.Tree(name="a", parent=eager.Tree(name="b"), fruit=eager.Fruit(weight=1))
    item = eager.Tree.schema.item(tree)
    assert item == {
        "name": {"S": "a"},
        "parent": {"M": {"name": {"S": "b"}}},
        "fruit": {"M": {"weight": {"N": "1"}}},
    }
    assert eager.Tree.schema.load(item) == tree


def document_with(annotation: str) -> Any:
    return type("Lost", (Document,), {"__annotations__": {"a": f"Attr[{annotation}]"}, "__module__": __name__})


@pytest.mark.parametrize("annotation", ["Nowhere", "datetime.moment", "list[", "list['Nowhere']", "1 | 'a'"])
def test_an_annotation_that_cannot_be_evaluated_is_explained(annotation: str) -> None:
    with pytest.raises(TypeError, match=r"Lost\.a: .*; what a field's annotation names has to be imported at run time"):
        document_with(annotation).schema.compile()


def test_an_annotation_of_no_type_is_explained() -> None:
    with pytest.raises(TypeError, match=r"Lost\.a: DynamoDB has no type for <class 'complex'>"):
        document_with("complex").schema.compile()


def test_a_document_is_parsed_as_json_has_it() -> None:
    parsed = Everything.parse(
        {
            "id": "1",
            "time": "2024-05-01T12:00:00Z",
            "seconds": "2024-05-01T12:00:00Z",
            "day": "2024-05-01",
            "uuid": str(UUID(int=0)),
            "colour": "red",
            "raw": "AP8=",
            "triple": ["2024-05-01"],
            "text_set": ["a", "a"],
            "address": {"street": "Main"},
            "node": {"name": "a", "children": [{"name": "b"}]},
            "shapes": [{"kind": "square", "side": 1}, {"kind": "disc", "radius": 1.5}],
            "note": "dropped",
        }
    )
    assert parsed == Everything(
        id="1",
        time=NOON,
        seconds=NOON,
        day=NOON.date(),
        uuid=UUID(int=0),
        colour=Colour.RED,
        raw=b"\x00\xff",
        triple=(NOON.date(),),
        text_set={"a"},
        address=Address(street="Main"),
        node=Node(name="a", children=[Node(name="b")]),
        shapes=[Square(side=1), Circle(kind="disc", radius=1.5)],
    )
    parsed.validate()


def test_a_document_is_parsed_by_aliases() -> None:
    assert Person.parse({"title": "a", "id": str(UUID(int=0))}) == Person(name="a", id=UUID(int=0))


@pytest.mark.parametrize(
    ("kind", "document", "error", "path"),
    [
        (Strict, {}, MissingAttribute, ["name"]),
        (Strict, {"name": None}, WrongType, ["name"]),
        (Strict, {"name": 1}, WrongType, ["name"]),
        (Strict, {"name": "a", "size": 1}, UnknownAttribute, ["size"]),
        (Strict, {"name": "a", "parts": [{"name": "b"}, {}]}, MissingAttribute, ["parts", 1, "name"]),
        (Strict, {"name": "a", "parts": [{"name": "b", "x": 1}]}, UnknownAttribute, ["parts", 0, "x"]),
        (Everything, {"id": "1", "time": "noon"}, WrongType, ["time"]),
        (Everything, {"id": "1", "day": 3}, WrongType, ["day"]),
        (Everything, {"id": "1", "colour": "blue"}, WrongType, ["colour"]),
        (Everything, {"id": "1", "grid": [[1], ["a"]]}, WrongType, ["grid", 1, 0]),
        (Everything, {"id": "1", "address": {"street": 1}}, WrongType, ["address", "street"]),
    ],
)
def test_what_is_wrong_in_a_parsed_document_has_its_path(
    kind: type[Document], document: dict[str, Any], error: type[Invalid], path: Any
) -> None:
    with pytest.raises(error) as refused:
        kind.parse(document)
    assert refused.value.path == path


def test_parsing_keeps_the_unknown_attributes_that_the_class_keeps() -> None:
    assert Person.parse({"name": "a", "size": 1}).extra == {"size": 1}
    assert Some.parse({"x_a": 1, "y": 2}).extra == {"x_a": 1}
    assert not hasattr(Everything.parse({"id": "1", "address": {"street": "a", "planet": "Mars"}}).address, "extra")


def test_parsing_keeps_unknown_attributes_by_path() -> None:
    planet, moon = {"street": "a", "planet": "Mars"}, {"street": "b", "moon": {"name": "Io"}}
    some = Some.parse({"address": planet, "others": {"x": [planet, moon]}, "node": {"name": "a", "x_b": 1}})
    assert Some.schema.item(some) == {
        "address": {"M": {"street": {"S": "a"}, "planet": {"S": "Mars"}}},
        "others": {"M": {"x": {"L": [{"M": {"street": {"S": "a"}}}, {"M": {"street": {"S": "b"}, **MOON}}]}}},
        "node": {"M": {"name": {"S": "a"}, "children": {"L": []}}},
    }


def test_a_class_changes_what_is_stored_and_loaded_and_refuses() -> None:
    watched = Watched(name="Ann")
    assert Watched.schema.item(watched) == {"name": {"S": "Ann"}, "slug": {"S": "ann"}}
    assert watched.slug == "ann"
    assert Watched.schema.load({"name": {"S": "Ann"}}).name == "Ann!"
    with pytest.raises(ConstraintViolated) as refused:
        Watched.schema.item(Watched(name="root"))
    assert refused.value.path == ["name"]


def test_what_a_nested_class_refuses_has_its_path() -> None:
    team: Any = type("Team", (Document,), {"__annotations__": {"members": Attr[list[Watched]]}})
    with pytest.raises(ConstraintViolated) as refused:
        team.schema.item(team(members=[Watched(name="a"), Watched(name="root")]))
    assert refused.value.path == ["members", 1, "name"]
