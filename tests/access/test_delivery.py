from __future__ import annotations

import logging

import pytest

from chalicelib import settings
from chalicelib.access.delivery import Message, deliver
from tests.support import postbox

MESSAGE = Message("password_reset", "ann@example.org", "pw_secret", 3600)


def test_the_function_that_is_named_gets_the_message() -> None:
    with settings.override(delivery="tests.support.postbox:put"), postbox.emptied() as messages:
        deliver(MESSAGE)
        assert messages == [MESSAGE]


def test_on_the_developers_machine_the_console_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    with settings.override(delivery="", stage="local", in_lambda=False):
        deliver(MESSAGE)
    assert "pw_secret" in caplog.text


@pytest.mark.parametrize("elsewhere", [{"stage": "prod"}, {"stage": "local", "in_lambda": True}])
def test_anywhere_else_nothing_shows_it(caplog: pytest.LogCaptureFixture, elsewhere: dict[str, object]) -> None:
    with settings.override(delivery="", **elsewhere), caplog.at_level(logging.DEBUG):
        deliver(MESSAGE)
    assert "pw_secret" not in caplog.text
    assert "PORTICO_DELIVERY" in caplog.text


@pytest.mark.parametrize("named", ["tests.support.postbox:fail", "no.such.module:x", "tests.support.postbox", "x"])
def test_a_function_that_fails_is_logged_and_nobody_else_learns_of_it(
    caplog: pytest.LogCaptureFixture, named: str
) -> None:
    with settings.override(delivery=named):
        deliver(MESSAGE)
    assert "PORTICO_DELIVERY" in caplog.text
    assert "pw_secret" not in caplog.text


def test_a_message_does_not_show_its_token() -> None:
    assert "pw_secret" not in repr(MESSAGE)
