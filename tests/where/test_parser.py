from __future__ import annotations

import sys
from contextlib import suppress

import pytest

from chalicelib.where import ast
from chalicelib.where.ast import Arithmetic, Compare, Constant, Parameter, Reference
from chalicelib.where.errors import InvalidText
from chalicelib.where.parser import ROOTS, parse, parse_reference
from chalicelib.where.printer import to_text

A, B, C = (Reference("record", (name,)) for name in "abc")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a", A),
        ("a and b or c", ast.Or((ast.And((A, B)), C))),
        ("a and (b or c)", ast.And((A, ast.Or((B, C))))),
        ("a && b and c", ast.And((A, B, C))),
        ("(a and b) and c", ast.And((ast.And((A, B)), C))),
        ("not a and b", ast.And((ast.Not(A), B))),
        ("not a == b", ast.Not(Compare("==", A, B))),
        ("!a and !!b", ast.And((ast.Not(A), ast.Not(ast.Not(B))))),
        ("a not in [1, -2]", ast.Not(ast.In(A, Constant((1, -2))))),
        ("a between 1 and 2 and b", ast.And((ast.Between(A, Constant(1), Constant(2)), B))),
        ("(a == b) == true", Compare("==", Compare("==", A, B), ast.TRUE)),
        ("a == !b", Compare("==", A, ast.Not(B))),
        ("a.b[0].`c d`.in == null", Compare("==", Reference("record", ("a", "b", 0, "c d", "in")), ast.NULL)),
        ("auth.id == $id", Compare("==", Reference("auth", ("id",)), Parameter("id"))),
        ("`auth` == now", Compare("==", Reference("record", ("auth",)), Reference("now", ()))),
        ("a.contains == size", Compare("==", Reference("record", ("a", "contains")), Reference("record", ("size",)))),
        ("a.b.contains('x')", ast.Contains(Reference("record", ("a", "b")), Constant("x"))),
        ("[1].contains(a)", ast.Contains(Constant((1,)), A)),
        ("has(a) and size(b) > 1", ast.And((ast.Has(A), Compare(">", ast.Size(B), Constant(1))))),
        ('a == {"x": [null, {}]}', Compare("==", A, Constant({"x": (None, {})}))),
        ("a == -1.5", Compare("==", A, Constant(-1.5))),
        ("a == --1", Compare("==", A, Constant(1))),
        ("a between 1 && 2 && b", ast.And((ast.Between(A, Constant(1), Constant(2)), B))),
        ("a == '\\t' or 'b' in `c`", ast.Or((Compare("==", A, Constant("\t")), ast.In(Constant("b"), C)))),
        ("a == -now", Compare("==", A, Arithmetic("-", Constant(0), Reference("now", ())))),
    ],
)
def test_a_text_is_parsed(text: str, node: ast.Node) -> None:
    assert parse(text) == node


def test_arithmetic_groups_to_the_left_and_products_first() -> None:
    node = parse("a > 1 - 2 - 3 * $x")
    product = Arithmetic("*", Constant(3), Parameter("x"))
    difference = Arithmetic("-", Constant(1), Constant(2))
    assert node == Compare(">", A, Arithmetic("-", difference, product))


def test_a_path_is_parsed_alone() -> None:
    assert parse_reference("new.`a b`[2]") == Reference("new", ("a b", 2))
    for text in ("", "1", "a b", "a == 1", "in", "$p"):
        with pytest.raises(InvalidText):
            parse_reference(text)


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_is_refused_where_it_is_not_known(root: ast.Root) -> None:
    text = f"a == 1 and b == {root}.id"
    assert parse(text, roots=(root,)) == parse(text)
    for roots in ((), tuple(other for other in ROOTS if other != root)):
        with pytest.raises(InvalidText, match=f"{root} is known in access rules .*only; .* in backquotes") as caught:
            parse(text, roots)
        assert caught.value.offset == text.index(root)
        with pytest.raises(InvalidText, match="is known in access rules"):
            parse_reference(root, roots)
    assert parse(f"`{root}` == a.{root}", roots=()) == parse(f"`{root}` == a.{root}")


@pytest.mark.parametrize("text", ["a.&& == 1", "a.|| == 1", "a.1", "a.'b'", "a."])
def test_only_names_and_words_stand_after_a_dot(text: str) -> None:
    with pytest.raises(InvalidText, match="expected the name of a property") as caught:
        parse(text)
    assert caught.value.offset == 2


def test_a_property_of_the_record_has_no_negative() -> None:
    with pytest.raises(InvalidText, match="- cannot compute with a property of the record") as caught:
        parse("a == -b")
    assert caught.value.offset == 6


def test_200_terms_are_read_and_201_are_not() -> None:
    elements = ["1"] * 199
    assert parse(f"a in [{', '.join(elements)}]")
    with pytest.raises(InvalidText, match="more than 200 terms") as caught:
        parse(f"a in [{', '.join([*elements, '2'])}]")
    assert caught.value.text[caught.value.offset] == "2"


def test_32_levels_are_read_and_33_are_not() -> None:
    assert parse("not " * 31 + "a")
    assert parse("a in " + "[" * 30 + "]" * 30)
    for text in (
        "not " * 32 + "a",
        "a in " + "[" * 32 + "]" * 32,
        "1" + " + 1" * 40 + " == a",
        "(" * 70 + "a" + ")" * 70,
    ):
        with pytest.raises(InvalidText, match="nested deeper than 32 levels"):
            parse(text)


NASTY = {
    "open parentheses": "(" * 4096,
    "parentheses": "(" * 2047 + "a" + ")" * 2047,
    "negations": "not " * 1023 + "a",
    "exclamations": "!" * 4095 + "a",
    "minuses": "-" * 4095 + "1",
    "open lists": "a in " + "[" * 4000,
    "open maps": "a == " + '{"a":' * 800,
    "an open string": '"' + "a" * 4095,
    "an open string of escapes": '"' + "\\\\" * 2047,
    "quotes": '"' * 4095,
    "alternating quotes": "\"'" * 2048,
    "backquotes": "`" * 4095,
    "spaced backquotes": "` " * 2048,
    "pairs of backquotes": "`a`` " * 819,
    "methods": "a" + ".contains(1)" * 341,
    "calls": "size(" * 819,
    "sums": "1" + "+1" * 2047,
    "disjunctions": "a" + "||a" * 1365,
    "comparisons": "a" + "<a" * 2047,
    "digits": "1" * 4096,
    "an exponent": "1e" + "9" * 4094,
    "zeros": "0." + "0" * 4094,
    "spaces": " " * 4096,
    "lines": "\n" * 4095 + "?",
    "parameters": "$" * 4096,
}


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_the_nastiest_text_is_refused_in_steps_that_grow_with_its_length(text: str) -> None:
    with pytest.raises(InvalidText) as caught:
        parse(text)
    assert str(caught.value)
    assert 0 <= caught.value.offset <= len(text)
    assert steps(text) <= STEPS_A_CHARACTER * len(text) + STEPS_AT_LEAST


STEPS_A_CHARACTER, STEPS_AT_LEAST = 30, 2000


def steps(text: str) -> int:
    """The calls that reading a text makes, and what it draws of an error."""
    count = 0

    def called(*_: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        with suppress(InvalidText):
            parse(text)
    finally:
        sys.setprofile(before)
    return count


def test_a_path_may_be_as_long_as_the_text() -> None:
    for path in ("a" * 4096, "a" + ".a" * 2047, "a" + "[0]" * 1365, "`" * 4096):
        assert to_text(parse(path)) == path
