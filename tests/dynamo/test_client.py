from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest

from chalicelib.dynamo import client as clients
from chalicelib.dynamo.client import ATTEMPTS, make_client

REGIONS = ("us-east-1", "eu-north-1", "cn-north-1", "us-gov-west-1", "ap-southeast-7")


@pytest.fixture
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Credentials as Lambda gives them."""
    for name, value in {
        "ACCESS_KEY_ID": "AKIDEXAMPLE",
        "SECRET_ACCESS_KEY": "secret",
        "SESSION_TOKEN": "token",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return monkeypatch


def signed(client: Any) -> Any:
    """The request that a GetItem would send."""
    kept: list[Any] = []

    def keep(request: Any, **_: Any) -> None:
        kept.append(request)
        raise InterruptedError

    client.meta.events.register("before-send.dynamodb", keep)
    with pytest.raises(InterruptedError):
        client.get_item(TableName="t", Key={"pk": {"S": "a"}})
    return kept[0]


def scope(request: Any) -> str:
    """The credential scope of a signature: date, region, service."""
    authorization: str = request.headers["Authorization"].decode()
    return authorization.partition("Credential=")[2].partition(",")[0]


@pytest.mark.parametrize("region", REGIONS)
def test_the_lean_session_calls_and_signs_for_the_same_endpoint_as_botocores_own(
    in_lambda: pytest.MonkeyPatch, region: str
) -> None:
    in_lambda.setenv("AWS_DEFAULT_REGION", region)
    ours: Any = make_client(None, 4)
    stock: Any = botocore.session.get_session().create_client("dynamodb", region_name=region)
    try:
        mine, theirs = signed(ours), signed(stock)
    finally:
        ours.close()
        stock.close()
    assert mine.url == theirs.url
    assert scope(mine) == scope(theirs)
    assert mine.headers["X-Amz-Security-Token"] == theirs.headers["X-Amz-Security-Token"]


def test_credentials_that_are_not_in_the_environment_are_left_to_botocores_own_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    client: Any = make_client("http://127.0.0.1:1", 4)
    try:
        assert scope(signed(client)).startswith("portico/")
    finally:
        client.close()


def test_a_call_is_tried_so_often_and_says_who_sends_it(in_lambda: pytest.MonkeyPatch) -> None:
    client: Any = make_client("http://127.0.0.1:1", 4)
    try:
        assert client.meta.config.retries["total_max_attempts"] == ATTEMPTS
        assert signed(client).headers["User-Agent"].startswith(b"Portico/")
    finally:
        client.close()


class _Resolver:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def construct_endpoint(self, operation_model: Any, call_args: dict[str, Any], request_context: Any) -> str:
        self.asked.append(call_args["TableName"])
        return f"endpoint of {operation_model.name}"


def test_an_endpoint_is_resolved_once_but_for_tables_named_by_their_arn() -> None:
    resolver = _Resolver()
    clients._remember_endpoint(SimpleNamespace(_ruleset_resolver=resolver))
    get = SimpleNamespace(name="GetItem")
    for name in ("books", "shops", "arn:aws:dynamodb:eu-west-1:1:table/a", "arn:aws:dynamodb:eu-west-1:1:table/a"):
        assert resolver.construct_endpoint(get, {"TableName": name}, None) == "endpoint of GetItem"
    assert resolver.asked == ["books", *["arn:aws:dynamodb:eu-west-1:1:table/a"] * 2]
