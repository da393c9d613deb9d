from __future__ import annotations

import pytest

from portico import environment
from portico.errors import CommandError


@pytest.mark.parametrize(("text", "port"), [(None, 8000), ("", 8000), ("0", 0), ("65535", 65535)])
def test_the_port(text: str | None, port: int) -> None:
    assert environment.port({} if text is None else {"PORTICO_PORT": text}) == port


@pytest.mark.parametrize("text", ["x", "-1", "65536", "8000.0", "٨", " 1"])
def test_what_is_no_port_is_one_sentence(text: str) -> None:
    with pytest.raises(CommandError, match="PORTICO_PORT"):
        environment.port({"PORTICO_PORT": text})


@pytest.mark.parametrize("key", ["12345678", "!" * 256, 'pk_~{}|\\"'])
def test_any_visible_text_is_a_key(key: str) -> None:
    assert environment.admin_key({"PORTICO_ADMIN_KEY": key}) == key


@pytest.mark.parametrize("key", ["1234567", "!" * 257, "12345 678", "éééééééé", "12345678\n"])
def test_what_cannot_be_a_key_is_one_sentence(key: str) -> None:
    with pytest.raises(CommandError, match="PORTICO_ADMIN_KEY has to be 8 to 256"):
        environment.admin_key({"PORTICO_ADMIN_KEY": key})


@pytest.mark.parametrize(
    "value", ["embedded", "aws", "http://127.0.0.1:8001", "https://dynamodb.eu-north-1.amazonaws.com"]
)
def test_a_store_that_can_be_used(value: str) -> None:
    environment.check_dynamodb(value)


@pytest.mark.parametrize(
    "value", ["local", "127.0.0.1:8000", "ftp://x", "http://", "http://h:99999", "http://[", "AWS"]
)
def test_a_store_that_cannot_is_one_sentence(value: str) -> None:
    with pytest.raises(CommandError, match="PORTICO_DYNAMODB"):
        environment.check_dynamodb(value)


def test_the_embedded_store_never_sees_credentials_of_somebodys() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t", "AWS_PROFILE": "p",
               "AWS_REGION": "eu-north-1"}  # fmt: skip
    environment.use_store("http://127.0.0.1:1", environ)
    assert environ == {
        "PORTICO_DYNAMODB": "http://127.0.0.1:1",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "portico",
        "AWS_SECRET_ACCESS_KEY": "portico",
    }


def test_another_engine_gets_a_region_and_credentials_if_there_are_none() -> None:
    environ: dict[str, str] = {}
    environment.use_endpoint("http://127.0.0.1:1", environ)
    assert environ["AWS_ACCESS_KEY_ID"] == "portico"
    environ = {"AWS_ACCESS_KEY_ID": "mine", "AWS_DEFAULT_REGION": "eu-north-1"}
    environment.use_endpoint("http://127.0.0.1:1", environ)
    assert environ == {"AWS_ACCESS_KEY_ID": "mine", "AWS_DEFAULT_REGION": "eu-north-1", "AWS_REGION": "eu-north-1"}


def test_an_endpoint_of_awss_is_left_to_the_credential_chain() -> None:
    environ: dict[str, str] = {}
    environment.use_endpoint("https://dynamodb.eu-north-1.amazonaws.com", environ)
    assert "AWS_ACCESS_KEY_ID" not in environ
