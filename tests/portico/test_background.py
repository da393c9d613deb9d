from __future__ import annotations

import logging
import threading

import pytest

from chalicelib.errors import StoreUnavailable
from portico.background import JobRunner


class Rounds(JobRunner):
    PAUSE_SECONDS = 0.001
    LONGEST_PAUSE_SECONDS = 0.002


def test_jobs_go_on_after_any_exception(caplog: pytest.LogCaptureFixture) -> None:
    seconds: list[float] = []
    enough = threading.Event()

    def run_pending(budget: float) -> int:
        seconds.append(budget)
        if len(seconds) == 1:
            raise StoreUnavailable("The table is away.")
        if len(seconds) == 2:
            raise ZeroDivisionError
        if len(seconds) == 4:
            enough.set()
        return 0

    runner = Rounds(run_pending)
    with caplog.at_level(logging.WARNING, "local.background"):
        runner.start()
        assert enough.wait(10)
        runner.stop()
    assert set(seconds) == {5.0}
    first, second = caplog.records
    assert (first.getMessage(), first.exc_info) == ("Background jobs wait for the store: The table is away.", None)
    assert second.exc_info is not None
