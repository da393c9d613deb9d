from __future__ import annotations

from typing import Any

import pytest

from chalicelib.dynamo.layout import Layout, SecondaryIndex

BY_TITLE = SecondaryIndex("by-title", "title", "year")


def indexes(count: int, **settings: Any) -> list[SecondaryIndex]:
    return [SecondaryIndex(f"gsi{number}", f"h{number}", **settings) for number in range(count)]


def test_the_keys_are_those_of_the_table_or_of_an_index() -> None:
    layout = Layout("shelf", "isbn", indexes=[BY_TITLE, SecondaryIndex("by-author", "author")])
    assert layout.keys() == ("shelf", "isbn")
    assert layout.keys("by-title") == ("title", "year")
    assert layout.keys("by-author") == ("author",)
    assert Layout("shelf", None).keys() == ("shelf",)


def test_an_unknown_index_has_no_keys() -> None:
    with pytest.raises(KeyError):
        Layout().keys("by-title")


def test_key_attributes_are_strings_unless_they_are_typed() -> None:
    layout = Layout(indexes=[BY_TITLE], types={"year": "N"})
    assert list(layout.types.items()) == [("pk", "S"), ("sk", "S"), ("title", "S"), ("year", "N")]
    assert layout.type_of("year") == "N"


def test_an_attribute_in_no_key_has_no_type() -> None:
    with pytest.raises(KeyError):
        Layout().type_of("title")


def test_an_index_has_its_own_throughput_or_that_of_the_table() -> None:
    fast = SecondaryIndex("fast", "h", throughput=(9, 9))
    layout = Layout(throughput=(2, 1), indexes=[BY_TITLE, fast])
    assert layout.throughput_of(BY_TITLE) == (2, 1)
    assert layout.throughput_of(fast) == (9, 9)
    assert Layout(indexes=[BY_TITLE]).throughput_of(BY_TITLE) is None


def test_layouts_are_equal_when_they_declare_the_same() -> None:
    assert Layout(indexes=[BY_TITLE], tags={"a": "b"}) == Layout("pk", "sk", indexes=(BY_TITLE,), tags={"a": "b"})
    assert Layout(types={"pk": "S"}) == Layout()
    assert Layout() != Layout(ttl="expires")
    assert Layout() != Layout(types={"pk": "N"})
    assert Layout() != object()


def test_a_layout_is_shown_without_what_is_usual() -> None:
    assert repr(Layout()) == "Layout()"
    assert repr(Layout(range=None, ttl="t", types={"pk": "N"})) == "Layout(range=None, ttl='t', types={'pk': 'N'})"


def test_types_and_tags_cannot_be_changed() -> None:
    layout: Any = Layout(tags={"a": "b"})
    with pytest.raises(TypeError):
        layout.types["pk"] = "N"
    with pytest.raises(TypeError):
        layout.tags["a"] = "c"


def test_as_much_as_dynamodb_takes_can_be_declared() -> None:
    names = tuple(f"a{number}" for number in range(20))
    layout = Layout(
        indexes=[*indexes(5, projection=names), *(SecondaryIndex(f"g.-_{number}", "h") for number in range(15))],
        tags={"k" * 128: "v" * 256, **{str(number): "" for number in range(49)}},
    )
    assert len(layout.indexes) == 20


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"hash": "a", "range": "a"}, "The table has the attribute 'a' twice in its key"),
        ({"hash": ""}, "a key attribute of which the name is not 1 to 255 bytes long: ''"),
        ({"range": "ä" * 128}, "not 1 to 255 bytes long"),
        ({"indexes": [SecondaryIndex("gsi", "a", "a")]}, "The index 'gsi' has the attribute 'a' twice"),
        ({"types": {"title": "S"}}, "'title' has a type and is in no key"),
        ({"types": {"pk": "BOOL"}}, "'pk' is of the type 'BOOL', and can be S, N or B"),
        ({"indexes": indexes(21)}, "at most 20 indexes, not 21"),
        ({"indexes": [SecondaryIndex("ab", "h")]}, "An index has a name of 3 to 255 of a-z, .* not 'ab'"),
        ({"indexes": [SecondaryIndex("by title", "h")]}, "not 'by title'"),
        ({"indexes": [BY_TITLE, BY_TITLE]}, "two indexes 'by-title'"),
        ({"indexes": indexes(1, projection="INCLUDE")}, "'gsi0' projects 'INCLUDE', not ALL, KEYS_ONLY or"),
        ({"indexes": indexes(1, projection=())}, "'gsi0' names 0 attributes to project, not 1 to 20"),
        ({"indexes": indexes(1, projection=tuple("abcdefghijklmnopqrstu"))}, "names 21 attributes"),
        ({"indexes": indexes(6, projection=tuple("abcdefghijklmnopqrst"))}, "120 attributes .* can name 100"),
        ({"indexes": indexes(1, throughput=(1, 1))}, "'gsi0' has a throughput and its table is on demand"),
        ({"indexes": indexes(1, throughput=(1, 0)), "throughput": (1, 1)}, r"at least one unit .* not \(1, 0\)"),
        ({"throughput": (0, 1)}, "at least one unit to read and one to write"),
        ({"ttl": ""}, "The time to live's attribute has a name of 1 to 255 bytes, not ''"),
        ({"stream": "ALL"}, "A stream has KEYS_ONLY, NEW_IMAGE, OLD_IMAGE, NEW_AND_OLD_IMAGES, not 'ALL'"),
        ({"table_class": "CHEAP"}, "A table's class is STANDARD or STANDARD_INFREQUENT_ACCESS, not 'CHEAP'"),
        ({"tags": {str(number): "" for number in range(51)}}, "at most 50 tags, not 51"),
        ({"tags": {"k": "v" * 257}}, "its value at most 256: 'k'"),
        ({"tags": {"": "v"}}, "A tag's key has 1 to 128 characters"),
        ({"tags": {"AWS:a": "v"}}, "'aws:' are AWS's own: 'AWS:a'"),
    ],
)
def test_what_dynamodb_has_not_cannot_be_declared(settings: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Layout(**settings)
