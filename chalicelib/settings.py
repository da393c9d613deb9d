"""The environment, read once per process.

Every setting is in ``docs/configuration.md``; a test compares the two. Those that only the developer's machine has
(``PORTICO_PORT``, ``PORTICO_DATA``) are read by ``portico``, not here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

VERSION = "0.1.0"


@dataclass(frozen=True)
class Settings:
    """What the service is configured with.

    stage: the Chalice stage, ``local`` on a developer's machine; its own name makes the embedded store the default.
    table: the DynamoDB table.
    dynamodb: ``aws``, ``embedded`` (the local store; only on a developer's machine), or an endpoint URL.
    admin_key: a key that is an administrator's besides those in the table. Never read inside Lambda.
    cors_origin: the one origin that browsers may call from, ``*`` for any, empty for none.
    longest_write: seconds that a write may take from reading its definition to its end; API Gateway ends a request
        after 29.
    """

    stage: str = ""
    table: str = "portico"
    dynamodb: str = "aws"
    admin_key: str | None = None
    cors_origin: str = "*"
    longest_write: float = 29.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings; what is missing has its default."""
        in_lambda = "AWS_LAMBDA_FUNCTION_NAME" in environ
        stage = environ.get("PORTICO_STAGE", "")
        local = stage == "local" and not in_lambda
        return cls(
            stage=stage,
            table=environ.get("PORTICO_TABLE") or "portico",
            dynamodb=environ.get("PORTICO_DYNAMODB") or ("embedded" if local else "aws"),
            admin_key=None if in_lambda else environ.get("PORTICO_ADMIN_KEY") or None,
            cors_origin=environ.get("PORTICO_CORS_ORIGIN", "*"),
            longest_write=1.0 if local else 29.0,
        )

    @cached_property
    def endpoint_url(self) -> str | None:
        """DynamoDB's endpoint, or None for AWS's own."""
        return self.dynamodb if "://" in self.dynamodb else None


_current: Settings | None = None


def current() -> Settings:
    """The process's settings, read from the environment at the first call."""
    global _current  # noqa: PLW0603 - one process, one configuration
    if _current is None:
        _current = Settings.from_environment(os.environ)
    return _current


def reload() -> Settings:
    """Read the environment again, after the developer's machine has completed it."""
    global _current  # noqa: PLW0603
    _current = None
    return current()


@contextmanager
def override(**changes: Any) -> Iterator[Settings]:
    """Use other settings within a ``with`` block: how a test gives itself a table of its own."""
    global _current  # noqa: PLW0603
    before = current()
    _current = replace(before, **changes)
    try:
        yield _current
    finally:
        _current = before
