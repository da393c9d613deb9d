from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo.session import Session
from chalicelib.dynamo.signing import Signer

from .wire import Stub

MOMENT = datetime(2026, 11, 21, 13, 30, 59, tzinfo=timezone.utc)
words = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789/+=", min_size=1, max_size=40)


def request_to(url: str, body: bytes = b"{}", **context: Any) -> AWSRequest:
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.GetItem"}
    made = AWSRequest("POST", url, {**headers, "User-Agent": "Portico", "amz-sdk-request": "attempt=1"}, body)
    made.context.update(context)
    return made


def signature_of_botocore(signed: AWSRequest, credentials: Credentials, region: str) -> str:
    """What botocore's signer makes of the headers that were signed."""
    names = str(signed.headers["Authorization"]).split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {name: signed.headers[name] for name in names if name != "host"}
    again = AWSRequest("POST", signed.url, headers, signed.data)
    again.context["timestamp"] = signed.headers["X-Amz-Date"]
    auth: Any = SigV4Auth(credentials, "dynamodb", region)
    return str(auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again))


@given(
    words,
    words,
    st.none() | words,
    st.binary(max_size=200),
    st.sampled_from(["https://dynamodb.eu-west-1.amazonaws.com/", "http://127.0.0.1:8000/", "https://a.example:443/"]),
)
def test_a_signature_is_the_one_that_botocore_makes(
    access_key: str, secret: str, token: str | None, body: bytes, url: str
) -> None:
    credentials = Credentials(access_key, secret, token)
    request = request_to(url, body)
    Signer(credentials, "eu-west-1", lambda: MOMENT)(request)
    authorization = request.headers["Authorization"]
    assert f"Credential={access_key}/20261121/eu-west-1/dynamodb/aws4_request" in authorization
    assert authorization.endswith("Signature=" + signature_of_botocore(request, credentials, "eu-west-1"))
    assert request.headers.get("X-Amz-Security-Token") == token
    assert request.headers["X-Amz-Date"] == "20261121T133059Z"


def test_the_region_is_the_endpoints_where_it_names_one() -> None:
    request = request_to("http://[::1]:8000/", signing={"region": "us-east-1"})
    Signer(Credentials("a", "b"), "local", lambda: MOMENT)(request)
    assert "/us-east-1/dynamodb/" in request.headers["Authorization"]
    assert request.headers["Authorization"].endswith(signature_of_botocore(request, Credentials("a", "b"), "us-east-1"))


def test_keys_follow_the_day_and_renewed_credentials() -> None:
    now = [MOMENT]
    credentials = Credentials("a", "b")
    sign = Signer(credentials, "eu-west-1", lambda: now[0])
    for moment, secret in ((MOMENT, "b"), (MOMENT + timedelta(days=1), "b"), (MOMENT, "c")):
        now[0], credentials.secret_key = moment, secret
        request = request_to("https://dynamodb.eu-west-1.amazonaws.com/")
        sign(request)
        expected = signature_of_botocore(request, credentials, "eu-west-1")
        assert request.headers["Authorization"].endswith(expected)


@pytest.mark.parametrize("attempts", [1, 3])
def test_every_attempt_of_a_session_is_signed(unconnected: Session, attempts: int) -> None:
    answers = [(500, {"__type": "InternalServerError"})] * (attempts - 1)
    stub = Stub(unconnected, *answers, (200, {}), retries=True)
    unconnected.call("GetItem", {"TableName": "t", "Key": {"pk": {"S": "a"}}})
    assert len(stub.sent) == attempts
    for sent in stub.sent:
        assert str(sent.headers["Authorization"]).count("AWS4-HMAC-SHA256") == 1
