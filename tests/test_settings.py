from __future__ import annotations

import os

import pytest

from chalicelib import settings
from chalicelib.settings import Settings

IN_LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "api"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Settings()),
        ({"PORTICO_STAGE": "prod"}, Settings(stage="prod")),
        ({"PORTICO_STAGE": "local"}, Settings(stage="local", dynamodb="embedded")),
        ({"PORTICO_STAGE": "local", **IN_LAMBDA}, Settings(stage="local", dynamodb="aws")),
        ({"PORTICO_STAGE": "local", "PORTICO_DYNAMODB": "aws"}, Settings(stage="local", dynamodb="aws")),
        ({"PORTICO_DYNAMODB": "http://127.0.0.1:8001"}, Settings(dynamodb="http://127.0.0.1:8001")),
        ({"PORTICO_DYNAMODB": "embedded"}, Settings(dynamodb="embedded")),
        ({"PORTICO_TABLE": "mine"}, Settings(table="mine")),
        ({"PORTICO_TABLE": "", "PORTICO_DYNAMODB": "", "PORTICO_ADMIN_KEY": ""}, Settings()),
        ({"PORTICO_ADMIN_KEY": "chosen"}, Settings(admin_key="chosen")),
        ({"PORTICO_ADMIN_KEY": "chosen", **IN_LAMBDA}, Settings()),
        ({"PORTICO_CORS_ORIGIN": "https://example.com"}, Settings(cors_origin="https://example.com")),
        ({"PORTICO_CORS_ORIGIN": ""}, Settings(cors_origin="")),
    ],
)
def test_the_environment_is_the_settings(environ: dict[str, str], expected: Settings) -> None:
    assert Settings.from_environment(environ) == expected


@pytest.mark.parametrize(
    ("dynamodb", "url"),
    [
        ("aws", None),
        ("embedded", None),
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001"),
        ("https://example.com", "https://example.com"),
    ],
)
def test_only_a_url_is_an_endpoint(dynamodb: str, url: str | None) -> None:
    assert Settings(dynamodb=dynamodb).endpoint_url == url


def test_settings_are_overridden_within_a_block() -> None:
    before = settings.current()
    with settings.override(table="one") as outer:
        assert settings.current() is outer
        assert outer.table == "one"
        with settings.override(admin_key="x"):
            assert (settings.current().table, settings.current().admin_key) == ("one", "x")
        assert settings.current() is outer
    assert settings.current() is before


def test_settings_come_back_after_an_error() -> None:
    before = settings.current()
    with pytest.raises(KeyError), settings.override(table="one"):
        raise KeyError
    assert settings.current() is before


def test_an_override_of_the_endpoint_is_seen() -> None:
    _ = settings.current().endpoint_url
    with settings.override(dynamodb="http://127.0.0.1:1"):
        assert settings.current().endpoint_url == "http://127.0.0.1:1"


def test_the_environment_is_read_once_and_again_on_reload() -> None:
    before = os.environ.get("PORTICO_TABLE")
    read = settings.current()
    try:
        os.environ["PORTICO_TABLE"] = "changed"
        assert settings.current() is read
        assert settings.reload().table == "changed"
        assert settings.current().table == "changed"
    finally:
        if before is None:
            del os.environ["PORTICO_TABLE"]
        else:
            os.environ["PORTICO_TABLE"] = before
        settings.reload()
