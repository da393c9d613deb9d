"""Getting a token to its user by a way that only they have: a function of the deployment's own, named by a setting."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module

from chalicelib import settings

log = logging.getLogger("local.delivery")


@dataclass(frozen=True)
class Message:
    """What is to be delivered.

    kind: ``password_reset``.
    email: the address as it is stored.
    token: what the user has to send back; a secret.
    seconds: how long it is good for.
    """

    kind: str
    email: str
    token: str = field(repr=False)
    seconds: int


def deliver(message: Message) -> None:
    """Hand a message to the function that ``PORTICO_DELIVERY`` names; on the local stage it is shown on the console.

    Never raises: whoever asked must not learn whether there was anything to deliver. The log has what went wrong.
    """
    named = settings.current().delivery
    if named:
        try:
            _function(named)(message)
        except Exception:
            log.exception("PORTICO_DELIVERY %s failed for a %s", named, message.kind)
    elif settings.current().is_local:
        log.warning("%s for %s, good for %d s: %s", message.kind, message.email, message.seconds, message.token)
    else:
        log.error("A %s cannot be delivered: PORTICO_DELIVERY names no function", message.kind)


def _function(named: str) -> Callable[[Message], None]:
    """The function that ``package.module:function`` names."""
    module, _, function = named.partition(":")
    found: Callable[[Message], None] = getattr(import_module(module), function)
    return found
