"""The environment variables that only a developer's machine has, and the ones that it gives to the service."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping
from urllib.parse import urlsplit

from portico.errors import CommandError

DEFAULT_PORT = 8000
_VISIBLE = re.compile(r"[\x21-\x7e]{8,256}")
_MAX_PORT = 65535


def port(environ: Mapping[str, str] = os.environ) -> int:
    """``PORTICO_PORT``: where the local gateway listens; 0 is any free port.

    Raises:
        CommandError: it is not a port number.
    """
    text = environ.get("PORTICO_PORT") or str(DEFAULT_PORT)
    if not text.isascii() or not text.isdigit() or int(text) > _MAX_PORT:
        raise CommandError(f"PORTICO_PORT is {text!r}; it has to be a port number from 0 to {_MAX_PORT}.")
    return int(text)


def admin_key(environ: Mapping[str, str] = os.environ) -> str | None:
    """``PORTICO_ADMIN_KEY``: the administrator's key, if the user has chosen one.

    Raises:
        CommandError: it could not be sent in a header, or is too short to be a secret.
    """
    key = environ.get("PORTICO_ADMIN_KEY") or None
    if key is not None and not _VISIBLE.fullmatch(key):
        raise CommandError("PORTICO_ADMIN_KEY has to be 8 to 256 visible ASCII characters, without spaces.")
    return key


def check_dynamodb(value: str) -> None:
    """Check ``PORTICO_DYNAMODB``.

    Raises:
        CommandError: it is neither ``embedded`` nor ``aws`` nor an http(s) URL.
    """
    if value in {"embedded", "aws"}:
        return
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise CommandError(
            f"PORTICO_DYNAMODB is {value!r}; it has to be 'embedded', 'aws' or an endpoint URL such as "
            "http://127.0.0.1:8001."
        )


def use_store(url: str, environ: MutableMapping[str, str] = os.environ) -> None:
    """Point the service at the embedded store, with credentials that are nobody's.

    The region is fixed: the store keeps one set of tables per region, so another one would look like lost data.
    """
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
        environ.pop(name, None)
    environ.update(
        PORTICO_DYNAMODB=url,
        AWS_REGION="us-east-1",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="portico",
        AWS_SECRET_ACCESS_KEY="portico",  # noqa: S106 - nobody's
    )


def use_endpoint(url: str, environ: MutableMapping[str, str] = os.environ) -> None:
    """Complete the environment for another DynamoDB-compatible engine: a region, and credentials if there are none.

    An endpoint of AWS's is left to the default credential chain.
    """
    environ.setdefault("AWS_REGION", environ.get("AWS_DEFAULT_REGION") or "us-east-1")
    environ.setdefault("AWS_DEFAULT_REGION", environ["AWS_REGION"])
    host = urlsplit(url).hostname or ""
    if not host.endswith(".amazonaws.com") and not {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"} & environ.keys():
        environ.update(AWS_ACCESS_KEY_ID="portico", AWS_SECRET_ACCESS_KEY="portico")  # noqa: S106
