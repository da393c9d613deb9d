from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from chalicelib.dynamo import Attr, Document, Key, Model, after, before, combined, field, main
from chalicelib.dynamo.errors import (
    ConstraintViolated,
    Invalid,
    Item,
    MissingAttribute,
    UnknownAttribute,
    Unstorable,
    WrongType,
)
from chalicelib.dynamo.hooks import Loading, Validation
from chalicelib.dynamo.schema import USES_UNTIL_SPECIALISED

NOON = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
STEPS: list[str] = []


def step(name: str) -> Any:
    """A function of one value that records that it was called."""

    def record(value: Any) -> Any:
        STEPS.append(name)
        return value

    return record


class Stepwise(Model, table=main, unknown="keep"):
    """Records the order of everything that is called."""

    id: Attr[str] = field(name="sk")
    forced: Attr[str] = field(default=lambda: step("forced")("f"), forced=True)
    first: Attr[str] = field(set=step("set"), get=step("get"), validate=step("validate first"))
    both: Attr[str | None] = combined("{forced}-{first}")
    last: Attr[str] = field(validate=step("validate last"))
    fallback: Attr[str] = field(default="static", get=step("get of a default"))
    key = Key(pk="{both}", sk="{id}")

    def storing(self) -> None:
        STEPS.append("storing")

    def check(self) -> None:
        STEPS.append("check")

    def loaded(self) -> None:
        STEPS.append("loaded")


@before("validate", Stepwise)
def _before_validate(event: Validation) -> None:
    STEPS.append("before validate")


@after("validate", Stepwise)
def _after_validate(event: Validation) -> None:
    STEPS.append("after validate")


@before("load", Stepwise)
def _before_load(event: Loading) -> None:
    STEPS.append("before load")


@after("load", Stepwise)
def _after_load(event: Loading) -> None:
    STEPS.append("after load")


class Inner(Document):
    """Keeps nothing by itself."""

    name: Attr[str]
    inner: Attr[Inner | None] = field(default=None)


class Dropping(Document):
    """What a class does unless it is told otherwise."""

    a: Attr[str]


class Keeping(Dropping, unknown="keep"):
    """Keeps everything."""

    b: Attr[str | None] = field(default=None, name="bee")


class KeepingSome(Document, unknown=("x*", "inner.y", "inner.inner.z", "list.*", "m*.w")):
    """Keeps some, by path."""

    a: Attr[str]
    inner: Attr[Inner | None] = field(default=None)
    list: Attr[list[Inner] | None] = field(default=None)
    map: Attr[dict[str, Inner] | None] = field(default=None)


class KeepingStill(KeepingSome):
    """Keeps what its base does."""


class Rejecting(Dropping, unknown="reject"):
    """Takes nothing else."""


class Kept(Model, table=main, unknown="keep"):
    """A model that keeps everything."""

    id: Attr[str] = field(name="sk")
    note: Attr[str | None] = field(name="_note", default=None, max_length=3)
    key = Key(pk="kept", sk="{id}")


class Options(Document):
    """An option of each kind."""

    name: Attr[str] = field(set=str.lower, get=str.title, min_length=2, pattern="[a-z]+")
    count: Attr[int] = field(default=0, ge=0, set=lambda value: value + 1)
    level: Attr[int | None] = field(default=None, le=3, choices=[1, 2, 3, 4])
    forced: Attr[str] = field(default="always", forced=True)
    tags: Attr[list[list[str]]] = field(default=[["new"]])
    made: Attr[datetime | None] = field(default=None, storage="seconds")
    label: Attr[str | None] = combined("{name}:{level:02}")
    null: Attr[str | None]


@pytest.fixture(autouse=True)
def _no_steps() -> Iterator[None]:
    STEPS.clear()
    yield
    STEPS.clear()


def options(**values: Any) -> Options:
    return Options(**{"name": "Ann", "null": None, **values})


def test_storing_takes_its_steps_in_the_order_that_is_documented() -> None:
    Stepwise(id="1", first="a", last="b").to_item()
    STEPS.remove("forced")  # the default of a new object
    assert STEPS == [
        "before validate",
        "storing",
        "forced",
        "set",
        "validate first",
        "validate last",
        "check",
        "after validate",
    ]


def test_loading_takes_its_steps_in_the_order_that_is_documented() -> None:
    loaded = Stepwise.from_item({"sk": {"S": "1"}, "first": {"S": "a"}})
    assert loaded.fallback == "static"
    assert STEPS == ["before load", "get", "loaded", "after load"]


def test_each_option_does_its_part() -> None:
    one = options(level=2, count=4, forced="never", made=NOON)
    assert Options.schema.item(one) == {
        "name": {"S": "ann"},
        "count": {"N": "5"},
        "level": {"N": "2"},
        "forced": {"S": "always"},
        "tags": {"L": [{"L": [{"S": "new"}]}]},
        "made": {"N": "1714564800"},
        "label": {"S": "ann:02"},
        "null": {"NULL": True},
    }
    assert (one.name, one.count, one.forced, one.label) == ("ann", 5, "always", "ann:02")
    assert Options.schema.load(Options.schema.encode(one.__dict__)).name == "Ann"


def test_a_combined_field_is_nothing_while_a_part_is() -> None:
    one = options()
    assert "label" not in Options.schema.item(one)
    one.level = 1
    Options.schema.item(one)
    assert one.label == "ann:01"


def test_a_combined_field_is_left_alone_where_a_part_was_not_loaded() -> None:
    part = Options.of_values({"name": "ann", "label": "ann:03"})
    assert Options.schema.item(part, partial=True)["label"] == {"S": "ann:03"}


def test_a_combined_field_has_to_be_of_fields() -> None:
    kind: Any = type("Wrong", (Document,), {"__annotations__": {"a": Attr[str]}, "a": combined("{b} {c}")})
    with pytest.raises(TypeError, match="Wrong has no field b, c, of which a is combined"):
        kind.schema.compile()


@pytest.mark.parametrize(
    ("values", "error", "path"),
    [
        ({"name": None}, MissingAttribute, ["name"]),
        ({"name": "a"}, ConstraintViolated, ["name"]),
        ({"name": "a1"}, ConstraintViolated, ["name"]),
        ({"count": -2}, ConstraintViolated, ["count"]),
        ({"level": 4}, ConstraintViolated, ["level"]),
        ({"level": 0}, ConstraintViolated, ["level"]),
        ({"level": True}, WrongType, ["level"]),
        ({"tags": [["a"], ["b", 1]]}, WrongType, ["tags", 1, 1]),
    ],
)
def test_what_is_wrong_has_its_path(values: dict[str, Any], error: type[Invalid], path: list[str | int]) -> None:
    with pytest.raises(error) as refused:
        Options.schema.item(options(**values))
    assert refused.value.path == path


def test_what_was_not_loaded_is_not_required_of_a_part() -> None:
    part = Options.of_values({"count": 1})
    assert Options.schema.item(part, partial=True) == {"count": {"N": "2"}, "forced": {"S": "always"}}
    with pytest.raises(MissingAttribute):
        Options.schema.item(part)
    with pytest.raises(MissingAttribute):
        Options.schema.item(Options.of_values({"name": None}), partial=True)


def test_an_absent_attribute_has_its_static_default_and_no_other() -> None:
    loaded = Stepwise.schema.load({"first": {"S": "a"}})
    assert (loaded.fallback, loaded.both) == ("static", None)
    for missing in ("id", "forced", "last"):
        assert not hasattr(loaded, missing)


def test_of_a_part_only_what_was_asked_for_has_its_default() -> None:
    loaded = Options.schema.load({"name": {"S": "ann"}}, only={"name", "count"})
    assert loaded.__dict__ == {"name": "Ann", "count": 0}


def test_defaults_of_loaded_objects_are_not_shared() -> None:
    item: Item = {"name": {"S": "ann"}}
    Options.schema.load(item).tags[0].append("old")
    assert Options.schema.load(item).tags == [["new"]]
    assert options().tags == [["new"]]


def test_null_that_others_stored_is_none() -> None:
    loaded = Options.schema.load({"name": {"NULL": True}, "level": {"NULL": True}})
    assert (loaded.name, loaded.level) == (None, None)


def test_a_stored_attribute_of_another_type_has_its_path() -> None:
    with pytest.raises(WrongType, match="name is stored as N, which is not a string") as refused:
        Options.schema.load({"name": {"N": "1"}})
    assert refused.value.path == ["name"]
    with pytest.raises(WrongType) as refused:
        KeepingSome.schema.load({"a": {"S": ""}, "list": {"L": [{"M": {"inner": {"M": {"name": {"N": "1"}}}}}]}})
    assert refused.value.path == ["list", 0, "inner", "name"]


def test_unknown_attributes_are_dropped() -> None:
    loaded = Dropping.schema.load({"a": {"S": "1"}, "c": {"S": "2"}})
    assert Dropping.schema.item(loaded) == {"a": {"S": "1"}}
    assert not hasattr(loaded, "extra")


def test_unknown_attributes_are_kept_and_written_back() -> None:
    item: Item = {"a": {"S": "1"}, "c": {"L": [{"N": "2"}, {"NULL": True}]}}
    loaded = Keeping.schema.load(item)
    assert loaded.extra == {"c": [2, None]}
    assert Keeping.schema.item(loaded) == item


def test_unknown_attributes_are_kept_by_path() -> None:
    item: Item = {
        "a": {"S": "1"},
        "x": {"N": "1"},
        "x1": {"N": "2"},
        "y": {"N": "3"},
        "inner": {
            "M": {
                "name": {"S": "i"},
                "y": {"N": "4"},
                "z": {"N": "5"},
                "inner": {"M": {"name": {"S": "ii"}, "y": {"N": "6"}, "z": {"N": "7"}}},
            }
        },
        "list": {"L": [{"M": {"name": {"S": "l"}, "p": {"N": "8"}}}]},
        "map": {"M": {"k": {"M": {"name": {"S": "m"}, "w": {"N": "9"}, "v": {"N": "9"}}}}},
    }
    for kind in (KeepingSome, KeepingStill):
        stored = kind.schema.item(kind.schema.load(item))
        assert stored == {
            "a": {"S": "1"},
            "x": {"N": "1"},
            "x1": {"N": "2"},
            "inner": {
                "M": {
                    "name": {"S": "i"},
                    "y": {"N": "4"},
                    "inner": {"M": {"name": {"S": "ii"}, "z": {"N": "7"}}},
                }
            },
            "list": {"L": [{"M": {"name": {"S": "l"}, "p": {"N": "8"}}}]},
            "map": {"M": {"k": {"M": {"name": {"S": "m"}, "w": {"N": "9"}}}}},
        }


def test_new_nested_documents_have_nothing_unknown_to_keep() -> None:
    one = KeepingSome(a="1", inner=Inner(name="i"))
    assert KeepingSome.schema.item(one) == {"a": {"S": "1"}, "inner": {"M": {"name": {"S": "i"}}}}


def test_unknown_attributes_are_rejected() -> None:
    assert Rejecting.schema.load({"a": {"S": "1"}}).a == "1"
    with pytest.raises(UnknownAttribute, match="c is not declared") as refused:
        Rejecting.schema.load({"a": {"S": "1"}, "c": {"S": "2"}})
    assert refused.value.path == ["c"]


def test_what_is_unknown_never_takes_the_place_of_a_key_or_a_field() -> None:
    kept = Kept.parse({"id": "1", "pk": "other", "_note": "too long", "_type": "other", "size": 3})
    assert kept.to_item() == {"pk": {"S": "kept"}, "sk": {"S": "1"}, "size": {"N": "3"}}
    assert Kept.from_item(kept.to_item()).extra == {"size": 3}


def test_an_unknown_attribute_that_cannot_be_stored_has_its_path() -> None:
    kept = Kept(id="1")
    kept.extra["size"] = [1e200]
    with pytest.raises(Unstorable) as refused:
        kept.to_item()
    assert refused.value.path == ["size", 0]


def test_one_field_is_encoded_with_its_function_and_constraints() -> None:
    schema = Options.schema
    assert schema.encode_field("name", "BOB") == {"S": "bob"}
    assert schema.encode_field("made", NOON) == {"N": "1714564800"}
    assert schema.encode_field("null", None) == {"NULL": True}


@pytest.mark.parametrize(
    ("name", "value", "error", "path"),
    [
        ("name", "a", ConstraintViolated, ["name"]),
        ("name", None, MissingAttribute, ["name"]),
        ("tags", [["a", 1]], WrongType, ["tags", 0, 1]),
        ("nothing", 1, UnknownAttribute, ["nothing"]),
    ],
)
def test_one_field_that_is_wrong_has_its_path(name: str, value: Any, error: type[Invalid], path: Any) -> None:
    with pytest.raises(error) as refused:
        Options.schema.encode_field(name, value)
    assert refused.value.path == path


def test_a_validator_sees_all_values_after_they_are_composed() -> None:
    seen: list[dict[str, Any]] = []
    kind: Any = type("Checked", (Options,), {})
    kind.schema.validator = lambda values: seen.append(dict(values))
    kind.schema.item(kind(name="Ann", null=None, level=1))
    assert seen[0]["label"] == "ann:01"


def test_the_specialised_codec_takes_over_when_a_schema_is_used_often() -> None:
    kind: Any = type("Often", (Dropping,), {})
    general = (kind.schema.encode, kind.schema.values)
    for number in range(USES_UNTIL_SPECIALISED - 1):
        kind.schema.encode({"a": str(number)})
    assert (kind.schema.encode, kind.schema.values) == general
    assert kind.schema.values({"a": {"S": "x"}}) == {"a": "x"}
    assert kind.schema.encode != general[0]
    assert kind.schema.values != general[1]
    assert kind.schema.encode({"a": "x"}) == {"a": {"S": "x"}}
    assert kind.schema.item(kind(a="y")) == {"a": {"S": "y"}}
    assert kind.schema.load({"a": {"S": "z"}}).a == "z"


def test_threads_that_use_a_schema_first_together_compile_the_same() -> None:
    kind: Any = type("Shared", (Options,), {})
    gate = threading.Barrier(8)
    found: list[str] = []

    def use() -> None:
        gate.wait()
        found.append(kind.schema.load({"name": {"S": "ann"}}).name)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["Ann"] * 8
    assert len(kind.schema._get) == 1
