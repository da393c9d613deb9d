"""The cases of compliance/, which any implementation of the language can run. docs/where.md describes their form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.schema import json_text
from chalicelib.where.ast import FALSE, TRUE, references
from chalicelib.where.errors import InvalidText
from chalicelib.where.evaluate import Environment, evaluate
from chalicelib.where.fold import bind, fold
from chalicelib.where.json_form import dump, load
from chalicelib.where.parser import parse
from chalicelib.where.printer import to_text

FILES = sorted((Path(__file__).parent / "compliance").glob("*.json"))


def read() -> Iterator[Any]:
    for path in FILES:
        for group in json_text.parse(path.read_bytes()):
            for case in group["cases"]:
                yield pytest.param(group["given"], case, id=f"{path.stem}: {case['expression']}")


CASES = list(read())


def environment_of(case: Any) -> tuple[Environment, dict[str, Any]]:
    known = dict(case.get("env", {}))
    parameters = known.pop("parameters", {})
    return Environment(**known), parameters


@pytest.mark.parametrize(("given", "case"), [case for case in CASES if "result" in case.values[1]])
def test_an_expression_has_its_result(given: dict[str, Any], case: Any) -> None:
    environment, parameters = environment_of(case)
    node = parse(case["expression"])
    assert evaluate(bind(node, parameters), given, environment) is case["result"]
    folded = fold(node, environment, parameters)
    assert evaluate(folded, given) is case["result"]
    assert folded in {TRUE, FALSE} or {found.root for found in references(folded)} == {"record"}
    assert parse(to_text(node)) == load(dump(node)) == node


@pytest.mark.parametrize(("given", "case"), [case for case in CASES if "error" in case.values[1]])
def test_an_expression_has_its_error(given: dict[str, Any], case: Any) -> None:
    with pytest.raises(InvalidText) as caught:
        parse(case["expression"])
    assert (caught.value.detail, caught.value.offset) == (case["error"], case["offset"])


def test_there_are_enough_cases_and_none_is_there_twice() -> None:
    found = [(str(given), case["expression"], str(case.get("env"))) for given, case in (case.values for case in CASES)]
    assert len(found) == len(set(found))
    assert len(found) >= 400
