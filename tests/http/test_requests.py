from __future__ import annotations

import pytest
from chalice.app import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collections import ids
from chalicelib.collections.preconditions import ANY, NONE, Preconditions
from chalicelib.errors import InvalidIdentifier, InvalidParameter, InvalidWhere
from chalicelib.http import requests


def request(method: str = "GET", body: bytes = b"", where: str | None = None, **headers: str) -> Request:
    return Request(
        {
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "multiValueQueryStringParameters": None if where is None else {"if": [where]},
            "pathParameters": {},
            "requestContext": {"httpMethod": method, "resourcePath": "/"},
            "stageVariables": {},
            "body": body.decode("latin-1"),
            "isBase64Encoded": False,
        }
    )


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("*", ANY),
        (" * ", ANY),
        ('"7"', {7}),
        ('W/"7"', {7}),
        (' "1","2" , W/"3"', {1, 2, 3}),
        ('"1",', {1}),
        ('""', {0}),
        ('"abc"', {0}),
        ('"9999999999999999"', {0}),
        ('"-1"', {0}),
        ('"٣"', {0}),
        ('"1, 2"', {0}),
    ],
)
def test_entity_tags_are_versions_and_foreign_ones_match_nothing(text: str, versions: set[int]) -> None:
    assert requests.preconditions(request(if_match=text)) == Preconditions(match=frozenset(versions))
    assert requests.preconditions(request(if_none_match=text)) == Preconditions(none_match=frozenset(versions))


def test_without_headers_there_are_no_preconditions() -> None:
    assert requests.preconditions(request()) is NONE


def test_any_version_is_recognised_by_identity() -> None:
    assert requests.preconditions(request(if_none_match="*")).only_create


@settings(deadline=None)
@given(st.text(max_size=20) | st.text("stock >=!$'\"()[].0and\n", max_size=30))
def test_whatever_a_condition_says_it_is_understood_or_refused(text: str) -> None:
    try:
        found = requests.preconditions(request(where=text))
    except InvalidWhere:
        return
    assert found.where is not None
    assert not found.given


@settings(deadline=None)
@given(st.text('"W/*,0123456789 a\t', max_size=20))
def test_whatever_a_header_says_it_is_understood_or_refused(text: str) -> None:
    try:
        found = requests.preconditions(request(if_match=text))
    except InvalidParameter:
        return
    assert found.match


@settings(deadline=None)
@given(st.text(max_size=20))
def test_whatever_a_path_says_is_an_id_or_refused(text: str) -> None:
    try:
        found = requests.record_id(text)
    except InvalidIdentifier:
        return
    assert ids.ID.match(found)


def test_a_repetition_is_the_same_method_path_and_body() -> None:
    def identity(*arguments: object, **headers: str) -> object:
        return requests.once(request(*arguments, **headers))  # type: ignore[arg-type]

    one = identity("POST", b"{}", idempotency_key="k")
    assert one == identity("POST", b"{}", None, idempotency_key="k")
    assert one != identity("POST", b"{}", "a", idempotency_key="k") != identity("POST", b"{}", "b", idempotency_key="k")
    assert one is not None
    assert one == identity("POST", b"{}", idempotency_key='"k"')
    assert one != identity("POST", b"{ }", idempotency_key="k")
    assert one != identity("PATCH", b"{}", idempotency_key="k")
    assert one != identity("POST", b"{}", idempotency_key="K")
    assert identity("POST", b"{}") is None
