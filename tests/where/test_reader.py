from __future__ import annotations

import pytest

from chalicelib.where.errors import InvalidText
from chalicelib.where.lexer import tokens
from chalicelib.where.parser import parse
from chalicelib.where.reader import Reader


@pytest.mark.parametrize("wrong", ["1e999", "'\\q'", "``", "\ud800", "'abc", "?"])
@pytest.mark.parametrize(
    "text", ["a == b c {}", "a.(1) {}", "a == {}", "a[{}]", "(a and {}", "{{{}: 1}} == a", "a == [{}]"]
)
def test_what_is_no_token_is_said_before_anything_else(text: str, wrong: str) -> None:
    with pytest.raises(InvalidText) as caught:
        parse(text.format(wrong))
    with pytest.raises(InvalidText) as expected:
        tokens(text.format(wrong))
    assert (caught.value.detail, caught.value.offset) == (expected.value.detail, expected.value.offset)


def test_a_literal_is_read_with_everything_in_it() -> None:
    reader = Reader("""[1, -2.5, "a", {"b": [null, true], 'c': {}}] d""")
    assert reader.literal(1) == (1, -2.5, "a", {"b": (None, True), "c": {}})
    assert reader.terms == 5
    assert reader.next() == "d"
