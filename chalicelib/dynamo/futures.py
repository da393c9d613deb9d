"""Operations on one bounded pool: futures, with callbacks, and to be awaited."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from chalicelib.dynamo import session as sessions

if TYPE_CHECKING:
    from chalicelib.dynamo.session import Session

P = ParamSpec("P")
T = TypeVar("T")
_on_pool = threading.local()
_END: Any = object()


class Pending(Future[T]):
    """A future that ``await`` waits for, too, without blocking its event loop.

    As any ``concurrent.futures.Future`` it has ``result``, ``exception`` and ``add_done_callback``.
    """

    def __await__(self) -> Generator[Any, None, T]:
        import asyncio  # noqa: PLC0415 - only for those who have a loop

        return asyncio.wrap_future(self).__await__()


def submit(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Pending[T]:
    """Call the function on the pool: ``submit(Book.get, isbn="1")``. At most 16 run at once; the others wait.

    A function that is on the pool already may submit others, but must not wait for them.
    """
    pending: Pending[T] = Pending()

    def work() -> None:
        if pending.set_running_or_notify_cancel():
            _on_pool.here = True
            try:
                result = function(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - it is the future's
                pending.set_exception(error)
            else:
                pending.set_result(result)

    sessions.default().pool.submit(work)
    return pending


def side_by_side(session: Session, sources: Sequence[Callable[[], Iterator[T]]]) -> Iterator[T]:
    """What the sources give, as it comes. On the pool's threads; one after the other for who is on the pool itself.

    The first error ends it, and so does a consumer that stops; sources end at their next element.
    """
    if getattr(_on_pool, "here", False) or len(sources) == 1:
        for source in sources:
            yield from source()
        return
    results: queue.Queue[Any] = queue.Queue(maxsize=2 * len(sources))
    stopped = threading.Event()

    for source in sources:
        session.pool.submit(_drain, source, results, stopped)
    running = len(sources)
    try:
        while running:
            result, outcome = results.get()
            if outcome is _END:
                running -= 1
            elif outcome is not None:
                raise outcome
            else:
                yield result
    finally:
        stopped.set()


def _drain(source: Callable[[], Iterator[Any]], results: queue.Queue[Any], stopped: threading.Event) -> None:
    _on_pool.here = True
    outcome: Any = _END
    try:
        for result in [] if stopped.is_set() else source():
            _put(results, (result, None), stopped)
            if stopped.is_set():
                return
    except BaseException as error:  # noqa: BLE001 - it is the consumer's
        outcome = error
    _put(results, (None, outcome), stopped)


def _put(results: queue.Queue[Any], entry: Any, stopped: threading.Event) -> None:
    while not stopped.is_set():
        try:
            results.put(entry, timeout=0.1)
        except queue.Full:
            continue
        return
