"""The session of docs/rules.md, run as it stands there; its rules, and its numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from chalicelib.collections import definitions
from chalicelib.http import public
from chalicelib.schema import rules
from tests.portico.commands import Server
from tests.support import sessions

PAGE = (sessions.PROJECT / "docs" / "rules.md").read_text()
EXAMPLES = PAGE[PAGE.index("## Examples") : PAGE.index("## Hidden properties")]
USER = r"\b[0-9a-f]{24}\b"


def shown(output: str) -> str:
    return re.sub(USER, "(user)", sessions.normal(output))


def test_the_session_is_a_real_one(tmp_path: Path) -> None:
    steps = sessions.steps(PAGE)
    with Server(tmp_path) as server:
        printed = sessions.outputs(steps, server, tmp_path)
    for (command, output), real in zip(steps, printed, strict=True):
        assert output is None or shown(real) == shown(output), command


@pytest.mark.parametrize("rule", re.findall(r"^\| `([^`]+)` \|", EXAMPLES, re.MULTILINE))
def test_its_rules_are_rules(rule: str) -> None:
    assert not list(rules.failures({"update": rule}))


@pytest.mark.parametrize("text", re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
def test_its_definitions_have_rules(text: str) -> None:
    given = json.loads(text)
    assert not list(rules.failures(given.get("rules", given)))


def test_what_it_says_that_rules_cannot_do_they_cannot() -> None:
    assert list(rules.failures({"update": "new.price <= price * 2"}))
    assert not list(rules.failures({"update": "new.price / 2 <= price", "read": 'request.headers.`x-app` == "shop"'}))


def test_it_has_every_operation() -> None:
    table = PAGE[PAGE.index("## The operations") : PAGE.index("Besides the record's properties")]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(rules.ROOTS)


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"in force\nwithin {definitions.CACHE_SECONDS:.0f} s" in PAGE
    assert f"public,\nmax-age={public.MAX_AGE}`" in PAGE
