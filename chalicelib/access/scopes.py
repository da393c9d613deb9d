"""Scopes: what a key may do at most, ``collection:operation`` each, ``*`` in either place for all of them."""

from __future__ import annotations

from chalicelib.access.principals import Principal
from chalicelib.collections.ids import NAME
from chalicelib.errors import Forbidden

OPERATIONS = ("list", "read", "create", "update", "delete", "administer")
PATTERN = "^(\\*|" + NAME.pattern.replace(r"\Z", "") + "):(\\*|" + "|".join(OPERATIONS) + ")$"
"""The form of a scope, for JSON Schema. Its collection need not be there yet."""


def authorize_unbounded(principal: Principal) -> None:
    """Let pass only an administrator whom no scopes bind.

    Whoever makes keys, or gives roles, can give more than they have: so they must have everything. An administrator's
    key with ``*:administer`` alone would otherwise make itself one without scopes.

    Raises:
        Forbidden: 403.
    """
    if not (principal.is_admin and principal.may("*", None)):
        raise Forbidden("Keys and roles are given by administrators without scopes only.")
