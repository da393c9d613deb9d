from __future__ import annotations

import pytest

from chalicelib.where.errors import InvalidExpression, InvalidForm, InvalidText, UnboundParameter
from chalicelib.where.parser import parse


def failure(text: str) -> InvalidText:
    with pytest.raises(InvalidText) as caught:
        parse(text)
    return caught.value


def test_the_caret_stands_below_the_place() -> None:
    error = failure("year >= 1970 adn author")
    assert (error.offset, error.line, error.column) == (13, 1, 14)
    assert error.expected == "an operator or the end"
    assert str(error) == (
        "line 1, column 14: expected an operator or the end, found 'adn'\n  year >= 1970 adn author\n               ^"
    )


def test_only_the_line_of_the_error_is_drawn() -> None:
    error = failure("a == 1\n\tand b ==\nor c")
    assert (error.line, error.column) == (3, 1)
    assert str(error).splitlines()[1:] == ["  or c", "  ^"]


def test_a_long_line_is_cut_around_the_place() -> None:
    error = failure("a == 1 and " * 30 + "b == ?")
    _, drawn, caret = str(error).splitlines()
    assert drawn[caret.index("^")] == "?"
    assert len(drawn) < 100


def test_a_character_that_cannot_be_printed_is_drawn_as_a_space() -> None:
    assert str(failure("a ==\t\x00")).splitlines()[1:] == ["  a ==  ", "       ^"]


def test_all_are_invalid_expressions() -> None:
    assert issubclass(InvalidText, InvalidExpression)
    assert str(InvalidForm("is wrong", ("and", 1, "a/b"))) == "/and/1/a~1b: is wrong"
    assert str(InvalidForm("is wrong", ())) == "the expression: is wrong"
    assert str(UnboundParameter("p")) == "the parameter $p has no value"
