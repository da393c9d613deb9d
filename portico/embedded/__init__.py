"""The embedded DynamoDB-compatible store of ``make run``, ``chalice local`` and the tests."""

from __future__ import annotations

from portico.embedded.attach import attach
from portico.embedded.process import EmbeddedStore

__all__ = ["EmbeddedStore", "attach"]
