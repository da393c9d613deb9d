from __future__ import annotations

import re

import pytest

from chalicelib.access import scopes
from chalicelib.access.principals import ADMIN, Principal
from chalicelib.errors import Forbidden


@pytest.mark.parametrize("scope", ["books:read", "*:list", "books:*", "*:*", "B-o_1:administer", "a" * 64 + ":create"])
def test_a_scope_is_a_collection_and_an_operation(scope: str) -> None:
    assert re.search(scopes.PATTERN, scope)


@pytest.mark.parametrize(
    "scope",
    [
        "",
        "books",
        "read",
        ":read",
        "books:",
        "books:write",
        "1:read",
        "b*:read",
        "*:re*",
        "a" * 65 + ":read",
        "a:b:read",
    ],
)
def test_anything_else_is_none(scope: str) -> None:
    assert not re.search(scopes.PATTERN, scope)


def caller(*roles: str, allowed: frozenset[str] | None = None) -> Principal:
    return Principal("key:a", "key", frozenset(roles), allowed)


@pytest.mark.parametrize("allowed", [None, {"*:*"}, {"books:read", "*:*"}])
def test_an_administrator_without_bounds_may_give_rights(allowed: set[str] | None) -> None:
    scopes.authorize_unbounded(caller(ADMIN, allowed=None if allowed is None else frozenset(allowed)))


@pytest.mark.parametrize(
    "principal",
    [
        caller(),
        caller("editor"),
        caller("editor", allowed=frozenset({"*:*"})),
        caller(ADMIN, allowed=frozenset()),
        caller(ADMIN, allowed=frozenset({"*:administer"})),
        caller(ADMIN, allowed=frozenset(f"*:{each}" for each in scopes.OPERATIONS)),
        caller(ADMIN, allowed=frozenset({"books:*"})),
    ],
)
def test_nobody_else_may(principal: Principal) -> None:
    with pytest.raises(Forbidden):
        scopes.authorize_unbounded(principal)
