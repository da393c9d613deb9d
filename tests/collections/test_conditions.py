from __future__ import annotations

import uuid
from typing import Any

import pytest

from chalicelib.collections import conditions
from chalicelib.collections.conditions import Requirement
from chalicelib.collections.record import Record
from chalicelib.dynamo.errors import ConditionFailed
from chalicelib.errors import InvalidWhere, PreconditionFailed
from chalicelib.where.errors import InvalidExpression
from chalicelib.where.evaluate import evaluate
from chalicelib.where.lexer import MAX_CHARACTERS

RECORD = Record(
    partition="p", id="i", version=7, created_at="2026-01-01T00:00:00.000Z", updated_at="2026-02-01T00:00:00.000Z",
    doc={"stock": 3, "title": "abc", "author": "a", "tags": ["x", None], "o": {"p": [1]}, "gone": None, "ready": True},
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "offset", "line", "column", "says"),
    [
        ("stock >", 7, 1, 8, "expected a value, found the end"),
        ("", 0, 1, 1, "expected a value, found the end"),
        ("stock > 0 andd a", 10, 1, 11, "expected an operator or the end, found 'andd'"),
        ("stock > 0\n  and owner == auth.id", 25, 2, 16, "auth is known in access rules only"),
        ("new.stock > stock", 0, 1, 1, "new is known in access rules on writes only"),
        ("until > now", 8, 1, 9, "now is known in access rules only"),
        ("request.method == 'GET'", 0, 1, 1, "request is known in access rules only"),
        ("stock > $least", 8, 1, 9, "the parameter $least has no value"),
        ("title == '$a' and $a == $b", 18, 1, 19, "the parameter $a has no value"),
        ("stock + 1 > 2", 0, 1, 1, "cannot compute with a property"),
        ("size(x) == " + "1" * MAX_CHARACTERS, MAX_CHARACTERS, 1, MAX_CHARACTERS + 1, "at most 4,096"),
    ],
)
def test_a_text_that_is_no_expression_is_refused_with_the_place(
    text: str, offset: int, line: int, column: int, says: str
) -> None:
    for read in (conditions.parse, conditions.load):
        with pytest.raises(InvalidWhere) as refused:
            read(text, "if")
        problem = refused.value.document()
        assert (problem["status"], problem["code"], problem["parameter"]) == (400, "invalid_where", "if")
        assert (problem["offset"], problem["line"], problem["column"]) == (offset, line, column)
        assert problem["detail"].startswith(f"In 'if', line {line}, column {column}: ")
        assert says in problem["detail"]
        drawn, caret = problem["excerpt"].split("\n")
        assert drawn in text
        assert caret.strip() == "^"
        assert text[offset : offset + 1] == drawn[len(caret) - 1 : len(caret)]


@pytest.mark.parametrize(
    ("form", "pointer", "says"),
    [
        ([], "/if", "the name of an operation"),
        ([">", "stock"], "/if", "2 operands"),
        (["and", [">", "stock", 0], ["like", "a", "b"]], "/if/2/0", "no operation"),
        (["==", "owner", "auth.id"], "/if/2", "auth is known in access rules only"),
        (["==", "owner", {"$": "a"}], "/if", "the parameter $a has no value"),
        ([">", "stock", {"strange": 1}], "/if/2", '"value" or "$"'),
        (["in", "stock", {"value": [1, 10**40 + 1]}], "/if/2/value/1", "38 digits"),
        (5, "/if", "condition"),
        (None, "/if", "condition"),
    ],
)
def test_a_json_form_that_is_no_expression_is_refused_with_a_pointer(form: Any, pointer: str, says: str) -> None:
    with pytest.raises(InvalidWhere) as refused:
        conditions.load(form, "if")
    problem = refused.value.document()
    assert (problem["code"], problem["parameter"], problem["pointer"]) == ("invalid_where", "if", pointer)
    assert problem["detail"].startswith(f"{pointer}: ")
    assert problem["detail"].endswith(".")
    assert says in problem["detail"]


def test_what_is_wrong_is_told_as_a_failed_check_of_the_body_that_has_the_expression() -> None:
    for form, pointer, detail in (
        ("a >\n> 1", "/operations/0/if", "line 2, column 1: expected a value, found '>'"),
        (["==", "a", "now"], "/operations/0/if/2", "now is known in access rules only"),
        (["==", "a", {"$": "b"}], "/operations/0/if", "the parameter $b has no value"),
    ):
        with pytest.raises(InvalidExpression) as refused:
            conditions.read(form)
        failure = conditions.failure(refused.value, "/operations/0/if")
        assert failure["pointer"] == pointer
        assert failure["detail"].startswith(detail)


def test_parameters_have_the_values_that_a_body_gives_them() -> None:
    for form in (
        "stock in $some and title == $title",
        ["and", ["in", "stock", {"$": "some"}], ["==", "title", {"$": "title"}]],
    ):
        node = conditions.load(form, "where", {"some": [1, 3], "title": "abc", "unused": None})
        assert evaluate(node, RECORD.document())


def test_a_value_that_cannot_be_compared_is_pointed_at() -> None:
    with pytest.raises(InvalidWhere) as refused:
        conditions.load("stock == $n", "where", {"n": [1, 10**40 + 1]})
    assert (refused.value.extensions["parameter"], refused.value.extensions["pointer"]) == ("params", "/params/n/1")


def test_properties_are_found_where_they_are_stored() -> None:
    assert conditions.place(("stock",)).names == ("doc", "stock")
    assert conditions.place(("o", "id", 0)).names == ("doc", "o", "id", 0)
    assert [conditions.place((name,)).names for name in ("id", "version", "created_at", "updated_at")] == [
        ("sk",), ("_version",), ("_created_at",), ("_updated_at",)
    ]  # fmt: skip
    assert conditions.place(("version", "a")).names == ("_version", "a")
    assert conditions.place(("id", 0)).names == ("sk", 0)
    assert conditions.place_in_filter(("id",)) is None
    assert conditions.place_in_filter(("version",)) is Record.version


DECIDABLE = [
    ("stock > 0", True, False),
    ("stock > 3", False, False),
    ("stock == null", False, True),
    ("missing == null and gone == null", True, True),
    ("not has(stock)", False, True),
    ("version == 7", True, False),
    ("version in [1, 6]", False, False),
    ("id == 'i'", True, False),
    ("id == null", False, True),
    ("id.startsWith('i') and size(id) == 1", True, False),
    ("id.deep == null and version.deep == null", True, True),
    ("created_at < updated_at", True, False),
    ("updated_at < '2026'", False, False),
    ("ready", True, False),
    ("not ready", False, True),
    ("tags.contains('x') and o.p[0] == 1", True, False),
    ("title.contains(author)", True, False),
    ("size(tags) < size(title)", True, False),
    ("true", True, True),
    ("1 + 1 == 2", True, True),
    ("`auth` == null", True, True),
    ("tags == ['x', null] and o == {'p': [1]}", True, False),
    (".".join("a" * 31) + " == null", True, True),
    (".".join("a" * 40) + " == null", True, True),
    ("`" + "n" * 300 + "` == null", True, True),
    (" or ".join(f"stock == {n}.5" for n in range(90)) + " or title == 'abc'", True, False),
]
UNDECIDABLE = [
    ("title.startsWith(author)", True, False),
    ("author.startsWith(title)", False, False),
    ("stock > 0 and title.startsWith(author)", True, False),
    ("stock > 3 and title.startsWith(author)", False, False),
    ("(title == author) == (stock == missing)", True, True),
    ("(title == author) == (stock == 3)", False, False),
    ("'xabcx'.contains(title)", True, False),
    ("false", False, False),
    ("stock in []", False, False),
    (" and ".join(["missing == gone"] * 80), True, True),
]


@pytest.mark.parametrize(("text", "of_record", "of_nothing"), [*DECIDABLE, *UNDECIDABLE])
def test_a_requirement_is_checked_against_a_record_or_none(text: str, of_record: bool, of_nothing: bool) -> None:
    requirement = Requirement(conditions.parse(text, "if"))
    for record, holds in ((RECORD, of_record), (None, of_nothing)):
        if holds:
            requirement.check(record)
        else:
            with pytest.raises(PreconditionFailed) as refused:
                requirement.check(record)
            assert ("version 7" if record else "no record") in refused.value.detail


@pytest.mark.parametrize(("text", "of_record", "of_nothing"), DECIDABLE)
def test_what_dynamodb_can_decide_it_decides_alike(table: str, text: str, of_record: bool, of_nothing: bool) -> None:
    requirement = Requirement(conditions.parse(text, "if"))
    assert requirement.is_decidable
    RECORD.put()
    for record_id, holds in (("i", of_record), (f"new{uuid.uuid4().hex}", of_nothing)):
        write = Record.upsert(partition="p", id=record_id).set(Record.version, 8)
        if requirement.compiled.condition is not None:
            write.when(requirement.compiled.condition)
        write.set(Record.created_at, "").set(Record.updated_at, "").set(Record.doc, {})
        if holds:
            write.run()
        else:
            with pytest.raises(ConditionFailed):
                write.run()


@pytest.mark.parametrize("text", [row[0] for row in UNDECIDABLE])
def test_what_dynamodb_cannot_decide_is_known(text: str) -> None:
    assert not Requirement(conditions.parse(text, "if")).is_decidable
