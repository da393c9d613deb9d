from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from portico.embedded.process import EmbeddedStore, Lease, interpreter
from portico.errors import StoreFailed
from tests.portico.commands import is_running, wait_until

TABLE = {
    "TableName": "things",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


class Things:
    """A table in a store, by plain botocore."""

    def __init__(self, url: str) -> None:
        session = botocore.session.Session()
        session.set_credentials("portico", "portico")
        self.client: Any = session.create_client("dynamodb", region_name="us-east-1", endpoint_url=url)

    def make(self) -> Things:
        self.client.create_table(**TABLE)
        return self

    def put(self, *names: str) -> None:
        for name in names:
            self.client.put_item(TableName="things", Item={"pk": {"S": name}, "n": {"N": "1E-130"}, "b": {"B": b"\0"}})

    def names(self) -> set[str]:
        return {item["pk"]["S"] for item in self.client.scan(TableName="things")["Items"]}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def open_things() -> Iterator[Callable[[EmbeddedStore], Things]]:
    opened: list[Things] = []

    def open_one(store: EmbeddedStore) -> Things:
        opened.append(Things(store.url))
        return opened[-1]

    yield open_one
    for things in opened:
        things.client.close()


Open = Callable[[EmbeddedStore], Things]


def test_what_was_written_is_there_after_a_stop_and_a_start(directory: Path, open_things: Open) -> None:
    with EmbeddedStore(directory) as store:
        open_things(store).make().put("a", "b")
        pid = store.pid
    assert not is_running(pid)
    with EmbeddedStore(directory) as store:
        assert open_things(store).names() == {"a", "b"}


def test_every_acknowledged_write_survives_kill_9_and_the_store_comes_back_by_itself(
    directory: Path, open_things: Open, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedStore(directory) as store:
        things, url = open_things(store).make(), store.url
        for number in range(3):
            things.put(*(f"{number}-{each}" for each in range(20)))
            os.kill(store.pid, signal.SIGKILL)
            wait_until(lambda: store.starts == number + 2)  # noqa: B023
        assert store.url == url
        assert things.names() == {f"{number}-{each}" for number in range(3) for each in range(20)}
    assert "The embedded store ended; it was started again" in caplog.text


def test_transactions_updates_and_deletes_are_repeated_as_they_were(directory: Path, open_things: Open) -> None:
    with EmbeddedStore(directory) as store:
        things = open_things(store).make()
        things.put("a", "b", "c")
        for _ in range(3):
            things.client.update_item(
                TableName="things", Key={"pk": {"S": "a"}}, UpdateExpression="ADD seen :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )  # fmt: skip
        things.client.delete_item(TableName="things", Key={"pk": {"S": "b"}})
        things.client.transact_write_items(
            TransactItems=[
                {"Delete": {"TableName": "things", "Key": {"pk": {"S": "c"}}}},
                {"Put": {"TableName": "things", "Item": {"pk": {"S": "dé"}},
                         "ConditionExpression": "attribute_not_exists(pk)"}},
            ]
        )  # fmt: skip
        with pytest.raises(things.client.exceptions.ConditionalCheckFailedException):
            things.client.delete_item(
                TableName="things", Key={"pk": {"S": "a"}}, ConditionExpression="attribute_not_exists(pk)"
            )
        before = things.client.scan(TableName="things")["Items"]
        os.kill(store.pid, signal.SIGKILL)
        wait_until(lambda: store.starts == 2)
        assert things.client.scan(TableName="things")["Items"] == before
        assert things.names() == {"a", "dé"}


def test_a_torn_last_line_of_the_journal_is_left_out(directory: Path, open_things: Open) -> None:
    with EmbeddedStore(directory) as store:
        open_things(store).make().put("a")
        os.kill(store.pid, signal.SIGSTOP)
        (journal,) = directory.glob("journal-*")
        with journal.open("ab") as file:
            file.write(b'["DynamoDB_20120810.PutItem", "", "{\\"Tab')
        os.kill(store.pid, signal.SIGKILL)
        wait_until(lambda: store.starts == 2)
        assert open_things(store).names() == {"a"}


def test_a_second_user_attaches_and_the_store_stays_for_as_long_as_one_uses_it(
    directory: Path, open_things: Open
) -> None:
    with EmbeddedStore(directory) as first:
        with EmbeddedStore(directory) as second:
            assert (second.pid, second.url, second.started) == (first.pid, first.url, False)
        assert is_running(first.pid)
        open_things(first).make()


def test_many_that_start_at_once_share_one_store(directory: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from portico.embedded.process import EmbeddedStore\n"
        "with EmbeddedStore(Path(sys.argv[1])) as store: print(store.pid, flush=True); sys.stdin.read()"
    )
    users = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    assert all(user.stdout for user in users)
    pids = {int(user.stdout.readline()) for user in users if user.stdout}
    for user in users:
        user.communicate(timeout=30)
    (pid,) = pids
    wait_until(lambda: not is_running(pid))


def test_the_store_ends_when_its_only_user_is_killed(directory: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from portico.embedded.process import EmbeddedStore\n"
        "store = EmbeddedStore(Path(sys.argv[1])); print(store.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(directory)], stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout
        pid = int(user.stdout.readline())
        user.kill()
    assert is_running(pid)
    with EmbeddedStore(directory) as store:
        assert store.pid == pid
        assert not store.started
    wait_until(lambda: not is_running(pid))


def test_the_store_ends_when_nobody_follows_its_killed_user(directory: Path) -> None:
    store = EmbeddedStore(directory)
    store._closing.set()
    store._lease.connection.shutdown(2)
    wait_until(lambda: not is_running(store.pid))
    store._lease.connection.close()
    assert store._process is not None
    assert store._process.wait(20) == 0


def test_a_store_that_was_told_to_end_is_started_again(directory: Path, open_things: Open) -> None:
    with EmbeddedStore(directory) as store:
        open_things(store).make().put("a")
        os.kill(store.pid, signal.SIGTERM)
        wait_until(lambda: store.starts == 2)
        assert open_things(store).names() == {"a"}


def test_an_address_that_is_somebody_elses_is_not_taken(directory: Path, tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path / "other", memory=True) as other:
        address = json.loads((tmp_path / "other" / "address.json").read_text())
        directory.mkdir()
        (directory / "address.json").write_text(json.dumps(address))
        assert Lease.take(directory) is None
        with EmbeddedStore(directory, memory=True) as store:
            assert store.pid != other.pid


@pytest.mark.parametrize("content", [b"", b"{", b'{"pid": 1}', b'{"pid": 999999999, "lease": 1}'])
def test_a_stale_address_is_not_in_the_way(directory: Path, content: bytes) -> None:
    directory.mkdir()
    (directory / "address.json").write_bytes(content)
    with EmbeddedStore(directory, memory=True) as store:
        assert store.started


def test_a_state_that_cannot_be_read_is_neither_ignored_nor_overwritten(directory: Path) -> None:
    directory.mkdir()
    (directory / "state.json").write_text("{")
    with pytest.raises(StoreFailed, match=r"cannot be read .* move it away to start empty"):
        EmbeddedStore(directory)
    assert (directory / "state.json").read_text() == "{"


def test_in_memory_nothing_is_kept(directory: Path, open_things: Open) -> None:
    with EmbeddedStore(directory, memory=True) as store:
        open_things(store).make().put("a")
    assert {path.name for path in directory.iterdir()} == {"lock", "log"}


def test_a_missing_store_is_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="run `make setup`"):
        interpreter({}, tmp_path)
    with pytest.raises(StoreFailed, match="PORTICO_STORE_PYTHON names /nowhere"):
        interpreter({"PORTICO_STORE_PYTHON": "/nowhere"}, tmp_path)


def test_a_python_without_the_store_is_one_sentence(directory: Path) -> None:
    with pytest.raises(StoreFailed, match="did not start: ModuleNotFoundError"):
        EmbeddedStore(directory, python=Path(sys.executable))
