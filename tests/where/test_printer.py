from __future__ import annotations

import pytest
from hypothesis import given

from chalicelib.where.ast import Constant, Node
from chalicelib.where.parser import parse
from chalicelib.where.printer import literal_text, to_text

from .nodes import expressions


@given(expressions)
def test_the_text_of_a_node_parses_to_the_node(node: Node) -> None:
    assert parse(to_text(node)) == node


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("((a)) && (b || !c)", "a and (b or not c)"),
        ("(a and b) and c", "(a and b) and c"),
        ("(a and b) or (c)", "a and b or c"),
        ("not (a == 1)", "not a == 1"),
        ("not (a in [1])", "a not in [1]"),
        ("not (a and b)", "not (a and b)"),
        ("a == (not b)", "a == (not b)"),
        ("a > (1 + 2) * 3 - (4 - 5)", "a > (1 + 2) * 3 - (4 - 5)"),
        ("a > (1 * 2) + 3", "a > 1 * 2 + 3"),
        ("a > -(now)", "a > 0 - now"),
        ("('x').startsWith(a)", '"x".startsWith(a)'),
        ("(a or b).contains(1)", "(a or b).contains(1)"),
        ("`plain`.`in`.`a b` == 'it''s'".replace("''", "\\'"), 'plain.in.`a b` == "it\'s"'),
        ("`in` == `now`.x", "`in` == `now`.x"),
        ("a == 'é\\n\\u0001\"'", 'a == "é\\n\\u0001\\""'),
        ("a == 1.50e0", "a == 1.5"),
        ("a == {'x':1,'y':[ ]}", 'a == {"x": 1, "y": []}'),
    ],
)
def test_the_canonical_text_has_only_the_parentheses_it_needs(text: str, canonical: str) -> None:
    assert to_text(parse(text)) == canonical


def test_a_value_that_has_no_literal_is_not_printed() -> None:
    with pytest.raises(TypeError, match="no literal is of the type set"):
        to_text(Constant({1, 2}))


def test_half_of_a_surrogate_pair_is_printed_as_its_escape() -> None:
    assert literal_text("\ud800") == '"\\ud800"'


def test_what_is_no_node_is_not_printed() -> None:
    with pytest.raises(TypeError, match="str is no node"):
        to_text("a")  # type: ignore[arg-type]
