from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from chalicelib.schema import json_text
from chalicelib.where.ast import Node
from chalicelib.where.errors import InvalidForm
from chalicelib.where.json_form import dump, load
from chalicelib.where.parser import parse

from .nodes import expressions


@given(expressions)
def test_the_json_form_of_a_node_loads_as_the_node(node: Node) -> None:
    assert load(dump(node)) == node


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("true", True),
        ("a", "a"),
        ("year >= 1970 and has(a.b)", ["and", [">=", "year", 1970], ["has", "a.b"]]),
        ('author == "Ursula"', ["==", "author", {"value": "Ursula"}]),
        ("author == auth.id", ["==", "author", "auth.id"]),
        ("`US Gross` in $list", ["in", "`US Gross`", {"$": "list"}]),
        ("a not in [1, 'x']", ["not", ["in", "a", {"value": [1, "x"]}]]),
        ("a == {'b': [null]}", ["==", "a", {"value": {"b": [None]}}]),
        ("a between -1.5 and now - 60", ["between", "a", -1.5, ["-", "now", 60]]),
        ("a.startsWith('x') or size(b) != 2", ["or", ["startsWith", "a", {"value": "x"}], ["!=", ["size", "b"], 2]]),
        ("tags.contains(null)", ["contains", "tags", None]),
    ],
)
def test_the_json_form_is_the_text_in_arrays(text: str, form: Any) -> None:
    assert dump(parse(text)) == form
    assert load(form) == parse(text)
    assert load(json_text.parse(json_text.dump(form).encode())) == parse(text)


def test_a_number_keeps_its_digits() -> None:
    text = b'["==", "a", 12345678901234567890.12345]'
    node = load(json_text.parse(text))
    assert node == parse("a == 12345678901234567890.12345")
    assert dump(node)[2] == Decimal("12345678901234567890.12345")
    assert load(["==", "a", Decimal(12345678901234567890)]) == parse("a == 12345678901234567890")


@pytest.mark.parametrize(
    ("form", "pointer", "message"),
    [
        ([], "", "name of an operation first"),
        ([1, 2], "/0", "name of an operation first"),
        (["xor", "a", "b"], "/0", "no operation 'xor'"),
        (["and", "a"], "", "and takes 2 or more operands, not 1"),
        (["and", "a", ["==", "a"]], "/2", "== takes 2 operands, not 1"),
        (["between", "a", 1], "", "between takes 3 operands, not 2"),
        (["==", "a", {"value": 1, "$": "b"}], "/2", "one member"),
        (["==", "a", {}], "/2", "one member"),
        (["==", "a", {"param": "b"}], "/2", 'one member, "value" or "$"'),
        (["==", "a", {"$": 1}], "/2/$", "name of a parameter"),
        (["==", "a", {"$": "a b"}], "/2/$", "name of a parameter"),
        (["==", "a", "Ursula K."], "/2", 'a string that is meant as such is {"value": "…"}'),
        (["==", "", 1], "/1", "expected the path"),
        (["<", "a", None], "/2", "this is null"),
        (["not", 1], "/1", "no condition"),
        ({"value": "a"}, "", "a string is no condition"),
        (["has", ["size", "a"]], "/1", "path of a property"),
        (["+", 1, "a"], "/2", "cannot compute"),
        (["in", "a", 1], "/2", "looks into a list"),
        (["==", "a", float("nan")], "/2", "finite numbers"),
        (["==", "a", {"value": [1, 10**40 + 1]}], "/2/value/1", "38 digits"),
        (["==", "a", {"value": {"b": object()}}], "/2/value/b", "expected a JSON value"),
        (["==", "a", {"value": {1: 1}}], "/2/value", "expected a string"),
        (["==", "a", {"value": "\ud800"}], "/2/value", "surrogate"),
        (["==", "a", {"value": "x" * 4097}], "/2/value", "4,096"),
        (["or", *(["==", "a", {"value": "x" * 4000}] for _ in range(2))], "", "more than 4,096 characters"),
        (["in", "a", {"value": [1] * 200}], "/2/value/199", "more than 200 terms"),
    ],
)
def test_what_is_no_json_form_is_refused_with_its_pointer(form: Any, pointer: str, message: str) -> None:
    with pytest.raises(InvalidForm) as caught:
        load(form)
    assert caught.value.pointer == pointer
    assert message in caught.value.detail


def test_a_root_that_is_not_known_is_refused_with_its_pointer() -> None:
    form = ["and", ["==", "owner", "auth.id"], ["==", "`new`", 1]]
    assert load(form, roots=("auth",)) == load(form)
    with pytest.raises(InvalidForm, match="auth is known in access rules only") as caught:
        load(form, roots=())
    assert caught.value.pointer == "/1/2"


def test_33_levels_are_refused() -> None:
    form: Any = "a"
    for _ in range(31):
        form = ["not", form]
    assert load(form) == parse("not " * 31 + "a")
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    for refused in (["not", form], ["==", "a", {"value": deep}]):
        with pytest.raises(InvalidForm, match="nested deeper than 32 levels"):
            load(refused)
