"""The data layer's figures by boto3: its client, which has attribute values, and its table, which has Python's."""

from __future__ import annotations

from typing import Any

import boto3  # type: ignore[import-untyped]
from boto3.dynamodb.conditions import Key  # type: ignore[import-untyped]
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer  # type: ignore[import-untyped]

from bench import canned
from bench.canned import EXACT, ITEM, MANY, NEW_TITLE, TABLE, VALUES

KEY = {"pk": ITEM["pk"], "sk": ITEM["sk"]}


def client() -> dict[str, Any]:
    """boto3's client: nothing is converted, and what is written was converted before."""
    dynamo = boto3.client("dynamodb")
    canned.attach(dynamo)
    keys = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in canned.KEYS]
    serialize, deserialize = TypeSerializer().serialize, TypeDeserializer().deserialize

    return {
        "encode": lambda: {name: serialize(value) for name, value in EXACT.items()},
        "decode": lambda: {name: deserialize(value) for name, value in ITEM.items()},
        "get": lambda: dynamo.get_item(TableName=TABLE, Key=KEY)["Item"],
        "put": lambda: dynamo.put_item(TableName=TABLE, Item=ITEM),
        "update": lambda: dynamo.update_item(
            TableName=TABLE,
            Key=KEY,
            UpdateExpression="SET title = :title",
            ExpressionAttributeValues={":title": {"S": NEW_TITLE}},
            ReturnValues="ALL_NEW",
        )["Attributes"],
        "query of 100": lambda: dynamo.query(
            TableName=TABLE,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": ITEM["pk"]},
            Limit=MANY,
        )["Items"],
        "batch get of 100": lambda: dynamo.batch_get_item(RequestItems={TABLE: {"Keys": keys}})["Responses"][TABLE],
    }


def resource() -> dict[str, Any]:
    """boto3's ``Table``: dictionaries of Python values, numbers as ``Decimal``."""
    table = boto3.resource("dynamodb").Table(TABLE)
    canned.attach(table.meta.client)
    key = {"pk": VALUES["pk"], "sk": VALUES["sk"]}

    return {
        "get": lambda: table.get_item(Key=key)["Item"],
        "put": lambda: table.put_item(Item=EXACT),
        "update": lambda: table.update_item(
            Key=key,
            UpdateExpression="SET title = :title",
            ExpressionAttributeValues={":title": NEW_TITLE},
            ReturnValues="ALL_NEW",
        )["Attributes"],
        "query of 100": lambda: table.query(KeyConditionExpression=Key("pk").eq(key["pk"]), Limit=MANY)["Items"],
    }
