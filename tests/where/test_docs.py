"""The examples of docs/where.md, run as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from chalicelib.where.errors import InvalidText
from chalicelib.where.evaluate import evaluate
from chalicelib.where.json_form import dump, load
from chalicelib.where.lexer import KEYWORDS
from chalicelib.where.parser import parse
from chalicelib.where.printer import to_text

PAGE = (Path(__file__).parents[2] / "docs" / "where.md").read_text()
RECORD = json.loads(re.search(r"^`(\{.*\})`", PAGE, re.MULTILINE)[1])  # type: ignore[index]
ROWS = re.findall(r"^\| `(.+)` \| (true|false|error) \|$", PAGE, re.MULTILINE)
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("expression", "result"), ROWS)
def test_an_expression_of_the_page_has_its_result(expression: str, result: str) -> None:
    if result == "error":
        with pytest.raises(InvalidText):
            parse(expression)
    else:
        assert evaluate(parse(expression), RECORD) is (result == "true")


def test_the_page_has_examples() -> None:
    assert len(ROWS) > 50


def test_the_expressions_of_the_page_are_canonical() -> None:
    for line in "".join(text for kind, text in BLOCKS if not kind).splitlines():
        assert to_text(parse(line)) == line


def test_the_error_of_the_page_is_drawn_so() -> None:
    (drawn,) = (text for kind, text in BLOCKS if kind == "text")
    with pytest.raises(InvalidText) as caught:
        parse(drawn.splitlines()[1].strip())
    assert str(caught.value) + "\n" == drawn


def test_the_json_form_of_the_page_is_of_its_text() -> None:
    (form,) = (json.loads(text) for kind, text in BLOCKS if kind == "json")
    node = parse(BLOCKS[-1][1])
    assert load(form) == node
    assert dump(node) == form


def test_the_page_names_every_word_of_the_language() -> None:
    assert all(f"`{word}`" in PAGE for word in KEYWORDS)
