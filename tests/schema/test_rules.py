from __future__ import annotations

import pytest

from chalicelib.schema import rules
from chalicelib.where import ast
from chalicelib.where.lexer import MAX_CHARACTERS
from chalicelib.where.parser import parse
from tests.support.assertions import pointers
from tests.support.client import Client, administrator

KNOWS_NEW = {"create", "update"}


@pytest.mark.parametrize("operation", rules.ROOTS)
@pytest.mark.parametrize("root", ["auth.id", "request.ip", "now", "new.owner"])
def test_each_rule_asks_of_what_is_known_then(operation: str, root: str) -> None:
    failures = list(rules.failures({operation: f"owner == {root}"}))
    allowed = root != "new.owner" or operation in KNOWS_NEW
    assert [failure["pointer"] for failure in failures] == ([] if allowed else [f"/rules/{operation}"])


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "line 1, column 1: "),
        ("owner = auth.id", "line 1, column 7: "),
        ("owner ==\n auth.id adn true", "line 2, column 10: "),
        ("owner.exists()", "line 1, column 7: "),
        ("owner == $me", "has the parameter $me, and a rule has none"),
        ("price + 1 < 5", "line 1, column "),
    ],
)
def test_what_is_no_rule_is_told_with_its_place(text: str, detail: str) -> None:
    (failure,) = rules.failures({"read": text})
    assert failure["pointer"] == "/rules/read"
    assert failure["detail"].startswith(detail)


def test_all_that_is_wrong_is_told() -> None:
    failures = list(rules.failures({"list": "(", "read": "true", "update": "a ==", "delete": "new.a == 1"}))
    assert [failure["pointer"] for failure in failures] == ["/rules/list", "/rules/update", "/rules/delete"]


def test_rules_are_parsed_and_what_is_none_lets_nobody_in() -> None:
    parsed = rules.parsed({"read": "owner == auth.id", "list": "owner ==", "delete": "new.a == 1"})
    assert parsed == {"read": parse("auth.id != null and owner == auth.id"), "list": ast.FALSE, "delete": ast.FALSE}
    assert rules.parsed({}) == {}


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        ("owner == auth.id", "auth.id != null and owner == auth.id"),
        ("auth.id == owner", "auth.id != null and auth.id == owner"),
        ("owner != auth.id", "not (auth.id != null and owner == auth.id)"),
        ("new.owner == auth.id", "auth.id != null and new.owner == auth.id"),
        ("a or not (b and owner == auth.id)", "a or not (b and (auth.id != null and owner == auth.id))"),
        ("auth.id in readers", "auth.id != null and auth.id in readers"),
        ("readers.contains(auth.id)", "auth.id != null and readers.contains(auth.id)"),
        ("(owner == auth.id) == public", "(auth.id != null and owner == auth.id) == public"),
        ('"editor" in auth.roles', '"editor" in auth.roles'),
        ("auth.id == null", "auth.id == null"),
        ('auth.kind == "key"', 'auth.kind == "key"'),
        ("owner == null", "owner == null"),
        ("request.ip == ip", "request.ip == ip"),
    ],
)
def test_what_the_caller_has_not_equals_nothing_that_a_record_has_not(rule: str, meant: str) -> None:
    assert rules.parsed({"read": rule, "update": rule})["update"] == parse(meant)


def test_a_definition_with_such_a_rule_is_refused(table: str) -> None:
    with administrator() as client:
        for wrong, expected in (
            ({"update": "a =="}, ["/rules/update"]),
            ({"export": "true"}, ["/rules/export"]),
            ({"read": True}, ["/rules/read"]),
            ({"read": "a" * (MAX_CHARACTERS + 1)}, ["/rules/read"]),
            ({"read": "true", "list": "$p"}, ["/rules/list"]),
        ):
            assert _refused(client, {"rules": wrong}) == expected
        assert client.put("/v1/collections/c", {"schema": {}, "rules": {}}).status == 201


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"hidden": ["isbn"], "unique": ["isbn"]}, ["/hidden/0"]),
        ({"hidden": ["a", "isbn"], "unique": ["b", "isbn"]}, ["/hidden/1"]),
        ({"hidden": ["version"]}, ["/hidden/0"]),
        ({"hidden": ["id"]}, ["/hidden/0"]),
        ({"hidden": "isbn"}, ["/hidden"]),
        ({"hidden": ["$a"]}, ["/hidden/0"]),
    ],
)
def test_what_cannot_be_hidden_is_refused(table: str, members: dict[str, object], expected: list[str]) -> None:
    with administrator() as client:
        assert _refused(client, members) == expected


def _refused(client: Client, members: dict[str, object]) -> list[str]:
    answer = client.put("/v1/collections/c", {"schema": {}, **members})
    assert answer.status == 422, answer
    return pointers(answer.json())
