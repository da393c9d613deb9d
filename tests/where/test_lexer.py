from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.where.errors import InvalidText
from chalicelib.where.lexer import END, pieces, tokens


def value(text: str) -> object:
    token, end = tokens(text)
    assert end.kind == "end"
    return token.value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("1970", 1970),
        ("12345678901234567890", 12345678901234567890),
        ("1.0", 1.0),
        ("1e3", 1000.0),
        ("0.1", 0.1),
        ("1.50", 1.5),
        ("0.1000000000000000000001", Decimal("0.1000000000000000000001")),
        ("0e999999", 0.0),
    ],
)
def test_a_number_is_an_int_or_a_float_or_what_loses_no_digit(text: str, number: object) -> None:
    assert value(text) == number
    assert type(value(text)) is type(number)


@pytest.mark.parametrize("text", ["1" * 39, "0." + "1" * 39, "1e126", "1e-131", "1e99999999999999999999999"])
def test_a_number_that_cannot_be_stored_is_refused(text: str) -> None:
    with pytest.raises(InvalidText, match="38 digits"):
        tokens(text)


def test_strings_have_the_escapes_of_json_in_either_quotes() -> None:
    assert value(r'"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"') == '"\\/\b\f\n\r\té\U0001f600'
    assert value(r"'it\'s \"it\"'") == 'it\'s "it"'
    assert value("'\"'") == '"'


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ('a == "abc', 5, "no closing quote"),
        ("'abc\\'", 0, "no closing quote"),
        ('"a\nb"', 2, "control character"),
        (r'"a\x"', 2, "no escape"),
        (r'"\ud800"', 0, "half of a surrogate pair"),
        ("a == \ud800", 5, "half of a surrogate pair"),
        ("`abc", 0, "no closing backquote"),
        ("``", 0, "one character or more"),
        ("$ a", 0, "a parameter is written"),
        ("  a = 1", 4, "equality is =="),
        ("a & b", 2, "write and"),
        ("a | b", 2, "write or"),
        ("é == 1", 0, "backquotes"),
        ("a ? b", 2, "no meaning"),
    ],
)
def test_what_is_no_token_is_refused_where_it_begins(text: str, offset: int, message: str) -> None:
    with pytest.raises(InvalidText, match=message) as caught:
        tokens(text)
    assert caught.value.offset == offset


def test_a_backquote_in_a_name_is_doubled() -> None:
    assert value("`US ``Gross```") == "US `Gross`"


def test_the_spellings_of_and_and_or_are_one() -> None:
    assert [token.kind for token in tokens("a && b and c || d or e")] == [
        *("name", "and", "name", "and", "name", "or", "name", "or", "name", "end"),
    ]


signs = st.sampled_from(
    [*"=!<>&|+-*/.,:()[]{}$`\"'\\ \n\t?é1a_", *("==", "&&", "1.5e3", "01", "1e999", "and", "a1", "$p", "``", "\\n")]
)


@given(st.lists(signs | st.characters(), max_size=30).map("".join))
def test_the_pieces_are_the_texts_of_the_tokens_up_to_what_is_none(text: str) -> None:
    *found, first, second = pieces(text)
    assert first == second == END
    assert END not in found
    try:
        expected = [text[token.start : token.end] for token in tokens(text)[:-1]]
    except InvalidText:
        # What is wrong may be in a token, a number, an escape or a name, and then the token is whole.
        expected = found if any(piece[:1] in tuple("0123456789'\"`") for piece in found) else [*found[:-1], ""]
    assert found == expected
    assert "" not in found[:-1]


def test_what_is_no_token_ends_the_pieces() -> None:
    assert pieces(r'a == "b \" c')[:-2] == ["a", "==", ""]
    assert pieces("a ? b")[:-2] == ["a", ""]
    assert pieces("a" * 4097)[:-2] == pieces("a == '\ud800'")[:-2] == [""]
    assert pieces(" \n")[:-2] == []


@pytest.mark.parametrize("text", ["99999.0000000001", "0.00000000000001", "0.0", "123456789.12345", "10.50"])
def test_a_short_fraction_is_the_float_of_its_digits(text: str) -> None:
    assert value(text) == float(text)
    assert Decimal(repr(value(text))) == Decimal(text)


def test_a_text_of_4096_characters_is_read_and_a_longer_one_is_not() -> None:
    assert len(tokens(" " * 4095 + "a")) == 2
    with pytest.raises(InvalidText, match=r"4,097 characters; at most 4,096"):
        tokens(" " * 4096 + "a")
