"""The one decision whether a caller may do something: REST, batch and transactions all ask here."""

from __future__ import annotations

from chalicelib.access.principals import Principal
from chalicelib.errors import Forbidden


def authorize(principal: Principal, operation: str, collection: str | None = None) -> None:
    """Let an operation (``list``, ``read``, ``create``, ``update``, ``delete``, ``administer``) pass or refuse it.

    Deny by default: only administrators get in.

    Raises:
        Forbidden: the caller may not do this (403).
    """
    if principal.is_admin:
        return
    where = f" in the collection {collection!r}" if collection else ""
    raise Forbidden(f"This caller may not {operation}{where}.")
