"""``portico run``: the store, the table, the administrator's key and the gateway, on one port of this machine."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from contextlib import ExitStack
from types import FrameType
from typing import NoReturn
from urllib.parse import urlsplit

from portico import environment
from portico.data import PROJECT, DataDirectory
from portico.errors import CommandError
from portico.gateway import GatewayApplication, GatewayServer, RestGateway, bind

CONNECT_SECONDS = 3.0
"""How long an endpoint may take to accept a connection before it counts as unreachable."""


def run(*, quiet: bool = False) -> None:
    """Serve until SIGINT or SIGTERM, then stop everything that was started.

    Raises:
        CommandError: the environment, the port or the store is not usable.
        StoreUnavailable: the store refuses to make the table.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    # What no line shows is not collected: https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001
    # Not below "portico", which is the logger of the Chalice application: Chalice cuts it off from the root.
    logging.getLogger("local.access").disabled = quiet
    for noisy in ("botocore", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    chosen_key = environment.admin_key()
    data = DataDirectory.from_environment()
    with ExitStack() as stack:
        listener = stack.enter_context(bind(environment.port()))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        open_store(data, stack)
        application, key = _build(data, chosen_key)

        def ready() -> None:
            print(_banner(url, data, key), f"ready {url}", sep="\n", flush=True)

        GatewayServer(application, listener, ready).run()


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """Stop a start that is under way as Ctrl-C would."""
    raise KeyboardInterrupt


def open_store(data: DataDirectory, stack: ExitStack) -> None:
    """Point the service at the store that ``PORTICO_DYNAMODB`` asks for, starting the embedded one.

    Raises:
        CommandError: there is no such store.
    """
    from portico.embedded import EmbeddedStore  # noqa: PLC0415 - it imports the service, which reads the environment

    chosen = os.environ.get("PORTICO_DYNAMODB") or "embedded"
    environment.check_dynamodb(chosen)
    os.environ["PORTICO_STAGE"] = "local"
    if chosen == "embedded":
        environment.use_store(stack.enter_context(EmbeddedStore(data.store)).url)
    elif chosen != "aws":
        check_reachable(chosen)
        environment.use_endpoint(chosen)


def check_reachable(url: str) -> None:
    """Connect to an endpoint and hang up, because botocore takes long to give up.

    Raises:
        CommandError: nothing listens there.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((str(parts.hostname), port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise CommandError(f"Nothing answers at PORTICO_DYNAMODB ({url}): {error.strerror or error}.") from error


def _build(data: DataDirectory, chosen_key: str | None) -> tuple[GatewayApplication, str]:
    """The gateway and the administrator's key, with the table made."""
    from chalice.cli.factory import CLIFactory  # noqa: PLC0415 - after the environment is complete

    from chalicelib import settings  # noqa: PLC0415
    from chalicelib.collections import jobs  # noqa: PLC0415
    from chalicelib.dynamo import provisioning, tables  # noqa: PLC0415
    from chalicelib.http import problems  # noqa: PLC0415
    from portico import admin_key  # noqa: PLC0415
    from portico.background import JobRunner  # noqa: PLC0415

    current = settings.reload()
    provisioning.ensure(tables.main)
    key = chosen_key or admin_key.ensure(data)
    config = CLIFactory(str(PROJECT)).create_config_obj("local")
    rest = RestGateway(config.chalice_app, config, render=problems.render, cors_origin=current.cors_origin)
    return GatewayApplication(rest, [JobRunner(jobs.run_pending)]), key


def _banner(url: str, data: DataDirectory, key: str) -> str:
    store = os.environ["PORTICO_DYNAMODB"]
    return f"""
Portico runs on this machine. Ctrl-C stops it.

  API        {url}
  OpenAPI    {url}/openapi.json
  Health     {url}/health
  DynamoDB   {store}
  Data       {data.path}
  Admin key  {key}

  curl {url}/v1/collections -H 'Authorization: Bearer {key}'
"""
