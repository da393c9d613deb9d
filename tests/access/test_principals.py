from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access.principals import ADMIN, ANONYMOUS, Principal

roles = st.frozensets(st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1))


@given(st.text(min_size=1), roles)
def test_a_principal_passes_through_the_authorizers_context(name: str, held: frozenset[str]) -> None:
    principal = Principal(f"key:{name}", "key", held)
    context = {**principal.to_context(), "principalId": principal.id}
    assert all(isinstance(value, str) for value in context.values())
    assert Principal.from_context(context) == principal


@pytest.mark.parametrize("context", [None, {}])
def test_without_an_authorizer_the_caller_is_anonymous(context: dict[str, str] | None) -> None:
    assert Principal.from_context(context) is ANONYMOUS
    assert not ANONYMOUS.is_admin
    assert ANONYMOUS.roles == frozenset()


def test_a_context_without_roles_has_none() -> None:
    assert Principal.from_context({"principalId": "key:a"}) == Principal("key:a", "key")


@pytest.mark.parametrize(
    ("held", "admin"), [((ADMIN,), True), (("x", ADMIN), True), ((), False), (("Admin",), False), (("admins",), False)]
)
def test_only_the_role_makes_an_administrator(held: tuple[str, ...], admin: bool) -> None:
    assert Principal(ADMIN, ADMIN, frozenset(held)).is_admin is admin
