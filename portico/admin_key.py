"""The administrator's key of a local Portico: made once, kept in the data directory, known to every table used."""

from __future__ import annotations

import os
from collections.abc import Mapping

from chalicelib.access import keys
from portico import environment
from portico.data import DataDirectory, write_private
from portico.errors import CommandError


def ensure(data: DataDirectory) -> str:
    """Answer the key that is kept in the data directory, made or registered again where that is needed.

    Raises:
        StoreUnavailable: the table cannot be asked.
    """
    kept = read(data)
    if kept is not None:
        if keys.authenticate(kept) is not None:
            return kept
        try:
            return keys.create(roles=("admin",), secret=kept, name="local").secret
        except ValueError:
            pass  # The file has something else than a key: it is replaced.
    key = keys.create(roles=("admin",), name="local").secret
    write_private(data.admin_key, key + "\n")
    return key


def read(data: DataDirectory) -> str | None:
    """The key in the data directory, if there is one."""
    try:
        return data.admin_key.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CommandError(f"The admin key in {data.admin_key} cannot be read: {error}.") from error


def for_client(data: DataDirectory, environ: Mapping[str, str] = os.environ) -> str:
    """The key that a command sends: ``PORTICO_ADMIN_KEY``, or the one in the data directory.

    Raises:
        CommandError: there is neither.
    """
    key = environment.admin_key(environ) or read(data)
    if key is None:
        raise CommandError("There is no key to send; start Portico once with `make run`, or give one with --key.")
    return key
