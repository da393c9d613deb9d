from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from chalicelib.dynamo.errors import NotStored
from chalicelib.dynamo.futures import Pending, side_by_side, submit
from chalicelib.dynamo.session import PARALLEL_CALLS, Recorder, Session, default

from .products import KEY, Product, product


@pytest.fixture(autouse=True)
def _table(recorder: Recorder) -> None:
    """What is submitted runs on the session of the test's store."""


class Gate:
    """Calls that stay until they are let through."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.lock = threading.Lock()
        self.inside = self.most = 0

    def __call__(self, _: int = 0) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.open.wait(10)
        with self.lock:
            self.inside -= 1


def test_a_submitted_call_gives_its_result() -> None:
    product().put()
    pending = submit(Product.get, shop="A", id="1")
    assert pending.result() == product()
    assert pending.done()


def test_models_operations_can_be_submitted() -> None:
    product().put()
    assert Product.query(shop="A").submit().result() == [product()]
    assert Product.scan().parallel(3).submit().result() == [product()]
    assert Product.update(**KEY).set(Product.name, "Ink").submit().result().name == "Ink"


def test_an_error_is_the_futures() -> None:
    pending = Product.update(shop="B", id="2").submit()
    assert isinstance(pending.exception(), NotStored)
    with pytest.raises(NotStored):
        pending.result()


def test_callbacks_are_called_with_the_future() -> None:
    called: list[Pending[int]] = []
    done = threading.Event()
    pending = submit(int, "7")
    pending.add_done_callback(called.append)  # type: ignore[arg-type]
    pending.add_done_callback(lambda _: done.set())
    assert done.wait(5)
    assert [each.result() for each in called] == [7]


def test_a_future_can_be_awaited_with_others() -> None:
    product().put()

    async def both() -> tuple[Product | None, list[Product]]:
        one, all_ = submit(Product.get, shop="A", id="1"), Product.query(shop="A").submit()
        return await one, await all_

    assert asyncio.run(both()) == (product(), [product()])

    async def failing() -> None:
        await Product.update(shop="B", id="2").submit()

    with pytest.raises(NotStored):
        asyncio.run(failing())


def test_so_many_run_at_once_and_what_waits_can_be_cancelled() -> None:
    gate = Gate()
    running = [submit(gate) for _ in range(PARALLEL_CALLS)]
    waiting = [submit(gate) for _ in range(3)]
    while gate.inside < PARALLEL_CALLS:
        time.sleep(0.001)
    assert all(pending.cancel() for pending in waiting)
    assert not running[0].cancel()
    last = submit(gate)
    gate.open.set()
    for pending in [*running, last]:
        pending.result(5)
    assert gate.most == PARALLEL_CALLS
    assert all(pending.cancelled() for pending in waiting)


def test_parallel_scans_within_submitted_calls_do_not_wait_for_each_other() -> None:
    Product.put_many([product(id=f"{number}") for number in range(20)])
    pending = [submit(Product.scan().parallel(8).count) for _ in range(2 * PARALLEL_CALLS)]
    assert [each.result(20) for each in pending] == [20] * (2 * PARALLEL_CALLS)


def numbers(start: int) -> Iterator[int]:
    yield from range(start, start + 3)


def test_sources_side_by_side_give_everything() -> None:
    session = default()
    found = list(side_by_side(session, [lambda start=start: numbers(start) for start in range(0, 300, 3)]))  # type: ignore[misc]
    assert sorted(found) == list(range(300))
    assert list(side_by_side(session, [])) == []


def test_an_error_ends_what_is_side_by_side() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(side_by_side(default(), [failing, lambda: iter(range(10**9))]))


def test_a_closed_session_runs_nothing_more(unconnected: Session) -> None:
    assert list(side_by_side(unconnected, [lambda: iter([1]), lambda: iter([2])])) in ([1, 2], [2, 1])
    unconnected.close()
    with pytest.raises(RuntimeError):
        list(side_by_side(unconnected, [lambda: iter([1]), lambda: iter([2])]))
