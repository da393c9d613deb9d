"""The table: what it is made of, and making it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from chalicelib import settings
from chalicelib.dynamo import session
from chalicelib.errors import StoreThrottled, StoreUnavailable

if TYPE_CHECKING:
    from chalicelib.dynamo.errors import Item
    from chalicelib.dynamo.session import Session

INDEX_SLOTS = 5
"""Sparse global secondary indexes, ``gsi1`` to ``gsi5``, shared by all collections."""


class Table:
    """A DynamoDB table that models live in. Its name is looked up at every call, so that tests can change it."""

    def __init__(
        self,
        name: Callable[[], str],
        connect: Callable[[], Session] = session.default,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._name = name
        self._connect = connect
        self._sleep = sleep

    @property
    def name(self) -> str:
        """The table's name."""
        return self._name()

    @property
    def session(self) -> Session:
        """The session that reaches it."""
        return self._connect()

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """An operation on this table; see ``Session.call`` for what it raises."""
        return self._connect().call(operation, {"TableName": self._name(), **parameters})

    def get_items(self, keys: list[Item]) -> list[Item]:
        """The items that are there, in no order, as they are now: 100 a call, asked again for those handed back.

        Raises:
            StoreThrottled: it kept handing keys back.
        """
        found: list[Item] = []
        name = self.name
        for start in range(0, len(keys), 100):
            wanted = keys[start : start + 100]
            for _ in self._tries():
                request = {name: {"Keys": wanted, "ConsistentRead": True}}
                answer = self._connect().call("BatchGetItem", {"RequestItems": request})
                found += answer["Responses"].get(name, [])
                wanted = answer.get("UnprocessedKeys", {}).get(name, {}).get("Keys", [])
                if not wanted:
                    break
            else:
                raise StoreThrottled(_HANDED_BACK)
        return found

    def delete_items(self, keys: list[Item]) -> None:
        """Delete items unconditionally, 25 a call, until DynamoDB has taken every one.

        Raises:
            StoreThrottled: it kept handing items back; what was not deleted is still there.
        """
        for start in range(0, len(keys), 25):
            self._write_batch([{"DeleteRequest": {"Key": key}} for key in keys[start : start + 25]])

    def _write_batch(self, requests: list[dict[str, Any]]) -> None:
        name = self.name
        for _ in self._tries():
            answer = self._connect().call("BatchWriteItem", {"RequestItems": {name: requests}})
            requests = answer.get("UnprocessedItems", {}).get(name, [])
            if not requests:
                return
        raise StoreThrottled(_HANDED_BACK)

    def _tries(self) -> Iterator[None]:
        """The tries of a batch. The pause before each is twice as long as the one before it, 6 s in all."""
        yield
        for attempt in range(7):
            self._sleep(0.05 * 2**attempt)
            yield


_HANDED_BACK = "DynamoDB keeps handing items of a batch back; try again shortly."


main = Table(lambda: settings.current().table)
"""The one table of a deployment."""


def description(name: str) -> dict[str, Any]:
    """The parameters of CreateTable: on demand, stream with both images, and the index slots."""
    slots = range(1, INDEX_SLOTS + 1)
    keys = ["pk", "sk", *(f"_i{slot}{part}" for slot in slots for part in "hr")]
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
        "KeySchema": _key_schema("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": f"gsi{slot}",
                "KeySchema": _key_schema(f"_i{slot}h", f"_i{slot}r"),
                "Projection": {"ProjectionType": "ALL"},
            }
            for slot in slots
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }


def _key_schema(hash_name: str, range_name: str) -> list[dict[str, str]]:
    return [{"AttributeName": hash_name, "KeyType": "HASH"}, {"AttributeName": range_name, "KeyType": "RANGE"}]


def ensure(name: str) -> None:
    """Make the table with its indexes, stream, TTL and point-in-time recovery, unless it is there.

    It is usable when this returns, also when it is another process that makes it, or one that did not finish.

    Raises:
        StoreUnavailable: DynamoDB cannot be reached or refuses.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    client: Any = session.default().client
    try:
        made = _create(client, name)
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        _enable_expiry(client, name)
        if made:  # whether an existing table has it is its owner's decision
            _enable_recovery(client, name)
    except (BotoCoreError, ClientError) as error:
        raise StoreUnavailable(f"The table {name!r} cannot be made: {error}.") from error


def _create(client: Any, name: str) -> bool:
    """Whether the table was not there and is being made."""
    try:
        client.create_table(**description(name))
    except client.exceptions.ResourceInUseException:
        return False
    return True


def _enable_expiry(client: Any, name: str) -> None:
    """Time to live, where it is off: DynamoDB refuses to enable it twice, also when another process was first."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    def state() -> str:
        described = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        return str(described["TimeToLiveStatus"])

    if state() != "DISABLED":
        return
    try:
        client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "_ttl"})
    except ClientError:
        if state() == "DISABLED":
            raise


def _enable_recovery(client: Any, name: str) -> None:
    """Point-in-time recovery, where the engine has it (DynamoDB Local and ScyllaDB do not)."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in ("UnknownOperationException", "ValidationException"):
            raise
