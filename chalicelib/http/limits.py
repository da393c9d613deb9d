"""What a request counts for: its plan lets it pass or not, and what it did goes into its caller's usage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.access import usage
from chalicelib.access.principals import ANONYMOUS_ID
from chalicelib.access.usage import Counts
from chalicelib.dynamo.session import Call, Recorder
from chalicelib.dynamo.tables import main
from chalicelib.errors import MalformedJson, TooManyOperations, TooManyRequests
from chalicelib.http import problems, requests

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.access.principals import Principal

_READS = frozenset({"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"})


@dataclass
class Units(Recorder):
    """Capacity units as they are consumed. The calls themselves are not kept."""

    read: float = 0.0
    write: float = 0.0

    def add(self, call: Call) -> None:
        """Add what a call has consumed."""
        if call.operation in _READS:
            self.read += call.units
        else:
            self.write += call.units


def limited(request: Request, operations: Callable[[Request], int], answer: Callable[[], Response]) -> Response:
    """The answer, if the caller's plan lets the request pass; and the request in the caller's usage."""
    caller = requests.principal(request)
    counts, units = Counts(), Units()
    headers: Mapping[str, str] = {}

    def admitted() -> Response:
        nonlocal headers
        try:
            headers = _admit(caller, request, operations)
        except (TooManyRequests, TooManyOperations):
            counts.rejected = 1
            raise
        counts.calls = 1
        with main.session.recording(units):
            return problems.rendered(request, answer)

    response = problems.rendered(request, admitted)
    response.headers.update(headers)
    counts.bytes_in, counts.bytes_out = len(request.raw_body), _size(response.body)
    counts.read_units, counts.write_units = units.read, units.write
    usage.METER.count(caller.id, counts)
    return response


def _admit(caller: Principal, request: Request, operations: Callable[[Request], int]) -> Mapping[str, str]:
    """The headers that say how many more requests may come.

    Raises:
        RateLimited, QuotaExceeded: 429. TooManyOperations: 422.
    """
    if caller.plan is None and caller.kind != ANONYMOUS_ID:
        return {}
    from chalicelib.access import plans, throttle  # noqa: PLC0415 - whoever has no plan does without

    if plans.of(caller) is None:
        return {}
    return throttle.admit(caller, operations(request), requests.address(request)).headers


def _size(body: object) -> int:
    if not isinstance(body, str):
        return len(body) if isinstance(body, bytes) else 0
    return len(body) if body.isascii() else len(body.encode())


def one(_: Request) -> int:
    """An ordinary request is one operation."""
    return 1


def operations(request: Request) -> int:
    """How many operations a batch or a transaction has; one, where that cannot be told."""
    try:
        body = requests.json(request)
    except MalformedJson:
        return 1
    listed = body.get("operations") if isinstance(body, dict) else None
    return max(1, len(listed)) if isinstance(listed, list) else 1


def lines(request: Request) -> int:
    """How many lines an import has that are not blank; one for none."""
    return max(1, sum(1 for line in requests.body(request).split(b"\n") if line.strip()))
