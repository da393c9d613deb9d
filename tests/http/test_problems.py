from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from chalice.app import Request, Response

from chalicelib import settings
from chalicelib.errors import MEDIA_TYPE, RecordNotFound, Unauthenticated, UniqueViolation
from chalicelib.http import problems

REQUEST: Any = object()


def document(response: Response) -> dict[str, Any]:
    assert response.headers["Content-Type"] == MEDIA_TYPE
    assert isinstance(response.body, str)
    found: dict[str, Any] = json.loads(response.body)
    assert found["status"] == response.status_code
    return found


def through_middleware(response: Response) -> Response:
    def get_response(_: Request) -> Response:
        return response

    return problems.middleware(REQUEST, get_response)


def test_a_problem_has_its_status_document_and_headers() -> None:
    response = problems.render(Unauthenticated())
    assert document(response)["code"] == "unauthenticated"
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="portico"'


def test_extensions_are_members_of_the_document() -> None:
    found = document(problems.render(UniqueViolation(["a/b"])))
    assert found["errors"] == [{"pointer": "/a~1b", "detail": "is taken"}]


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "bad_request"), (405, "method_not_allowed"), (415, "unsupported_media_type"), (500, "internal_error")],
)
def test_what_chalice_answers_by_itself_becomes_a_problem(status: int, code: str) -> None:
    response = through_middleware(Response({"Code": "X", "Message": "what Chalice says"}, {"Allow": "GET"}, status))
    found = document(response)
    assert found["code"] == code
    assert response.headers["Allow"] == "GET"
    assert ("what Chalice says" in found["detail"]) == (status != 500), "a defect's text is nobody's business"


def test_it_can_be_read_by_a_browsers_script() -> None:
    for origin, headers in (("https://a.example", {"Access-Control-Allow-Origin": "https://a.example"}), ("", {})):
        with settings.override(cors_origin=origin):
            response = through_middleware(Response({"Message": "no"}, {}, 405))
        assert {name: v for name, v in response.headers.items() if name.startswith("Access")} == headers


def test_what_portico_answers_goes_through_as_it_is() -> None:
    for response in (problems.render(RecordNotFound("c", "i")), Response("{}", {}, 200), Response({"a": 1}, {}, 200)):
        assert through_middleware(response) is response


def test_numbers_of_a_problem_keep_their_digits() -> None:
    problem = RecordNotFound("c", "i")
    problem.extensions["n"] = Decimal("12345678901234567890.1")
    assert "12345678901234567890.1" in str(problems.render(problem).body)
