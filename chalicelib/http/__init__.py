"""From request to service call to response. What Chalice's routes in ``app.py`` call, and nothing else knows HTTP.

The endpoints' modules are imported when one of theirs is first called: a Lambda container that reads a record does
not pay for imports, transactions or the OpenAPI document before its first answer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.http import (
        audit,
        auth,
        bulk,
        collections,
        keys,
        plans,
        public,
        queries,
        reading,
        records,
        rules,
        service,
        usage,
    )

__all__ = [
    "audit",
    "auth",
    "bulk",
    "collections",
    "keys",
    "plans",
    "public",
    "queries",
    "reading",
    "records",
    "rules",
    "service",
    "usage",
]


def __getattr__(name: str) -> Any:
    """Import an endpoints' module (PEP 562)."""
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
