from __future__ import annotations

import pytest

from chalicelib.access.principals import ADMIN, ANONYMOUS, Principal
from chalicelib.access.rules import authorize
from chalicelib.errors import Forbidden

OPERATIONS = ["list", "read", "create", "update", "delete", "administer", "one that nobody knows"]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "principal", [ANONYMOUS, Principal("key:a", "key"), Principal("key:a", "key", frozenset({"editor"}))]
)
def test_nobody_gets_in_by_default(principal: Principal, operation: str) -> None:
    with pytest.raises(Forbidden, match=f"This caller may not {operation}\\."):
        authorize(principal, operation)
    with pytest.raises(Forbidden, match=f"This caller may not {operation} in the collection 'books'"):
        authorize(principal, operation, "books")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_administrators_get_in(operation: str) -> None:
    authorize(Principal("key:a", "key", frozenset({ADMIN})), operation)
    authorize(Principal("key:a", "key", frozenset({ADMIN})), operation, "books")
