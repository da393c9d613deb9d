from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.access import secret_store
from chalicelib.access.secret_store import Secret
from chalicelib.dynamo import session
from tests.dynamo.wire import assert_all_valid

ASK = "from chalicelib.access import secret_store; print(secret_store.get('cursor').hex())"


def test_a_secret_has_256_bits_and_is_made_once(table: str) -> None:
    with session.default().recording() as recorder:
        made = secret_store.get("cursor")
        assert secret_store.get("cursor") == made
    assert len(made) == 32
    assert recorder.operations == ["GetItem", "PutItem"]
    assert_all_valid(recorder.calls)


def test_each_name_has_its_own_secret(table: str) -> None:
    assert secret_store.get("cursor") != secret_store.get("token")


def test_each_table_has_its_own_secrets(table: str) -> None:
    made = secret_store.get("cursor")
    with settings.override(table="another-that-is-not-there"), pytest.raises(Exception, match="ResourceNotFound"):
        secret_store.get("cursor")
    assert secret_store.get("cursor") == made


def test_a_secret_that_another_process_made_is_taken(table: str) -> None:
    Secret(name="cursor", value="ab" * 32).put()
    assert secret_store.get("cursor") == b"\xab" * 32


def test_two_processes_have_the_same_secret(table: str) -> None:
    url = settings.current().endpoint_url
    environ = {**os.environ, "PORTICO_TABLE": table, "PORTICO_DYNAMODB": url or ""}
    asking = [
        subprocess.Popen([sys.executable, "-c", ASK], env=environ, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    answers = {process.communicate(timeout=30)[0].strip() for process in asking}
    assert answers == {secret_store.get("cursor").hex()}


def test_who_comes_second_takes_the_secret_of_the_first(table: str) -> None:
    together = threading.Barrier(4)
    events: Any = session.default().client.meta.events

    def wait_for_all_to_have_read(**_: object) -> None:
        together.wait(timeout=10)

    events.register("before-send.dynamodb.PutItem", wait_for_all_to_have_read)
    try:
        with ThreadPoolExecutor(4) as pool, session.default().recording() as recorder:
            answers = list(pool.map(secret_store.get, ["cursor"] * 4))
    finally:
        events.unregister("before-send.dynamodb.PutItem", wait_for_all_to_have_read)
    stored = Secret.get(name="cursor")
    assert stored is not None
    assert answers == [bytes.fromhex(stored.value)] * 4
    assert sorted(recorder.operations) == ["GetItem"] * 4 + ["PutItem"] * 4
