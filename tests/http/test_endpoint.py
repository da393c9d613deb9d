from __future__ import annotations

import logging

import pytest
from chalice.app import Request, Response

from chalicelib.errors import RecordNotFound
from chalicelib.http.endpoint import endpoint
from tests.http.test_problems import document
from tests.http.test_requests import request


@endpoint("service")
def _fine(_: Request) -> Response:
    return Response("{}", {}, 200)


@endpoint("service")
def _refuses(_: Request) -> Response:
    raise RecordNotFound("c", "i")


@endpoint("service")
def _defective(_: Request) -> Response:
    raise ZeroDivisionError("a secret detail")


def test_an_answer_goes_through() -> None:
    assert _fine(request()).status_code == 200


def test_a_problem_becomes_its_answer() -> None:
    assert document(_refuses(request()))["code"] == "record_not_found"


def test_a_defect_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        found = document(_defective(request()))
    assert (found["status"], found["code"]) == (500, "internal_error")
    assert "secret" not in str(found)
    assert "a secret detail" in caplog.text


def test_an_endpoint_has_to_be_in_the_table() -> None:
    with pytest.raises(KeyError):
        endpoint("nobody")
