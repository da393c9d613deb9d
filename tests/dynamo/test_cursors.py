from __future__ import annotations

from base64 import b64encode
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo import cursors
from chalicelib.dynamo.errors import InvalidCursor

KINDS: dict[str, str] = {"pk": "S", "n": "N", "b": "B"}
KEY: dict[str, Any] = {"pk": {"S": "é"}, "n": {"N": "-1.5"}, "b": {"B": "AP8="}}


def cursor(content: Any) -> str:
    return b64encode(content if isinstance(content, bytes) else orjson.dumps(content)).decode()


@pytest.mark.parametrize("index", [None, "gsi1"])
def test_a_cursor_stands_for_its_key(index: str | None) -> None:
    text = cursors.dump(index, KEY)
    assert text.replace("-", "").replace("_", "").isalnum()
    assert cursors.load(text, index, KINDS) == KEY


@given(st.text() | st.binary().map(cursor))
def test_garbage_is_no_cursor(text: str) -> None:
    with pytest.raises(InvalidCursor):
        cursors.load(text, None, KINDS)


TEXTS: list[Any] = [
    "é",
    1,
    None,
    [],
    {},
    {"S": 1},
    {"S": None},
    {"S": ""},
    {"N": "1"},
    {"X": "a"},
    {"S": "a", "N": "1"},
]
VALUES: list[tuple[str, Any]] = [
    *[("pk", value) for value in TEXTS],
    *[("n", {"N": value}) for value in ("", "a", 1, None)],
    *[("b", {"B": value}) for value in ("", "a", 1)],
]


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        [None],
        {"a": 1, "b": 2},
        [None, KEY, 1],
        [None, []],
        [None, "pk"],
        ["gsi1", KEY],
        [1, KEY],
        [None, {}],
        [None, {"pk": KEY["pk"]}],
        [None, {**KEY, "sk": {"S": "a"}}],
        *[[None, {**KEY, name: value}] for name, value in VALUES],
    ],
)
def test_what_is_no_key_of_this_index_is_refused(content: Any) -> None:
    with pytest.raises(InvalidCursor):
        cursors.load(cursor(content), None, KINDS)
