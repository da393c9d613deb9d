"""The environment, read once per process.

Every setting is in ``docs/configuration.md``; a test compares the two. Those that only the developer's machine has
(``PORTICO_PORT``, ``PORTICO_DATA``) are read by ``portico``, not here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
    signup: who may make themselves a user: ``open``, ``invite`` or ``closed``; empty for the stage's default.
    issuer: what Portico's own tokens say issued them, and whom they are for; empty for a name made of the table's.
    issuers: the JSON text of the other issuers whose tokens are admitted.
    delivery: ``package.module:function``, which gets tokens to their users.
    in_lambda: whether this is a function on AWS.
    """

    stage: str = ""
    table: str = "portico"
    dynamodb: str = "aws"
    admin_key: str | None = None
    cors_origin: str = "*"
    longest_write: float = 29.0
    signup: str = ""
    issuer: str = ""
    issuers: str = ""
    delivery: str = ""
    in_lambda: bool = field(default=False, compare=False)

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
            signup=environ.get("PORTICO_SIGNUP", ""),
            issuer=environ.get("PORTICO_ISSUER", ""),
            issuers=environ.get("PORTICO_ISSUERS", ""),
            delivery=environ.get("PORTICO_DELIVERY", ""),
            in_lambda=in_lambda,
        )

    @cached_property
    def endpoint_url(self) -> str | None:
        """DynamoDB's endpoint, or None for AWS's own."""
        return self.dynamodb if "://" in self.dynamodb else None

    @property
    def is_local(self) -> bool:
        """Whether this is a developer's machine."""
        return self.stage == "local" and not self.in_lambda

    @property
    def signup_mode(self) -> str:
        """``open``, ``invite`` or ``closed``. On AWS nobody becomes a user unless that was decided."""
        if self.signup in {"open", "invite"}:
            return self.signup
        return "open" if self.is_local and not self.signup else "closed"

    @property
    def own_issuer(self) -> str:
        """What Portico's own tokens say issued them."""
        return self.issuer or f"urn:portico:{self.table}"


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
