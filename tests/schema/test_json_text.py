from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo import codec
from chalicelib.errors import MalformedJson
from chalicelib.schema.json_text import canonical, dump, parse
from tests.dynamo.values import json_values, meaning, nested_lists

number_texts = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?", fullmatch=True)
LONG_NUMBER = b"0.12345678901234567890"


@given(number_texts)
def test_a_number_keeps_its_value(text: str) -> None:
    assert Decimal(dump(parse(text.encode()))) == Decimal(text)


@given(st.lists(number_texts, min_size=1))
def test_every_number_of_a_document_keeps_its_value(texts: list[str]) -> None:
    document = f'{{"a": [{", ".join(texts)}]}}'
    found = json.loads(dump(parse(document.encode())), parse_float=Decimal, parse_int=Decimal)
    assert found == {"a": [Decimal(text) for text in texts]}


@given(json_values)
def test_what_was_stored_is_dumped_and_parsed_as_it_is(value: Any) -> None:
    stored = codec.decode(codec.encode(value))
    assert meaning(parse(dump(stored).encode())) == meaning(value)


@given(json_values)
def test_what_was_parsed_can_be_stored(value: Any) -> None:
    parsed = parse(dump(codec.decode(codec.encode(value))).encode())
    assert meaning(codec.decode(codec.encode(parsed))) == meaning(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-0", 0),
        ("1.5", 1.5),
        ("123456789012345678", 123456789012345678),
        ("9223372036854775808", Decimal(2**63)),
        ("0.1234567890123456789", Decimal("0.1234567890123456789")),
        ("1e400", Decimal("1e400")),
    ],
)
def test_only_what_a_double_would_not_hold_is_a_decimal(text: str, value: Any) -> None:
    found = parse(text.encode())
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E+2"), "100"),
        (Decimal("0.1000"), "0.1000"),
        (Decimal("1E-39"), "0." + "0" * 38 + "1"),
        (Decimal("1E+125"), "1E+125"),
        (Decimal("-0"), "-0"),
        ({"b": [1, None, True], "a": "é"}, '{"b":[1,null,true],"a":"é"}'),
    ],
)
def test_a_decimal_is_written_digit_by_digit(value: Any, text: str) -> None:
    assert dump(value) == text


@pytest.mark.parametrize("value", [object(), {1, 2}, 2**64, b"a"])
def test_what_json_does_not_have_is_not_dumped(value: Any) -> None:
    with pytest.raises(TypeError):
        dump(value)


def test_the_canonical_text_is_one_for_any_order_of_names() -> None:
    exact = Decimal("0.12345678901234567890")
    assert canonical({"b": {"d": 1, "c": exact}, "a": 2}) == b'{"a":2,"b":{"c":0.12345678901234567890,"d":1}}'


MALFORMED = [
    b"",
    b" ",
    b"{",
    b"[1,]",
    b"{'a': 1}",
    b"{1: 2}",
    b"// no",
    b"nul",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b'{"a": NaN}',
    b"01",
    b"+1",
    b"1.",
    b".5",
    b"1e",
    b"0x10",
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'{"\\ud800": 1}',
    b'"\\x41"',
    b'"\x01"',
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\xc0\x80"',
    b"\xef\xbb\xbf1",
    b"1 2",
    b"1\x00",
    b"[" * 2000 + b"]" * 2000,
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_json_is_malformed(text: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse(text)


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_json_is_malformed_beside_a_long_number(text: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse(b"[" + text + b", " + LONG_NUMBER + b"]")


@pytest.mark.parametrize("text", [b"1e9999999999999999999", b"[-1E-9999999999999999999]"])
def test_an_exponent_beyond_all_decimals_is_malformed(text: bytes) -> None:
    with pytest.raises(MalformedJson, match="an exponent that is out of all reach"):
        parse(text)


def test_the_last_of_equal_names_wins() -> None:
    assert parse(b'{"a": 1, "a": 2}') == {"a": 2}
    assert parse(b'{"a": 0.12345678901234567890, "a": 2}') == {"a": 2}


@pytest.mark.parametrize("levels", [1, 31, 200])
def test_nesting_that_records_have_is_parsed(levels: int) -> None:
    assert parse(dump(nested_lists(levels)).encode()) == nested_lists(levels)


@given(st.text())
def test_text_is_parsed_alike_with_a_long_number_and_without(text: str) -> None:
    quoted = json.dumps(text).encode()
    assert parse(quoted) == text
    assert parse(b"[" + quoted + b"," + LONG_NUMBER + b"]") == [text, Decimal(LONG_NUMBER.decode())]
