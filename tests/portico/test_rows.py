from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico import rows
from portico.errors import CommandError
from portico.rows import Format

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), values, max_size=4)


def read(content: str | bytes, form: Format = "ndjson") -> list[rows.Row]:
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    found = list(rows.read(file, form))
    assert not file.closed
    return found


@given(st.lists(values, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_an_arrays_elements_are_what_json_says(elements: list[Any], indent: int | None, ascii_only: bool) -> None:
    found = read(json.dumps(elements, indent=indent, ensure_ascii=ascii_only), "json")
    assert [json.loads(row.text) for row in found] == elements
    assert all("\n" not in row.text for row in found)
    assert [(row.index, row.line) for row in found] == [(index, index + 1) for index in range(len(elements))]


@given(objects, st.text())
def test_an_added_id_leaves_the_rest_as_it_is(row: dict[str, Any], value: str) -> None:
    row.pop("id", None)
    (found,) = read(json.dumps(row))
    assert json.loads(found.with_id(value)) == {"id": value, **row}


@pytest.mark.parametrize(
    "number", ["9007199254740993", "0.1000000000000000055511151231257827", "1.50", "1E400", "-0", "9" * 5000]
)
@pytest.mark.parametrize(("form", "template"), [("ndjson", '{"n": %s}'), ("json", '[{"n": %s}]')])
def test_no_number_changes(form: Format, template: str, number: str) -> None:
    (row,) = read(template % number, form)
    assert row.text == f'{{"n": {number}}}'
    assert row.with_id("a") == f'{{"id":"a","n": {number}}}'
    assert row.value == {"n": number}


def test_an_element_longer_than_what_is_read_at_once_is_whole() -> None:
    long = "x" * (3 * rows.BLOCK)
    assert [row.value for row in read(json.dumps([long, 12, {"a": long}]), "json")] == [long, "12", {"a": long}]


@pytest.mark.parametrize("cut", range(rows.BLOCK - 6, rows.BLOCK + 2))
def test_an_element_on_the_border_of_what_is_read_at_once_is_whole(cut: int) -> None:
    content = "[" + " " * (cut - 1) + '12345, {"a": 1}]'
    assert [row.text for row in read(content, "json")] == ["12345", '{"a": 1}']


def test_lines_that_are_no_json_are_rows_too_and_blank_ones_are_not() -> None:
    found = read('{"a":1}\n\n  \r\n{"a":\n[1]\r\n{"a": 1')
    assert [(row.index, row.line, row.text, row.value) for row in found] == [
        (0, 1, '{"a":1}', {"a": "1"}),
        (1, 4, '{"a":', None),
        (2, 5, "[1]", ["1"]),
        (3, 6, '{"a": 1', None),
    ]


@pytest.mark.parametrize(
    "content", ["", "{}", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[1] x", '["a', "[{]", "[" * 100_000]
)
def test_a_broken_array_is_one_sentence(content: str) -> None:
    with pytest.raises(CommandError):
        read(content, "json")


def test_bytes_that_are_not_utf_8_are_one_sentence() -> None:
    with pytest.raises(CommandError, match="not UTF-8"):
        read(b'{"a": "\xff"}')


def test_csv_cells_are_numbers_where_they_look_like_them() -> None:
    found = read('name,year,zip,note\r\n"Le Guin, U",1969,0123,"two\r\nlines"\r\nx,-1.50,,true\r\n', "csv")
    assert [row.text for row in found] == [
        '{"name":"Le Guin, U","year":1969,"zip":"0123","note":"two\\r\\nlines"}',
        '{"name":"x","year":-1.50,"note":true}',
    ]
    assert [row.line for row in found] == [3, 4]


@pytest.mark.parametrize("content", ["a,b\n1\n", "a,b\n1,2,3\n", 'a,b\n1,"2\n'])
def test_broken_csv_is_one_sentence_with_its_line(content: str) -> None:
    with pytest.raises(CommandError, match=r"Line \d of the CSV file"):
        read(content, "csv")


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [("a.csv", "[", "csv"), ("a.jsonl", "[", "ndjson"), ("a.json", "\n [1]", "json"), ("a.json", '{"a":1}\n', "ndjson"),
     ("-", "\ufeff[1]", "json"), ("a", "", "ndjson"), ("a", " " * 70_000 + "[]", "json")],
)  # fmt: skip
def test_the_format_is_seen_in_the_name_or_the_content(name: str, content: str, form: Format) -> None:
    assert rows.detect(Path(name), io.BytesIO(content.encode())) == form
