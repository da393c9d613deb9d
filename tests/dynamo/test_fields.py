from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.dynamo import Attr, Document, Key, Model, Path, combined, expiry, field, main, timestamp, version
from chalicelib.dynamo.errors import WrongType
from chalicelib.dynamo.fields import MISSING, TypedPath

from .everything import Address, Everything

NOON = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)


class Shop(Model, table=main):
    """Fields with other names, nested and untyped ones."""

    name: Attr[str] = field(name="sk", aliases=("title", "label"))
    address: Attr[Address | None] = field(default=None, name="adr")
    branches: Attr[dict[str, list[Address]]] = field(default=dict)
    opened: Attr[datetime | None] = field(default=None, storage="seconds")
    notes: Attr[dict[str, Any]] = field(default=dict)
    key = Key(pk="shop", sk="{name}")


def test_a_field_is_a_path_on_the_class_and_a_value_on_an_instance() -> None:
    assert Shop.name.names == ("sk",)
    assert Shop.name.stored == "sk"
    assert Shop(name="a").name == "a"


def test_a_field_can_be_assigned() -> None:
    shop = Shop(name="a")
    shop.name = "b"
    assert shop == Shop(name="b")


def test_an_alias_is_the_field_on_the_class_and_on_an_instance() -> None:
    shop: Any = Shop(name="a")
    assert (shop.title, shop.label) == ("a", "a")
    shop.title = "b"
    assert shop.name == "b"
    kind: Any = Shop
    assert kind.label is Shop.name


def test_what_was_not_loaded_is_no_attribute() -> None:
    shop = Shop.of_values({"name": "a"})
    with pytest.raises(AttributeError, match=r"Shop\.address was not loaded"):
        _ = shop.address
    assert not hasattr(shop, "opened")


def test_fields_can_be_kept_in_sets() -> None:
    assert {Shop.name: 1}[Shop.name] == 1


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (Shop.address[Address.city], ("adr", "town")),
        (Shop.address["city"], ("adr", "town")),
        (Shop.address["planet"], ("adr", "planet")),
        (Shop.branches["east"], ("branches", "east")),
        (Shop.branches["east"][0], ("branches", "east", 0)),
        (Shop.branches["east"][0][Address.city], ("branches", "east", 0, "town")),
        (Shop.notes["a.b"][3], ("notes", "a.b", 3)),
        (Shop.notes[Path("a", "b")], ("notes", "a", "b")),
        (Path("old")[Address.city], ("old", "town")),
        (Path("old")["a"][Path("b", 0)], ("old", "a", "b", 0)),
        (Everything.node["children"][0]["parent"]["name"], ("node", "children", 0, "parent", "name")),
        (Everything.pair[1], ("pair", 1)),  # type: ignore[call-overload]
    ],
)
def test_a_path_leads_on_from_a_field(path: Path[Any], names: tuple[str | int, ...]) -> None:
    assert path.names == names


@pytest.mark.parametrize(
    "path",
    [
        Shop.branches["east"][0][Address.city],
        Shop.branches["east"][0]["city"],
        Path[Any]("old")[Address.city],
        Everything.node["children"][0]["name"],
        Everything.grid[0][1],
    ],
)
def test_a_path_within_a_field_knows_its_type(path: Path[Any]) -> None:
    with pytest.raises(WrongType):
        path.encode(b"")


def test_a_value_is_encoded_as_its_field_stores_it() -> None:
    assert Shop.opened.encode(NOON) == {"N": "1714564800"}
    assert Shop.branches["east"].encode_element(Address(street="a")) == {"M": {"street": {"S": "a"}}}
    assert Shop.notes.encode_element(NOON.year) == {"N": "2024"}
    assert Shop.name.encode_element("a") == {"S": "a"}


def test_what_no_type_is_known_of_is_encoded_as_it_is() -> None:
    path = Shop.address["planet"]
    assert not isinstance(path, TypedPath)
    assert path.encode(1) == {"N": "1"}


@pytest.mark.parametrize(
    ("options", "plugin", "storage"),
    [
        (version(), ("version", {}), None),
        (timestamp(on="create"), ("timestamps", {"on": "create"}), "iso"),
        (timestamp(on="update", storage="seconds"), ("timestamps", {"on": "update"}), "seconds"),
        (expiry(after=timedelta(days=1)), ("expiry", {"after": timedelta(days=1)}), "seconds"),
    ],
)
def test_fields_of_plugins_need_no_value(options: Any, plugin: tuple[str, Any], storage: str | None) -> None:
    assert (options.plugin, options.storage, options.default) == (plugin, storage, None)


def test_options_say_what_is_usual_unless_they_are_given() -> None:
    plain = field()
    assert plain.default is MISSING
    assert (plain.aliases, plain.checks, plain.name, plain.storage) == ((), {}, None, None)
    assert [plain.forced, plain.hidden, plain.read_only, plain.unique] == [False] * 4
    assert field(aliases="a", ge=0, choices=[]).checks == {"ge": 0, "choices": ()}
    assert combined("{a}", name="b").name == "b"


class Owner(Document):
    """Of the fields of its base."""

    name: Attr[str]


class Heir(Owner):
    """Inherits a field."""


def test_an_inherited_field_is_the_heirs_own() -> None:
    assert Heir.name is not Owner.name
    assert Heir.name.names == Owner.name.names
    assert Heir.name.type is Owner.name.type
