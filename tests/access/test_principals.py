from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access.principals import ADMIN, ANONYMOUS, Principal

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1)
principals = st.builds(
    Principal,
    words.map("key:{}".format),
    st.sampled_from(["key", "user"]),
    st.frozensets(words),
    st.none() | st.frozensets(words),
    st.none() | words,
    st.dictionaries(words, words | st.booleans() | st.lists(words)).map(lambda claims: tuple(claims.items())),
)


@given(principals)
def test_a_principal_passes_through_the_authorizers_context(principal: Principal) -> None:
    context = {**principal.to_context(), "principalId": principal.id}
    assert all(isinstance(value, str) for value in context.values())
    assert Principal.from_context(context) == principal


@pytest.mark.parametrize("context", [None, {}])
def test_without_an_authorizer_the_caller_is_anonymous(context: dict[str, str] | None) -> None:
    assert Principal.from_context(context) is ANONYMOUS
    assert not ANONYMOUS.is_admin
    assert ANONYMOUS.roles == frozenset()


@pytest.mark.parametrize(
    ("scopes", "operation", "collection", "allowed"),
    [
        (None, "read", "books", True),
        ((), "read", "books", False),
        (("books:read",), "read", "books", True),
        (("books:read",), "create", "books", False),
        (("books:*",), "create", "books", True),
        (("*:read",), "read", "loans", True),
        (("books:read",), "read", "loans", False),
        (("*:*",), "administer", None, True),
        (("books:*",), "administer", None, False),
    ],
)
def test_scopes_bound_what_a_caller_may_do(
    scopes: tuple[str, ...] | None, operation: str, collection: str | None, allowed: bool
) -> None:
    principal = Principal("key:a", "key", scopes=None if scopes is None else frozenset(scopes))
    assert principal.may(operation, collection) is allowed


def test_expressions_see_who_calls_and_nobody_as_null() -> None:
    principal = Principal("user:7", "user", frozenset({"b", "a"}), claims=(("email", "a@example.org"), ("id", "8")))
    assert principal.auth == {"id": "7", "kind": "user", "roles": ("a", "b"), "email": "a@example.org"}
    assert ANONYMOUS.auth["id"] is None


@pytest.mark.parametrize(
    ("held", "admin"), [((ADMIN,), True), (("x", ADMIN), True), ((), False), (("Admin",), False), (("admins",), False)]
)
def test_only_the_role_makes_an_administrator(held: tuple[str, ...], admin: bool) -> None:
    assert Principal(ADMIN, ADMIN, frozenset(held)).is_admin is admin
