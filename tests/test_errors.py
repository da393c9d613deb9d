from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import errors
from chalicelib.errors import (
    Failure,
    InternalError,
    InvalidParameter,
    Problem,
    TransactionCanceled,
    UniqueViolation,
    ValidationFailed,
    WriteContention,
    pointer,
)

CLASSES = list(errors.problem_classes())
TREE = (errors.__doc__ or "").split("::", 1)[1].split("A service raises")[0]
MAKE: dict[str, Callable[[], Problem]] = {
    "InvalidParameter": lambda: InvalidParameter("limit", "It is no number."),
    "InvalidWhere": lambda: errors.InvalidWhere("It is none.", "if", offset=0),
    "UnservedSort": lambda: errors.UnservedSort("It is that of no index.", {"hash": "a"}),
    "CollectionNotFound": lambda: errors.CollectionNotFound("books"),
    "RecordNotFound": lambda: errors.RecordNotFound("books", "1"),
    "UniqueViolation": lambda: UniqueViolation(["isbn"]),
    "ValidationFailed": lambda: ValidationFailed([Failure(pointer="/a", detail="is odd")]),
    "InvalidDefinition": lambda: errors.InvalidDefinition([Failure(pointer="/a", detail="is odd")]),
    "InvalidOperation": lambda: errors.InvalidOperation([Failure(pointer="/a", detail="is odd")]),
    "PlanNotFound": lambda: errors.PlanNotFound("free"),
    "TooManyOperations": lambda: errors.TooManyOperations(100, 50),
    **{
        cls.__name__: partial(cls, "It is so.", "burst", limit=50, remaining=0, reset=3)
        for cls in (errors.TooManyRequests, errors.RateLimited, errors.QuotaExceeded)
    },
    "TooManyAttempts": lambda: errors.TooManyAttempts(20, 60),
    "TransactionCanceled": lambda: TransactionCanceled([], errors.RecordNotFound("books", "1")),
}
"""How a class is made whose constructor takes more than a detail."""


def made(cls: Any) -> Problem:
    """An instance, however the class takes its detail."""
    if cls.__name__ in MAKE:
        return MAKE[cls.__name__]()
    try:
        problem: Problem = cls()
    except TypeError:
        problem = cls("It is so.")
    return problem


def name_of(cls: type[Problem]) -> str:
    return cls.__name__


def branch_of(cls: type[Problem]) -> str:
    """The class below the root that it is under, or the root."""
    above = [each for each in cls.__mro__[1:] if issubclass(each, Problem) and each is not Problem]
    return above[-1].__name__ if above else "Problem"


def tree_of_the_documentation() -> dict[str, str]:
    """Each class with the branch that it is on, as the module's documentation draws them."""
    parents: dict[str, str] = {}
    parent = ""
    for line in TREE.splitlines():
        direct = re.match(r"\s*[├└]── (\w+)", line)
        if direct:
            parent = direct[1]
            parents[parent] = "Problem"
        inner = line[direct.end() :] if direct else line
        parents.update(dict.fromkeys(re.findall(r"[├└]── (\w+)", inner), parent))
    return parents


def test_the_documentation_has_the_whole_tree() -> None:
    real = {cls.__name__: branch_of(cls) for cls in CLASSES if cls is not Problem}
    assert tree_of_the_documentation() == real


def test_the_documentation_has_the_status_of_every_branch() -> None:
    drawn = dict(re.findall(r"(\w+) (\d{3})", TREE))
    assert drawn == {cls.__name__: str(cls.status) for cls in CLASSES if cls.__bases__ == (Problem,)}


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [cls.code for cls in CLASSES if cls is not InternalError]
    assert len(set(codes)) == len(codes)
    assert InternalError.code == Problem.code


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_every_class_says_what_it_is(cls: type[Problem]) -> None:
    assert cls.__doc__
    assert cls.__doc__ != (cls.__bases__[0].__doc__ or "")
    assert cls.title
    assert re.fullmatch("[a-z]+(_[a-z]+)*", cls.code)
    assert 400 <= HTTPStatus(cls.status) < 500 or cls.status in {500, 503}


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_a_class_has_its_parents_status(cls: type[Problem]) -> None:
    (parent,) = cls.__bases__
    if issubclass(parent, Problem) and parent is not Problem:
        assert cls.status == parent.status


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_the_document_is_a_problem_document(cls: type[Problem]) -> None:
    problem = made(cls)
    document = problem.document()
    assert list(document)[:5] == ["type", "title", "status", "code", "detail"]
    assert document["type"] == f"urn:portico:problem:{cls.code}"
    assert (document["title"], document["code"]) == (cls.title, cls.code)
    assert document["detail"] == str(problem)
    assert document["detail"].endswith((".", "?"))


def test_extensions_are_members_of_the_document() -> None:
    problem = InvalidParameter("limit", "It is no number.")
    assert problem.document()["parameter"] == "limit"
    assert errors.InvalidCursor().document()["parameter"] == "cursor"


def test_a_validation_says_its_first_failure_and_has_all() -> None:
    one, two = Failure(pointer="/a", detail="is odd"), Failure(pointer="", detail="is even")
    assert str(ValidationFailed([one])) == "/a: is odd."
    assert str(ValidationFailed([two])) == "The body: is even."
    assert str(ValidationFailed([one, two, two])) == "/a: is odd (and 2 more)."
    assert ValidationFailed([one, two]).document()["errors"] == [one, two]


def test_a_unique_violation_points_at_its_properties() -> None:
    problem = UniqueViolation(["isbn", "a/b"], change=3)
    assert [failure["pointer"] for failure in problem.document()["errors"]] == ["/isbn", "/a~1b"]
    assert problem.change == 3
    assert "'isbn', 'a/b'" in str(problem)


def test_a_canceled_transaction_has_the_status_and_headers_of_its_cause() -> None:
    problem = TransactionCanceled([{"status": 409}], WriteContention())
    assert problem.document()["status"] == 409
    assert problem.document()["results"] == [{"status": 409}]
    assert problem.headers == {"Retry-After": "1"}


def test_headers_and_extensions_are_the_problems_own() -> None:
    headers, extensions = {"Allow": "GET"}, {"a": 1}
    problem = Problem("It is so.", headers=headers, extensions=extensions)
    problem.headers["Allow"] = "PUT"
    problem.extensions["a"] = 2
    assert (headers, extensions) == ({"Allow": "GET"}, {"a": 1})


def test_unauthenticated_says_how_to_authenticate() -> None:
    assert errors.Unauthenticated().headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ([], ""),
        (["tags", 0], "/tags/0"),
        (["a/b"], "/a~1b"),
        (["m~n"], "/m~0n"),
        (["~1"], "/~01"),
        ([""], "/"),
        (["", ""], "//"),
    ],
)
def test_a_pointer_is_escaped_as_rfc_6901_says(path: list[str | int], text: str) -> None:
    assert pointer(path) == text


@given(st.lists(st.text()))
def test_a_pointer_leads_back_to_its_path(path: list[str]) -> None:
    parts = pointer(path).split("/")[1:]
    assert [part.replace("~1", "/").replace("~0", "~") for part in parts] == path
