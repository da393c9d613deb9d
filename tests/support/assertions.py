"""Assertions in the words of the service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chalicelib.errors import MEDIA_TYPE, TYPE_PREFIX, problem_classes

from .client import Answer

CODES = {cls.code for cls in problem_classes()}


def assert_problem(answer: Answer, status: int, code: str | None = None) -> dict[str, Any]:
    """That an answer is a whole problem document with this status and code; the document."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == MEDIA_TYPE, answer
    document: dict[str, Any] = answer.json()
    assert document["status"] == status, answer
    assert document["code"] in CODES, answer
    assert document["type"] == TYPE_PREFIX + document["code"], answer
    assert document["title"], answer
    assert document["detail"], answer
    if code is not None:
        assert document["code"] == code, answer
    return document


def assert_refused(answer: Answer) -> dict[str, Any]:
    """That an answer is a problem of the caller's making."""
    assert 400 <= answer.status < 500, answer
    return assert_problem(answer, answer.status)


def pointers(problem: dict[str, Any]) -> list[str]:
    """Where the failures of a validation are."""
    return [failure["pointer"] for failure in problem["errors"]]


def without_server_set(documents: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records as their makers gave them."""
    server_set = ("id", "version", "created_at", "updated_at")
    return [{name: value for name, value in document.items() if name not in server_set} for document in documents]
