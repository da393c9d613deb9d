"""``python -m bench.auth``: what telling who calls takes, and whether its time says who there is.

The pairs are measured in turn, in random order, and compared by Welch's t. Beyond about 4.5 (the threshold of the TVLA
leakage tests) the two times differ by more than chance.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from chalicelib import settings
from chalicelib.access import access_tokens, authentication, guesses, keys, users
from chalicelib.access.attempts import Limit
from chalicelib.dynamo import provisioning, tables
from chalicelib.errors import Problem
from portico import environment
from portico.embedded.process import EmbeddedStore

ROUNDS = 400
KNOWN, UNKNOWN = "ann@example.org", "bob@example.org"
PASSWORD = "correct horse battery"
HERE = "192.0.2.1"
UNLIMITED = 10**9
Call = Callable[[], object]


def pairs() -> dict[str, tuple[Call, Call]]:
    """What is compared: an attempt at something that there is, and one at something that there is not."""
    users.GUESSES, users.FAILURES, users.RESETS = (Limit(name, UNLIMITED, 3600) for name in ("g", "f", "r"))
    guesses.MOST = UNLIMITED
    users.sign_up(KNOWN, PASSWORD, None, HERE)
    made = keys.create()
    return {
        "sign-in with a wrong password": (
            lambda: users.sign_in(KNOWN, "wrong", HERE),
            lambda: users.sign_in(UNKNOWN, "wrong", HERE),
        ),
        "request of a reset": (
            lambda: users.request_reset(KNOWN, HERE),
            lambda: users.request_reset(UNKNOWN, HERE),
        ),
        "key with a wrong secret": (
            lambda: authentication.authenticate(_key(made.id)),
            lambda: authentication.authenticate(_key("0" * 12)),
        ),
    }


def singles() -> dict[str, Call]:
    """What is only timed."""
    user = users.sign_in(KNOWN, PASSWORD, HERE)
    token, key = access_tokens.issue(user), keys.create().secret
    return {
        "access token: admitted": lambda: authentication.authenticate(token),
        "access token: changed": lambda: authentication.authenticate(token[:-8] + "AAAAAAAA"),
        "access token: issued": lambda: access_tokens.issue(user),
        "key: admitted": lambda: authentication.authenticate(key),
        "malformed": lambda: authentication.authenticate("eyJhbGciOiJub25lIn0.e30."),
        "sign-in": lambda: users.sign_in(KNOWN, PASSWORD, HERE),
    }


def seconds(call: Call) -> float:
    """The time of a call, however it ends."""
    start = time.perf_counter()
    with suppress(Problem):
        call()
    return time.perf_counter() - start


def alternating(known: Call, unknown: Call, rounds: int) -> tuple[list[float], list[float]]:
    """The times of both, measured in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for which in random.sample((0, 1), 2):
            times[which].append(seconds((known, unknown)[which]))
    return times


def welch(one: Sequence[float], other: Sequence[float]) -> float:
    """Welch's t of the faster nine tenths, because what a machine does besides is in the slowest."""
    one, other = (sorted(times)[: len(times) * 9 // 10] for times in (one, other))
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return float((statistics.mean(one) - statistics.mean(other)) / spread**0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with (
        tempfile.TemporaryDirectory(prefix="portico-bench-") as folder,
        EmbeddedStore(Path(folder), memory=True) as store,
    ):
        environment.use_store(store.url)
        settings.reload()
        with settings.override(table="bench-auth", stage="local", signup="open", delivery="bench.auth:nowhere"):
            provisioning.ensure(tables.main)
            for name, (known, unknown) in pairs().items():
                one, other = alternating(known, unknown, rounds)
                print(f"{name:32} {_ms(one):>9} ms known {_ms(other):>9} ms unknown   t = {welch(one, other):+.1f}")
            for name, call in singles().items():
                print(f"{name:32} {_ms([seconds(call) for _ in range(rounds)]):>9} ms")


def nowhere(_: object) -> None:
    """Where resets are delivered to."""


def _ms(times: Sequence[float]) -> str:
    return f"{statistics.median(times) * 1e3:.3f}"


def _key(key_id: str) -> str:
    body = f"pk_{key_id}_{'S' * 43}"
    return f"{body}{zlib.crc32(body.encode()):08x}"


if __name__ == "__main__":
    main()
