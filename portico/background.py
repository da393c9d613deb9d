"""What runs beside the requests on a developer's machine, and on AWS is triggered by schedules and streams."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from chalicelib.errors import StoreUnavailable

log = logging.getLogger("local.background")


class Service(Protocol):
    """Something that the gateway starts before it answers and stops when it has."""

    def start(self) -> None:
        """Begin; returns at once."""

    def stop(self) -> None:
        """End; returns when it has, within some seconds."""


class JobRunner:
    """Carries the background jobs on, as the schedule does on AWS.

    ``run_pending`` is called with the seconds that it may take and answers how many jobs it advanced. An exception
    is logged and the next round comes later: 0.5 s apart, doubled up to 16 s while they last.
    """

    PAUSE_SECONDS = 0.5
    LONGEST_PAUSE_SECONDS = 16.0
    ROUND_SECONDS = 5.0

    def __init__(self, run_pending: Callable[[float], int]) -> None:
        self._run_pending = run_pending
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="portico-jobs", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; waits for a round that is being carried out."""
        self._stopping.set()
        self._thread.join(2 * self.ROUND_SECONDS)

    def _run(self) -> None:
        pause = self.PAUSE_SECONDS
        while not self._stopping.wait(pause):
            try:
                self._run_pending(self.ROUND_SECONDS)
            except StoreUnavailable as error:
                log.warning("Background jobs wait for the store: %s", error.detail)
            except Exception:
                log.exception("A background job failed; it is tried again.")
            else:
                pause = self.PAUSE_SECONDS
                continue
            pause = min(2 * pause, self.LONGEST_PAUSE_SECONDS)
