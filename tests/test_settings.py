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
        ({"PORTICO_STAGE": "local"}, Settings(stage="local", dynamodb="embedded", longest_write=1.0)),
        ({"PORTICO_STAGE": "local", **IN_LAMBDA}, Settings(stage="local", dynamodb="aws")),
        (
            {"PORTICO_STAGE": "local", "PORTICO_DYNAMODB": "aws"},
            Settings(stage="local", dynamodb="aws", longest_write=1.0),
        ),
        ({"PORTICO_DYNAMODB": "http://127.0.0.1:8001"}, Settings(dynamodb="http://127.0.0.1:8001")),
        ({"PORTICO_DYNAMODB": "embedded"}, Settings(dynamodb="embedded")),
        ({"PORTICO_TABLE": "mine"}, Settings(table="mine")),
        ({"PORTICO_TABLE": "", "PORTICO_DYNAMODB": "", "PORTICO_ADMIN_KEY": ""}, Settings()),
        ({"PORTICO_ADMIN_KEY": "chosen"}, Settings(admin_key="chosen")),
        ({"PORTICO_ADMIN_KEY": "chosen", **IN_LAMBDA}, Settings()),
        ({"PORTICO_CORS_ORIGIN": "https://example.com"}, Settings(cors_origin="https://example.com")),
        ({"PORTICO_CORS_ORIGIN": ""}, Settings(cors_origin="")),
        ({"PORTICO_SIGNUP": "invite"}, Settings(signup="invite")),
        ({"PORTICO_ISSUER": "https://api.example.com"}, Settings(issuer="https://api.example.com")),
        ({"PORTICO_ISSUERS": "[]"}, Settings(issuers="[]")),
        ({"PORTICO_DELIVERY": "mail:send"}, Settings(delivery="mail:send")),
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


@pytest.mark.parametrize(
    ("environ", "mode"),
    [
        ({}, "closed"),
        ({"PORTICO_STAGE": "prod"}, "closed"),
        ({"PORTICO_STAGE": "local"}, "open"),
        ({"PORTICO_STAGE": "local", **IN_LAMBDA}, "closed"),
        ({"PORTICO_SIGNUP": "open"}, "open"),
        ({"PORTICO_SIGNUP": "invite", "PORTICO_STAGE": "local"}, "invite"),
        ({"PORTICO_SIGNUP": "closed", "PORTICO_STAGE": "local"}, "closed"),
        ({"PORTICO_SIGNUP": "opne", "PORTICO_STAGE": "local"}, "closed"),
    ],
)
def test_nobody_signs_up_on_aws_unless_that_was_decided(environ: dict[str, str], mode: str) -> None:
    assert Settings.from_environment(environ).signup_mode == mode


@pytest.mark.parametrize(
    ("given", "name"), [({"table": "mine"}, "urn:portico:mine"), ({"issuer": "https://a.example"}, "https://a.example")]
)
def test_tokens_are_issued_in_the_name_of_the_deployment(given: dict[str, str], name: str) -> None:
    assert Settings(**given).own_issuer == name  # type: ignore[arg-type]


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
