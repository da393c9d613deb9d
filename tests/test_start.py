"""What a Lambda container loads before its first answer: what it answers with, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PORTICO_DYNAMODB": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
}
NEVER_AT_START = (
    "jsonschema_rs",
    "portico",
    "boto3",
    "concurrent.futures.thread",
    "chalicelib.dynamo.conditions",
    "chalicelib.dynamo.hooks",
    "chalicelib.dynamo.plugins",
    "chalicelib.dynamo.futures",
    "chalicelib.dynamo.provisioning",
    "chalicelib.dynamo.types.rich",
    "chalicelib.dynamo.specialised",
    "chalicelib.schema.definition",
    "chalicelib.http.openapi",
    "chalicelib.collections.operations",
    "chalicelib.collections.imports",
    "chalicelib.collections.jobs",
    "jwt",
    "cryptography",
    "argon2",
    "chalicelib.access.tokens",
    "chalicelib.access.users",
    "chalicelib.access.keyring",
    "chalicelib.access.audit",
    "chalicelib.access.issuers",
    "chalicelib.access.signing_keys",
)
ONLY_FOR_WRITES = ("chalicelib.collections.writes", "chalicelib.collections.patches", "chalicelib.dynamo.transactions")


def loaded_after(statements: str) -> set[str]:
    """The modules that a new process has loaded."""
    script = f"{statements}\nimport sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(result.stdout.split())


@pytest.mark.parametrize("statements", ["import app", "import app; app.http.reading; app.http.service"])
def test_the_first_read_loads_nothing_that_only_others_need(statements: str) -> None:
    loaded = loaded_after(statements)
    assert "chalicelib.dynamo.session" in loaded
    assert not loaded & {*NEVER_AT_START, *ONLY_FOR_WRITES}


def test_a_write_loads_what_writes_need() -> None:
    assert loaded_after("import app; app.http.records") >= {"chalicelib.collections.writes"}
