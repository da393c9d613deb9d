"""The socket and the server under the gateway."""

from __future__ import annotations

import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from portico.errors import CommandError
from portico.gateway.asgi import GatewayApplication

HOST = "127.0.0.1"
STOP_SECONDS = 10
"""How long requests that are being answered may still take when the gateway stops."""


def bind(port: int) -> socket.socket:
    """Listen on a loopback port; 0 is any free one. Nothing is answered before ``serve``.

    Raises:
        CommandError: somebody else listens there, or this user must not.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"Port {port} is in use; stop what listens there, or choose another one with PORTICO_PORT."
            ) from error
        raise CommandError(f"Port {port} cannot be listened on: {error.strerror}.") from error
    return listener


class GatewayServer:
    """Uvicorn under the gateway. ``ready`` is called once, when the first request would be answered."""

    def __init__(self, application: GatewayApplication, listener: socket.socket, ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            application,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._listener = listener
        self._server = _Server(config, ready)

    def run(self) -> None:
        """Answer until ``stop``, or SIGINT or SIGTERM when this is the main thread.

        A second Ctrl-C does not wait for requests that are being answered.
        """
        self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        """End ``run``, from another thread."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """Uvicorn that says when it answers, and that leaves the process alive after SIGINT and SIGTERM."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
