from __future__ import annotations

import enum
import json
import re
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType, TypedDict
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo.document import Document
from chalicelib.dynamo.errors import (
    AlreadyExists,
    ConstraintViolated,
    Invalid,
    MissingAttribute,
    NoIndex,
    UnknownAttribute,
    WrongType,
)
from chalicelib.dynamo.fields import Attr, combined, field, timestamp, version
from chalicelib.dynamo.json_schema import InvalidDocument, schema_of
from chalicelib.dynamo.keys import Index, Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.references import Ref
from chalicelib.dynamo.schema import Schema
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import main

ADDRESS = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 2}, "zip": {"type": "integer", "default": 0}},
    "required": ["city"],
    "additionalProperties": False,
}
BOOK: dict[str, Any] = {
    "type": "object",
    "properties": {
        "isbn": {"type": "string"},
        "title": {"type": "string", "maxLength": 20},
        "stock": {"type": "integer", "minimum": 0, "default": 0},
        "price": {"type": "number"},
        "rated": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "state": {"enum": ["new", "used", 3]},
        "kind": {"const": "book"},
        "home": {"$ref": "#/$defs/address"},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        "first-page": {"type": "string"},
        "key": {"type": "boolean", "default": True},
        "class": {"type": "string"},
        "other": {"anyOf": [{"type": "integer"}, {"type": "array"}]},
    },
    "required": ["isbn", "title", "rated"],
    "$defs": {"address": ADDRESS},
}
MINIMAL = {"isbn": "1", "title": "Emma", "rated": None}
WHOLE = {
    "isbn": "1",
    "title": "Emma",
    "stock": 3,
    "price": 1.5,
    "rated": "good",
    "tags": ["a", "b"],
    "state": 3,
    "kind": "book",
    "home": {"city": "Bath", "zip": 1},
    "counts": {"a": 1},
    "first-page": "It is",
    "key": False,
    "class": "x",
    "other": [1, {"a": None}],
}


def made(schema: dict[str, Any] = BOOK, **options: Any) -> Any:
    """A model of the schema; what type checkers cannot know of it is Any."""
    return Model.from_schema(schema, **{"table": main, "key": Key(pk="book#{isbn}"), "type": "book", **options})


Dynamic = made(indexes={"by_title": Index("gsi1", hash="{title}", range="{stock}")}, name="Dynamic")


def of(part: Any, **more: Any) -> Any:
    """A model with an identifier and a property ``x`` of this schema."""
    properties = {"isbn": {"type": "string"}, "x": part}
    return made({"properties": properties, "required": ["isbn"], **more})


def test_a_schema_makes_a_model_whose_schema_is_one_like_any_other() -> None:
    assert issubclass(Dynamic, Model)
    assert Dynamic.__name__ == "Dynamic"
    assert isinstance(Dynamic.schema, Schema)
    assert Dynamic.schema.fields["title"] is Dynamic.title
    assert Dynamic.schema.fields["stock"].options.default == 0
    assert Dynamic.schema.fields["isbn"].required


def test_a_whole_document_is_stored_and_loaded(recorder: Recorder) -> None:
    one = Dynamic.parse(WHOLE)
    one.create()
    found = Dynamic.get(isbn="1")
    assert found == one
    assert found.to_dict() == WHOLE
    with pytest.raises(AlreadyExists):
        Dynamic.parse(WHOLE).create()


def test_what_is_absent_is_none_and_not_shown(recorder: Recorder) -> None:
    Dynamic(**MINIMAL).put()
    found = Dynamic.get(isbn="1")
    assert (found.price, found.rated, found.stock, found.key_) == (None, None, 0, True)
    assert found.to_dict() == {**MINIMAL, "stock": 0, "key": True}
    assert Dynamic.parse(found.to_dict()) == found


def test_a_name_that_no_field_can_have_is_still_the_propertys() -> None:
    one = Dynamic(**MINIMAL, **{"first-page": "a", "class": "b", "key": False})
    assert (one.first_page, one.class_, one.key_) == ("a", "b", False)
    assert one.to_item()["first-page"] == {"S": "a"}
    assert Dynamic.first_page.stored == "first-page"
    assert Dynamic(**MINIMAL, first_page="a").to_dict()["first-page"] == "a"


def test_names_that_would_be_the_same_field_differ() -> None:
    names = ["isbn", "a-b", "a_b", "a b", "1st", "é", "schema", "schema_", "extra", "_fields", "by_a", "-"]
    model = made({"properties": dict.fromkeys(names, True)}, indexes={"by_a": Index("gsi1", hash="{a_b}", range="-")})
    assert list(model.schema.fields) == [
        "isbn", "a_b_", "a_b", "a_b__", "_1st", "é", "schema__", "schema_", "extra_", "_fields_", "by_a_", "_"
    ]  # fmt: skip
    document = {name: str(place) for place, name in enumerate(names)}
    assert model.parse(document).to_dict() == document
    assert model(**document).to_dict() == document


@pytest.mark.parametrize(
    ("part", "values", "wrong"),
    [
        ({"type": "string"}, ["", "x"], [1]),
        ({"type": "integer"}, [1, 2.0, Decimal(3), -(10**30)], [1.5, "1", True]),
        ({"type": "number"}, [1, 1.5, Decimal("0.1234567890123456789")], ["1", False]),
        ({"type": "boolean"}, [True], [1]),
        ({"type": ["string", "number", "integer", "null"]}, ["a", 1.5, None], [[], True]),
        ({"type": ["array", "object"]}, [[1], {"a": 1}], ["a"]),
        ({"type": "array", "items": {"type": "integer"}}, [[], [1, 2]], [["a"], "a"]),
        ({"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}}, [[1, "a"]], [["a"]]),
        ({"type": "object"}, [{}, {"a": [1]}], [[]]),
        ({"type": "object", "additionalProperties": {"type": "string"}}, [{"a": "b"}], [{"a": 1}]),
        ({"type": "object", "additionalProperties": False}, [{}], [{"a": 1}]),
        (
            ADDRESS,
            [{"city": "Bath", "zip": 1}],
            [{"city": "B"}, {}, {"city": "Bath", "zip": "x"}, {"city": "Bath", "a": 1}],
        ),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, [{"a": "b", "c": 1}], [{"a": 1}]),
        ({"enum": ["a", 1, None, [1], {"a": 1}]}, ["a", 1, [1], {"a": 1}], ["b", [2]]),
        ({"const": True}, [True], [False, 1]),
        ({"allOf": [{"type": "string"}, {"minLength": 2}]}, ["ab"], ["a", 1]),
        (True, [1, "a", [None], {"a": {}}], []),
        (False, [], [1]),
    ],
)
def test_a_property_has_the_values_that_its_schema_admits(part: Any, values: list[Any], wrong: list[Any]) -> None:
    model = of(part)
    for value in values:
        one = model(isbn="1", x=value)
        assert model.from_item(one.to_item()).x == value
        assert model.schema.encode_field("x", value) == one.to_item().get("x", {"NULL": True})
    for value in wrong:
        with pytest.raises(InvalidDocument) as error:
            model(isbn="1", x=value).to_item()
        assert error.value.path[0] == "x"
        with pytest.raises(InvalidDocument):
            model.schema.encode_field("x", value)


def test_a_schema_may_contain_itself() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#/$defs/tree"}}, "additionalProperties": False}
    model = of({"$ref": "#/$defs/tree"}, **{"$defs": {"tree": tree}})
    value: dict[str, Any] = {}
    for _ in range(20):
        value = {"next": value}
    assert model.from_item(model(isbn="1", x=value).to_item()).x == value
    with pytest.raises(UnknownAttribute):
        model(isbn="1", x={"next": {"a": 1}}).to_item()


@pytest.mark.parametrize(
    ("document", "kind", "path", "reason"),
    [
        ({**MINIMAL, "title": 1}, WrongType, ["title"], 'is not of type "string"'),
        ({"isbn": "1", "rated": None}, MissingAttribute, ["title"], "is required"),
        ({"isbn": "1", "title": "x"}, MissingAttribute, ["rated"], "is required"),
        ({**MINIMAL, "stock": -1}, ConstraintViolated, ["stock"], "is less than the minimum of 0"),
        ({**MINIMAL, "home": {"city": "Bath", "x": 1}}, UnknownAttribute, ["home", "x"], "is not a property"),
        ({**MINIMAL, "home": {}}, MissingAttribute, ["home", "city"], "is required"),
        ({**MINIMAL, "tags": ["a", 1]}, WrongType, ["tags", 1], 'is not of type "string"'),
        ({**MINIMAL, "counts": {"a/b~": "x"}}, WrongType, ["counts", "a/b~"], "is not of type"),
        ({**MINIMAL, "first-page": 1}, WrongType, ["first-page"], "is not of type"),
        ({**MINIMAL, "price": None}, WrongType, ["price"], "is not of type"),
        ({**MINIMAL, "other": {1, 2}}, WrongType, ["other"], "is of the type set"),
        ({**MINIMAL, "tags": ["a", b"x"]}, WrongType, ["tags", 1], "is of the type bytes"),
    ],
)
def test_a_failure_is_an_error_of_its_kind_at_its_path(
    document: dict[str, Any], kind: type[Invalid], path: list[Any], reason: str
) -> None:
    with pytest.raises(kind, match=reason) as error:
        Dynamic.parse(document)
    assert error.value.path == path
    assert isinstance(error.value, InvalidDocument)


def test_an_error_has_every_failure() -> None:
    with pytest.raises(InvalidDocument) as error:
        Dynamic(isbn="1", title=5, rated=None, stock=-1, tags=["a", "a"]).validate()
    assert [path for path, _ in error.value.failures] == [["title"], ["stock"], ["tags"]]
    assert error.value.failures[0] == (error.value.path, error.value.reason)


def test_nothing_is_written_of_an_object_that_fails(recorder: Recorder) -> None:
    with pytest.raises(ConstraintViolated):
        Dynamic(**{**MINIMAL, "title": "x" * 21}).put()
    assert recorder.operations == []


def test_constraints_across_properties_hold_for_whole_documents(recorder: Recorder) -> None:
    model = of({"type": "integer"}, dependentRequired={"x": ["y"]})
    model(isbn="1").put()
    with pytest.raises(InvalidDocument):
        model(isbn="1", x=1).put()
    model.update(isbn="1").set(model.x, 1).run()
    found = model.get(isbn="1")
    assert found.x == 1
    with pytest.raises(InvalidDocument):
        found.validate()


def test_nested_defaults_are_given_to_new_objects_and_callers_values_stay_as_they_are() -> None:
    model = of({**ADDRESS})
    home = {"city": "Bath"}
    assert model(isbn="1", x=home).x == {"city": "Bath", "zip": 0}
    assert model.parse({"isbn": "1", "x": home}).x == {"city": "Bath", "zip": 0}
    assert home == {"city": "Bath"}
    assert model(isbn="1").x is None


def test_a_default_belongs_to_one_object() -> None:
    model = of({"type": "object", "default": {"a": []}})
    model(isbn="1").x["a"].append(1)
    assert model(isbn="2").x == {"a": []}


def test_a_property_that_is_required_has_its_default() -> None:
    model = of({"type": "integer", "default": 5}, required=["isbn", "x"])
    assert model(isbn="1").x == 5
    assert model.parse({"isbn": "1"}).x == 5
    with pytest.raises(MissingAttribute):
        model(isbn="1", x=None).validate()


def test_unknown_properties_are_kept_unless_the_schema_rejects_them(recorder: Recorder) -> None:
    document = {**MINIMAL, "stock": 0, "key": True, "colour": ["red"], "first_page": "2"}
    Dynamic.parse(document).put()
    found = Dynamic.get(isbn="1")
    assert found.to_dict() == document
    assert found.first_page is None
    closed = of({"type": "string"}, additionalProperties=False)
    with pytest.raises(UnknownAttribute) as error:
        closed.parse({"isbn": "1", "y": 1})
    assert error.value.path == ["y"]
    with pytest.raises(UnknownAttribute, match="is not declared"):
        closed.get(isbn="1")


@pytest.mark.parametrize(
    "more", [{"additionalProperties": {"type": "integer"}}, {"patternProperties": {"^y": {"type": "integer"}}}]
)
def test_unknown_properties_are_validated_too(more: dict[str, Any]) -> None:
    model = of({"type": "string"}, **more)
    one = model.parse({"isbn": "1", "yes": 1})
    assert model.from_item(one.to_item()).to_dict() == {"isbn": "1", "yes": 1}
    one.extra["yes"] = "x"
    with pytest.raises(WrongType) as error:
        one.validate()
    assert error.value.path == ["yes"]


def test_patterns_beside_rejected_properties_admit_what_they_match() -> None:
    model = of(True, patternProperties={"^y": {"type": "integer"}}, additionalProperties=False)
    assert model.parse({"isbn": "1", "yes": 1}).extra == {"yes": 1}
    with pytest.raises(UnknownAttribute):
        model.parse({"isbn": "1", "no": 1})


@pytest.mark.parametrize("name", ["pk", "sk", "_type", "_i1h"])
def test_a_document_cannot_say_where_it_is_stored(name: str) -> None:
    with pytest.raises(ConstraintViolated, match="is an attribute of a key"):
        Dynamic.parse({**MINIMAL, name: "elsewhere"})


def test_fields_make_conditions_queries_and_updates(recorder: Recorder) -> None:
    for isbn, stock in (("1", 1), ("2", 2), ("3", 3)):
        Dynamic(**{**MINIMAL, "isbn": isbn, "stock": stock, "home": {"city": "Bath"}}).put()
    title, stock = Dynamic.schema.fields["title"], Dynamic.schema.fields["stock"]
    found = Dynamic.by_title.query(title="Emma").where(stock >= 2).where(Dynamic.home["city"] == "Bath").all()
    assert [one.isbn for one in found] == ["2", "3"]
    assert Dynamic.query(isbn="1").where(title.begins_with("E")).one().stock == 1
    after = Dynamic.update(isbn="1").set(title, "Persuasion").add(stock, 4).set(Dynamic.home["zip"], 9).run()
    assert (after.title, after.stock, after.home["zip"]) == ("Persuasion", 5, 9)
    assert [one.stock for one in Dynamic.by_title.query(title="Persuasion")] == [5]
    with pytest.raises(NoIndex):
        Dynamic.query(price=1).all()
    with pytest.raises(WrongType):
        Dynamic.query(isbn="1").where(Dynamic.home["zip"] == "x").all()


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [("stock", 1.5, []), ("home", 5, []), ("home", {"city": 1}, ["city"]), ("home", {"x": 1}, ["x"])],
)
def test_a_condition_is_of_values_that_can_be_stored(name: str, value: Any, path: list[str]) -> None:
    with pytest.raises(Invalid) as error:
        Dynamic.query(isbn="1").where(Dynamic.schema.fields[name] == value).explain()
    assert error.value.path == [name, *path]


def test_an_update_validates_each_property_that_it_sets(recorder: Recorder) -> None:
    Dynamic(**MINIMAL).put()
    update = Dynamic.update(isbn="1")
    for name, value, path in [
        ("title", "x" * 21, ["title"]),
        ("stock", -1, ["stock"]),
        ("home", {"city": "B"}, ["home", "city"]),
        ("home", {}, ["home", "city"]),
        ("first_page", 1, ["first-page"]),
    ]:
        with pytest.raises(InvalidDocument) as error:
            update.set(Dynamic.schema.fields[name], value)
        assert error.value.path == path
    assert update.set(Dynamic.home, {"city": "Bath"}).set(Dynamic.rated, None).run().home == {"city": "Bath"}


def test_saving_a_part_validates_what_was_loaded(recorder: Recorder) -> None:
    Dynamic(**MINIMAL).put()
    (part,) = Dynamic.query(isbn="1").fields(Dynamic.title).all()
    part.title = "Persuasion"
    part.save()
    assert Dynamic.get(isbn="1").title == "Persuasion"
    part.title = 5
    with pytest.raises(WrongType):
        part.save()


def test_an_object_that_is_saved_is_validated_as_a_whole(recorder: Recorder) -> None:
    one = Dynamic(**MINIMAL)
    one.save()
    one.stock = 4
    one.save()
    assert Dynamic.get(isbn="1").stock == 4
    one.title = None
    with pytest.raises(MissingAttribute, match="title is required"):
        one.save()


def test_a_class_that_is_derived_has_the_contract_too() -> None:
    class Longer(Dynamic):  # type: ignore[misc, valid-type]
        def label(self) -> str:
            return f"{self.isbn}: {self.title}"

    one = Longer(**MINIMAL, **{"first-page": "x"})
    assert one.label() == "1: Emma"
    assert Longer.from_item(one.to_item()) == one
    with pytest.raises(InvalidDocument):
        Longer(**{**MINIMAL, "stock": -1}).to_item()


@pytest.mark.parametrize(
    ("schema", "options"),
    [
        ({"type": "string"}, {}),
        (True, {}),
        ({"properties": {"isbn": {"type": "text"}}}, {}),
        ({"properties": {"id": True}}, {}),
        ({"properties": {"isbn": True, "sk": True}}, {}),
        ({"properties": {"isbn": True, "_type": True}}, {}),
        ({"properties": {"isbn": True, "": True}}, {}),
        ({"properties": {"isbn": True, "x" * 256: True}}, {}),
        ({"properties": {"isbn": True}}, {"indexes": {"by_x": Index("gsi1", hash="{x}", range="-")}}),
    ],
)
def test_what_makes_no_model_is_refused(schema: Any, options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        made(schema, **options)


def test_a_property_can_be_a_key_attribute_itself(recorder: Recorder) -> None:
    model = made({"properties": {"pk": {"type": "string"}, "sk": {"type": "string"}}}, key=Key(pk="{pk}", sk="{sk}"))
    model(pk="a", sk="b").put()
    assert model.get(pk="a", sk="b").to_dict() == {"pk": "a", "sk": "b"}


def test_a_schema_that_is_none_shows_at_the_first_validation() -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        of({"type": "string", "minLength": -1})(isbn="1").validate()


def test_later_changes_of_the_schema_are_not_the_models() -> None:
    schema = json.loads(json.dumps(BOOK))
    model = made(schema)
    schema["properties"]["title"]["maxLength"] = 1
    model(**MINIMAL).validate()
    assert schema_of(model) == BOOK
    assert schema_of(model) is not model.contract.schema


class Colour(enum.Enum):
    RED = "red"


class Extent(TypedDict):
    width: int


class Home(Document, unknown="reject"):
    city: Attr[str]
    next: Attr[Home | None] = field(default=None)


class Described(Model, table=main, type="described"):
    """A book on the shelf."""

    isbn: Attr[str] = field(pattern="[0-9]+", max_length=13)
    title: Attr[str] = field(min_length=1, validate=re.compile("[A-Z]"))
    stock: Attr[int] = field(default=0, ge=0, lt=10)
    price: Attr[Decimal | None] = field(default=None, gt=0)
    ratio: Attr[float] = field(default=1.5, le=2)
    colour: Attr[Colour] = field(default=Colour.RED)
    size: Attr[Literal["a", "b"] | None] = field(default=None)
    state: Attr[str] = field(default="x", choices=["x", "y"])
    fixed: Attr[int] = field(default=3, validate=3)
    at: Attr[datetime | None] = field(default=None)
    on: Attr[date] = field(default=None)
    id: Attr[UUID] = field(default=None)
    data: Attr[bytes] = field(default=b"x", max_length=5)
    tags: Attr[set[str]] = field(default=None, max_length=3)
    pages: Attr[list[int]] = field(default=list, min_length=1)
    pair: Attr[tuple[int, str]] = field(default=None)
    counts: Attr[dict[str, int]] = field(default=None)
    extent: Attr[Extent] = field(default=None)
    home: Attr[Home | None] = field(default=None)
    mixed: Attr[bool | str | None] = field(default=None)
    several: Attr[list[date] | bool] = field(default=True)
    free: Attr[Any] = field(default=None)
    secret: Attr[str] = field(default="", hidden=True)
    label: Attr[str] = combined("{title} {isbn}")
    ver: Attr[int] = version()
    made: Attr[datetime] = timestamp(on="create")
    key = Key(pk="described#{isbn}")


def test_a_model_is_described_as_a_schema() -> None:
    home = {
        "title": "Home",
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "next": {"anyOf": [{"$ref": "#/$defs/Home"}, {"type": "null"}]},
        },
        "required": ["city"],
        "additionalProperties": False,
    }
    assert schema_of(Described) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Described",
        "description": "A book on the shelf.",
        "type": "object",
        "properties": {
            "isbn": {"type": "string", "pattern": "^(?:[0-9]+)$", "maxLength": 13},
            "title": {"type": "string", "minLength": 1, "allOf": [{"pattern": "[A-Z]"}]},
            "stock": {"type": "integer", "default": 0, "minimum": 0, "exclusiveMaximum": 10},
            "price": {"type": ["number", "string", "null"], "exclusiveMinimum": 0},
            "ratio": {"type": "number", "default": 1.5, "maximum": 2},
            "colour": {"enum": ["red"], "default": "red"},
            "size": {"enum": ["a", "b", None]},
            "state": {"enum": ["x", "y"], "default": "x"},
            "fixed": {"type": "integer", "const": 3, "default": 3},
            "at": {"type": ["string", "null"], "format": "date-time"},
            "on": {"type": ["string", "null"], "format": "date"},
            "id": {"type": ["string", "null"], "format": "uuid"},
            "data": {"type": "string", "contentEncoding": "base64", "default": "eA=="},
            "tags": {"type": ["array", "null"], "items": {"type": "string"}, "uniqueItems": True, "maxItems": 3},
            "pages": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "pair": {
                "type": ["array", "null"],
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "maxItems": 2,
            },
            "counts": {"type": ["object", "null"], "additionalProperties": {"type": "integer"}},
            "extent": {
                "type": ["object", "null"],
                "properties": {"width": {"type": "integer"}},
                "additionalProperties": False,
                "required": ["width"],
            },
            "home": {"anyOf": [{"$ref": "#/$defs/Home"}, {"type": "null"}]},
            "mixed": {"type": ["boolean", "string", "null"]},
            "several": {
                "anyOf": [{"type": "array", "items": {"type": "string", "format": "date"}}, {"type": "boolean"}],
                "default": True,
            },
            "free": {},
            "secret": {"type": "string", "default": "", "writeOnly": True},
            "label": {"type": ["string", "null"], "readOnly": True},
            "ver": {"type": ["integer", "null"], "readOnly": True},
            "made": {"type": ["string", "null"], "format": "date-time", "readOnly": True},
        },
        "required": ["isbn", "title"],
        "$defs": {"Home": home},
    }


Isbn = NewType("Isbn", str)


class Other(Document):
    isbn: Attr[Isbn]
    near: Attr[Annotated[int, "near"]]
    whatever: Attr[dict[str, Any]]
    loose: Attr[list[Any]]
    ref: Attr[Ref[Described]]
    checked: Attr[int] = field(validate=bool)
    nothing: Attr[Literal["a"] | None] = field(choices=["a", None])


def test_what_json_schema_cannot_say_is_left_open() -> None:
    assert schema_of(Other) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Other",
        "type": "object",
        "properties": {
            "isbn": {"type": "string"},
            "near": {"type": "integer"},
            "whatever": {"type": "object"},
            "loose": {"type": "array"},
            "ref": {},
            "checked": {"type": "integer"},
            "nothing": {"enum": ["a", None]},
        },
        "required": ["isbn", "near", "whatever", "loose", "ref", "checked", "nothing"],
    }


@given(
    st.builds(
        Described,
        isbn=st.from_regex("[0-9]{1,13}", fullmatch=True),
        title=st.from_regex("[A-Z][a-z]{0,9}", fullmatch=True),
        stock=st.integers(0, 9),
        price=st.none() | st.decimals("0.01", "1e9", places=2),
        size=st.sampled_from(["a", "b", None]),
        at=st.none() | st.datetimes(timezones=st.just(timezone.utc)),
        id=st.uuids(),
        tags=st.none() | st.sets(st.text(), min_size=1, max_size=3),
        pages=st.lists(st.integers(-5, 5), min_size=1, max_size=3),
        home=st.none() | st.builds(Home, city=st.text(), next=st.builds(Home, city=st.text())),
        mixed=st.none() | st.booleans() | st.text(),
    )
)
def test_documents_of_a_model_are_those_of_the_model_made_of_its_schema(described: Described) -> None:
    model = made(schema_of(Described))
    document = described.to_dict()
    again = model.parse(document)
    assert again.to_dict() == {name: value for name, value in {**document, "secret": ""}.items() if value is not None}
    assert Described.parse(again.to_dict()) == described
    again.validate()


def test_a_schema_survives_being_a_model() -> None:
    assert schema_of(made(schema_of(Described))) == schema_of(Described)
    assert schema_of(Dynamic) == BOOK
